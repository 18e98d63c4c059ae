"""The names of things: users, items, events, positions in the log, published models."""

from typing import NewType

UserId = NewType("UserId", str)
ItemId = NewType("ItemId", str)
EventId = NewType("EventId", str)
ArtifactId = NewType("ArtifactId", str)
Cursor = NewType("Cursor", int)
"""A position in the event log; grows, is never reused, and is an opaque string on the wire."""

START = Cursor(0)
"""The position before the first event."""
