"""Items alone: taken in one by one, popular ones, those like another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from penchant.core.contracts import EventFeatures, Mask, Reading
from penchant.core.errors import InvalidItemError, InvalidRequestError, PenchantError, nearest
from penchant.core.ids import ItemId
from penchant.core.interests import Interests
from penchant.core.items import Item
from penchant.core.taken import TakenItems
from penchant.engine.shelf import Shelf
from penchant.engine.stages import Live
from penchant.engine.user_now import NOWHERE
from penchant.engine.write_path import WritePath
from penchant.ingest.wire import item_from
from penchant.retrieval.exact_search import top
from penchant.retrieval.trending import Trending

MOST: Final = 1_000
"""Items of one answer at most."""
WINDOWS: Final = ("1d", "7d", "30d")
"""Days that popularity is counted over."""


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
    except RecursionError:  # of showing what is wrong
        return InvalidItemError("the item is nested too deeply; allowed is a flat mapping")


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
    return Reading({}, recent, TakenItems(), frozenset(), now_s, NOWHERE)


def popular(
    memory: WritePath, n: int, category: str | None, window: str, now_s: float
) -> list[tuple[Item, float]]:
    """What was taken most in `window`, with its weight; nothing that nobody took."""
    counts = _window(memory.live, window)
    allowed = _allowed(memory, now_s) & memory.shelf.visible(category)
    found = counts.find(nobody(now_s), allowed, n)
    return _with_scores(memory.shelf, found.rows.tolist(), found.scores.tolist())


def similar(memory: WritePath, row: int, n: int, now_s: float) -> list[tuple[Item, float]]:
    """What the same people took, strongest first; then what trained vectors say is near.

    The scores of the two are on scales of their own.
    """
    sources, vectors = memory.stages.sources, memory.shelf.vectors
    allowed = _allowed(memory, now_s)
    allowed[row] = False
    taken = nobody(now_s, EventFeatures(row, None, 0, 1.0, 0.0, now_s))
    together = sources.get("item_item") or sources["co_visit"]
    first = together.find(taken, allowed, n)
    rows, scores = first.rows.tolist(), first.scores.tolist()
    if vectors is not None and len(rows) < n:
        allowed[rows] = False
        own = Interests(vectors[row][None], np.ones(1, np.float32))
        near = top(own.score(vectors), allowed, n - len(rows), above=0.0)
        rows, scores = rows + near.rows.tolist(), scores + near.scores.tolist()
    return _with_scores(memory.shelf, rows, scores)


def _window(live: Live, window: str) -> Trending:
    counts = dict(zip(WINDOWS, (live.trending_1d, live.popular, live.trending_30d), strict=True))
    if window not in counts:
        raise InvalidRequestError(
            f"window is {window!r}{nearest(window, WINDOWS)}; allowed are {', '.join(WINDOWS)}"
        )
    return counts[window]


def _allowed(memory: WritePath, now_s: float) -> Mask:
    """(N,) a copy: which items are to be had at `now_s`."""
    facts = memory.shelf.facts(memory.live.added_s)
    return np.asarray(facts.available & (facts.expires_s > now_s), np.bool_)


def _with_scores(
    shelf: Shelf, rows: Sequence[int], scores: Sequence[float]
) -> list[tuple[Item, float]]:
    return [(shelf.item(row), score) for row, score in zip(rows, scores, strict=True)]
