"""Vectors: add a space, fill it, index it, activate it."""
