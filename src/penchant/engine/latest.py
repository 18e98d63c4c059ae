"""The latest events of one user, in 40 bytes each: what stages may look at, without vectors."""

from array import array
from collections.abc import Sequence
from typing import Final, Self, overload

from penchant.core.contracts import EventFeatures

RECENT: Final = 200
"""Latest events that stages may look at."""


class LatestEvents(Sequence[EventFeatures]):
    """At most `RECENT`, in fold order, newest last.

    An item's vector is not kept beside its row: 200 events of a user would weigh 60 kB.

    >>> latest = LatestEvents()
    >>> latest.append(EventFeatures(7, None, 1, 1.0, 0.0, 60.0))
    >>> latest[-1].row, len(latest)
    (7, 1)
    """

    __slots__ = ("_rows", "_time_s", "_types", "_values", "_weights")

    def __init__(self) -> None:
        self._rows, self._types = array("q"), array("i")
        self._weights, self._values, self._time_s = array("d"), array("d"), array("d")

    def append(self, event: EventFeatures) -> None:
        """One event later; the oldest leaves when there are too many."""
        self._rows.append(event.row)
        self._types.append(event.type)
        self._weights.append(event.weight)
        self._values.append(event.value)
        self._time_s.append(event.time_s)
        if len(self._rows) > RECENT:
            for column in (self._rows, self._types, self._weights, self._values, self._time_s):
                del column[0]

    def copy(self) -> Self:
        """As of now, whatever happens to this one."""
        return self._part(slice(None))

    def _part(self, part: slice) -> Self:
        other = type(self)()
        other._rows, other._types = self._rows[part], self._types[part]
        other._weights, other._values = self._weights[part], self._values[part]
        other._time_s = self._time_s[part]
        return other

    @overload
    def __getitem__(self, index: int) -> EventFeatures: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> EventFeatures | Self:
        if isinstance(index, slice):
            return self._part(index)
        return EventFeatures(
            self._rows[index],
            None,
            self._types[index],
            self._weights[index],
            self._values[index],
            self._time_s[index],
        )

    def __len__(self) -> int:
        return len(self._rows)
