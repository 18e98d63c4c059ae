"""Metrics and intervals in NumPy."""
