"""Traces and datasets."""
