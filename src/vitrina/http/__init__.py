"""HTTP within bounds of time, size and addresses."""
