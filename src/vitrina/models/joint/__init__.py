"""Models that embed pictures and words alike, run here or asked of an endpoint."""
