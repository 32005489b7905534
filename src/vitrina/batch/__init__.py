"""The half-price way: products are asked of the Batch API, and collected."""
