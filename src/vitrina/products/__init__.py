"""Products from files and a shop's own tables."""
