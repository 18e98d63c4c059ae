"""Weights, blends and topics are learned here, and published."""
