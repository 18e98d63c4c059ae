"""Torch blocks without a business word."""
