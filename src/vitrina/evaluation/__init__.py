"""Searches measured: grades, metrics, peers."""
