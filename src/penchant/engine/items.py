"""Items alone: taken in one by one, popular ones, those like another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from penchant.core.contracts import EventFeatures, Reading
from penchant.core.errors import InvalidItemError, InvalidRequestError, PenchantError
from penchant.core.ids import ItemId
from penchant.core.items import Item
from penchant.engine.shelf import Shelf
from penchant.engine.user_now import NOWHERE
from penchant.ingest.wire import item_from

MOST: Final = 1_000
"""Items of one answer at most."""


class ItemOutcome(NamedTuple):
    """What became of one item of many, of which some may be wrong."""

    item: ItemId | None
    """None: rejected."""
    status: str
    """`created`, `replaced` or `rejected`."""
    error: str | None
    """A sentence on why it was rejected."""


def item_or_error(row: Any) -> Item | PenchantError:
    """The item that `row` describes, or why it describes none."""
    if not isinstance(row, Mapping):
        return InvalidItemError(
            f'an item is {row!r:.80}; allowed is a mapping such as {{"id": "tea", "title": "Tea"}}'
        )
    try:
        return item_from(row)
    except PenchantError as error:
        return error


def item_outcomes(made: Sequence[Item | PenchantError], shelf: Shelf) -> list[ItemOutcome]:
    """What becomes of each, put on `shelf` as it is; of two with one id the later replaces."""
    told, there = [], set[ItemId]()
    for one in made:
        if isinstance(one, PenchantError):
            told.append(ItemOutcome(None, "rejected", str(one)))
        else:
            known = one.id in there or shelf.has(one.id)
            told.append(ItemOutcome(one.id, "replaced" if known else "created", None))
            there.add(one.id)
    return told


def check_page(limit: int, offset: int = 0, name: str = "limit") -> None:
    """Raise for an answer of no or too many items, or one that begins before the first."""
    if not 1 <= limit <= MOST:
        raise InvalidRequestError(f"{name} is {limit}; allowed are 1 to {MOST}")
    if offset < 0:
        raise InvalidRequestError(f"offset is {offset}; allowed are 0 and more")


def nobody(now_s: float, *recent: EventFeatures) -> Reading:
    """A reading of somebody of whom nothing is known but `recent`."""
    return Reading({}, recent, {}, frozenset(), now_s, NOWHERE)
