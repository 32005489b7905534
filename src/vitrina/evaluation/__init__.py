"""Measuring searches: grades, metrics, peers."""
