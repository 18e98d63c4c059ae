"""What a user took last: the positive events at the end of a history."""

from collections.abc import Sequence
from itertools import islice

from penchant.core.contracts import EventFeatures


def latest_taken(
    events: Sequence[EventFeatures], limit: int, look_back: int | None = None
) -> list[int]:
    """Distinct rows of the last positive events, newest first, at most `limit`.

    `look_back` bounds how many events are looked at, counted from the newest.

    >>> shown = [EventFeatures(row, None, 1, weight, 0.0, 0.0)
    ...          for row, weight in [(5, 1.0), (3, 1.0), (5, 2.0), (4, -1.0), (-1, 1.0)]]
    >>> latest_taken(shown, limit=3), latest_taken(shown, limit=3, look_back=3)
    ([5, 3], [5])
    """
    rows: dict[int, None] = {}
    for event in islice(reversed(events), look_back):
        if event.weight > 0 and event.row >= 0:
            rows[event.row] = None
            if len(rows) == limit:
                break
    return list(rows)
