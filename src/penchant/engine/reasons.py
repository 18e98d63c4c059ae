"""Reasons as a caller gets them: which of a user's events decide a place, in ids and titles."""

from collections.abc import Callable, Sequence

from penchant.core.contracts import Found, Reading, Request
from penchant.core.events import Event
from penchant.core.ids import EventId
from penchant.core.slates import Reason
from penchant.engine.explain import Cause, Removal
from penchant.engine.shelf import Shelf
from penchant.engine.write_path import WritePath


def reasons(
    memory: WritePath,
    request: Request,
    rows: Sequence[int],
    find: Callable[[Reading], Found],
    now_s: float,
) -> dict[int, Reason]:
    """Why each of `rows` stands where it does among what `find` gives, where few events decide.

    An event suffices that drops the item out of the first `request.n` places.
    """
    events = memory.histories.events(request.user)[1]
    features = memory.histories.features(memory.stages, events)
    hides = [memory.histories.hides(event) for event in events]
    removal = Removal(memory.stages, find, request, features, hides, now_s)
    causes = removal.causes(rows, request.n)
    return {row: _reason(cause, events, memory.shelf) for row, cause in causes.items()}


def _reason(cause: Cause, events: Sequence[Event], shelf: Shelf) -> Reason:
    """A cause in ids and titles; `events` are the user's, by position."""
    removed = [events[position] for position in cause.removed]
    items = [event.item for event in removed]
    titles = [shelf.title(item) for item in items]
    without = None if cause.rank_without is None else cause.rank_without + 1
    ids = [event.id or EventId("") for event in removed]
    return Reason(ids, items, titles, cause.rank + 1, without)
