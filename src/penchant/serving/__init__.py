"""Serving: the engine behind HTTP, with push, a page and metrics."""
