"""Shared words: ids, events, items, signals, interests, contracts, errors, time and chance."""
