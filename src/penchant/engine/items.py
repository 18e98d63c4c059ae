"""Questions about items alone: what is called so, what is popular, what is like it."""

from typing import Final

from penchant.core.contracts import EventFeatures, Reading
from penchant.core.errors import InvalidRequestError
from penchant.engine.user_now import NOWHERE

MOST: Final = 1_000
"""Items of one answer at most."""


def check_page(limit: int, offset: int = 0, name: str = "limit") -> None:
    """Raise for an answer of no or too many items, or one that begins before the first."""
    if not 1 <= limit <= MOST:
        raise InvalidRequestError(f"{name} is {limit}; allowed are 1 to {MOST}")
    if offset < 0:
        raise InvalidRequestError(f"offset is {offset}; allowed are 0 and more")


def nobody(now_s: float, *recent: EventFeatures) -> Reading:
    """A reading of somebody of whom nothing is known but `recent`."""
    return Reading({}, recent, {}, frozenset(), now_s, NOWHERE)
