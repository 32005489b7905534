"""From files and a shop's own tables to products."""
