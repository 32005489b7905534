"""From a query to its hits."""
