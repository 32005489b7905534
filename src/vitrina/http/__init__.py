"""HTTP within bounds: of time, of size, and of who is asked."""
