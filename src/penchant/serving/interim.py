"""What the engine does not do yet."""

from typing import Any


def quality(engine: Any) -> Any:
    """The report of the log."""
    return getattr(engine, "quality", dict)
