"""What a user has taken so far, by item row, in 24 bytes an item."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray


class Taken(NamedTuple):
    """How a user has dealt with one item so far."""

    times: float
    """Positive minus negative events."""
    last_s: float
    """Time of the latest."""


_NONE: Final[Mapping[int, Taken]] = {}


class TakenItems(Mapping[int, Taken]):
    """By item row, ascending; made for many users in memory and for reading all at once.

    >>> taken = TakenItems({7: Taken(1.0, 60.0)})
    >>> taken.put(2, Taken(-1.0, 90.0))
    >>> list(taken), taken[7].times, 5 in taken
    ([2, 7], 1.0, False)
    """

    __slots__ = ("_last_s", "_rows", "_times")

    def __init__(self, taken: Mapping[int, Taken] = _NONE) -> None:
        rows = sorted(taken)
        self._rows = array("q", rows)
        self._times = array("d", [taken[row].times for row in rows])
        self._last_s = array("d", [taken[row].last_s for row in rows])

    def put(self, row: int, taken: Taken) -> None:
        """From now on this holds of the item at `row`."""
        at = bisect_left(self._rows, row)
        if at == len(self._rows) or self._rows[at] != row:
            self._rows.insert(at, row)
            self._times.insert(at, taken.times)
            self._last_s.insert(at, taken.last_s)
        else:
            self._times[at], self._last_s[at] = taken

    def copy(self) -> Self:
        """As of now, whatever happens to this one."""
        other = type(self)()
        other._rows, other._times, other._last_s = self._rows[:], self._times[:], self._last_s[:]
        return other

    def rows(self) -> NDArray[np.int64]:
        """(n,) the items, ascending; a copy."""
        return np.array(self._rows)

    def times(self) -> NDArray[np.float64]:
        """(n,) positive minus negative events of each, in the order of `rows`; a copy."""
        return np.array(self._times)

    def last_s(self) -> NDArray[np.float64]:
        """(n,) time of the latest event of each, in the order of `rows`; a copy."""
        return np.array(self._last_s)

    def __getitem__(self, row: int) -> Taken:
        at = bisect_left(self._rows, row)
        if at == len(self._rows) or self._rows[at] != row:
            raise KeyError(row)
        return Taken(self._times[at], self._last_s[at])

    def __contains__(self, row: object) -> bool:
        if not isinstance(row, int | np.integer):
            return False
        at = bisect_left(self._rows, row)
        return at < len(self._rows) and self._rows[at] == row

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
