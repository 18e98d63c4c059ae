"""What a user took last: the positive events at the end of a history."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from penchant.core.contracts import EventFeatures

FAR: Final = 200
"""Events that are passed at most where so many are looked back over."""


def latest_takings(
    events: Sequence[EventFeatures], limit: int, look_back: int | None = None
) -> dict[int, float]:
    """Distinct rows of the last positive events, newest first, at most `limit`, and their times.

    `look_back` bounds how many events are looked at, counted from the newest; those that say
    nothing (weight 0: a search, an impression) are not counted, and no more than `FAR` are passed.

    >>> shown = [EventFeatures(row, None, 1, weight, 0.0, float(k)) for k, (row, weight)
    ...          in enumerate([(5, 1.0), (3, 1.0), (5, 2.0), (4, -1.0), (9, 0.0), (-1, 1.0)])]
    >>> latest_takings(shown, limit=3), latest_takings(shown, limit=3, look_back=3)
    ({5: 2.0, 3: 1.0}, {5: 2.0})
    """
    found: dict[int, float] = {}
    near = islice(reversed(events), FAR if look_back is not None else None)
    for event in islice((event for event in near if event.weight), look_back):
        if event.weight > 0 and event.row >= 0 and event.row not in found:
            found[event.row] = event.time_s
            if len(found) == limit:
                break
    return found


def latest_taken(
    events: Sequence[EventFeatures], limit: int, look_back: int | None = None
) -> list[int]:
    """The rows of `latest_takings`."""
    return list(latest_takings(events, limit, look_back))
