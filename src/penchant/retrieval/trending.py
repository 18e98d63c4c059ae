"""What everybody takes now: weights per item in an exact sliding window of time."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from penchant.core.contracts import Candidates, EventFeatures, Mask, Reading, Rows, Scores
from penchant.retrieval.exact_search import top
from penchant.retrieval.growth import with_room

UNITS: Final = float(2**20)
"""Weights are counted in whole units of 2^-20, so that sums do not depend on their order."""
BACK_OFF: Final = 1e-3
"""What the most popular item adds to a count of somebody's own: it only parts ties."""


class Trending:
    """Sum of the positive weights per item over the last `window_s` seconds, both ends included.

    `absorb` moves the window to the newest event it has counted and forgets what falls out. A read
    at a later time leaves out what has expired since; one at an earlier time is answered as of the
    newest event. Memory is that of the events inside the window, 24 bytes each.
    """

    def __init__(self, window_s: float, n_items: int = 0) -> None:
        self._window_s = window_s
        self._n_items = 0
        self._newest_s = -np.inf
        self._sums = np.zeros(0, np.float64)  # (capacity,) whole units: exact below 2^53
        self._shown = np.zeros(0, np.float32)  # (capacity,) the same as weights
        self._times = np.zeros(64, np.float64)  # the events counted lie in [start, stop), by time
        self._rows = np.zeros(64, np.intp)
        self._units = np.zeros(64, np.float64)
        self._start = self._stop = 0
        # what a read later than the newest event has counted last: until an event moves the counts
        self._left: tuple[int, Scores] | None = None
        self.grow(n_items)

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist."""
        if n_items > self._n_items:
            self._sums = with_room(self._sums, n_items)
            self._shown = with_room(self._shown, n_items)
            self._left = None
            self._n_items = n_items

    def absorb(self, past: Sequence[EventFeatures], event: EventFeatures) -> None:  # noqa: ARG002
        """Count `event` if it is positive and inside the window; grow if its row is new."""
        if event.weight <= 0 or event.row < 0:
            return
        self.grow(event.row + 1)
        if event.time_s > self._newest_s:
            self._newest_s = event.time_s
            self._expire()
        if self._is_inside(event.time_s):
            self._insert(event.time_s, event.row, _units(event.weight))

    def retract(self, history: Sequence[EventFeatures]) -> None:
        """Take back the events of one user; what was never counted, or has expired, is left."""
        for event in history:
            if event.weight > 0 and event.row >= 0 and self._is_inside(event.time_s):
                self._remove(event.time_s, event.row, _units(event.weight))

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """The items taken most, none that nobody has taken in the window."""
        return top(self._at(reading.now_s), allowed, limit, above=0.0)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Weight inside the window that ends at `reading.now_s`."""
        counts = self._at(reading.now_s)
        return counts.copy() if isinstance(rows, slice) and rows == slice(None) else counts[rows]

    def back_off(self, reading: Reading, rows: Rows) -> Scores:
        """Popularity of `rows` scaled below 1e-3, to part the ties of another source: (M,)."""
        counts = self._at(reading.now_s)
        most = float(counts.max()) if len(counts) else 0.0
        return counts[rows] * np.float32(BACK_OFF / (most + 1))

    def _at(self, now_s: float) -> Scores:
        """(N,) weights inside the window that ends at `now_s`; not to be edited."""
        gone = self._first_inside(now_s)
        if gone == self._start:
            return self._shown[: self._n_items]
        if self._left is None or self._left[0] != gone:
            expired = slice(self._start, gone)
            left = self._sums[: self._n_items].copy()
            np.subtract.at(left, self._rows[expired], self._units[expired])
            self._left = gone, (left / UNITS).astype(np.float32)
        return self._left[1]

    def _is_inside(self, time_s: float) -> bool:
        return self._newest_s - time_s <= self._window_s

    def _first_inside(self, now_s: float) -> int:
        """Place of the oldest event that still counts at `now_s`."""
        oldest_s = max(now_s, self._newest_s) - self._window_s
        counted = self._times[self._start : self._stop]
        return self._start + int(np.searchsorted(counted, oldest_s, side="left"))

    def _expire(self) -> None:
        self._left = None
        start, self._start = self._start, self._first_inside(self._newest_s)
        rows = self._rows[start : self._start]
        if len(rows):
            np.subtract.at(self._sums, rows, self._units[start : self._start])
            self._shown[rows] = self._sums[rows] / UNITS

    def _insert(self, time_s: float, row: int, units: float) -> None:
        if self._stop == len(self._times):
            self._make_room()
        counted = self._times[self._start : self._stop]
        place = self._start + int(np.searchsorted(counted, time_s, side="right"))
        for column, value in ((self._times, time_s), (self._rows, row), (self._units, units)):
            column[place + 1 : self._stop + 1] = column[place : self._stop]
            column[place] = value
        self._stop += 1
        self._move(row, units)

    def _remove(self, time_s: float, row: int, units: float) -> None:
        counted = self._times[self._start : self._stop]
        first = self._start + int(np.searchsorted(counted, time_s, side="left"))
        last = self._start + int(np.searchsorted(counted, time_s, side="right"))
        same = (self._rows[first:last] == row) & (self._units[first:last] == units)
        if not same.any():
            return
        place = first + int(same.argmax())
        for column in (self._times, self._rows, self._units):
            column[place : self._stop - 1] = column[place + 1 : self._stop]
        self._stop -= 1
        self._move(row, -units)

    def _move(self, row: int, units: float) -> None:
        self._left = None
        self._sums[row] += units
        self._shown[row] = self._sums[row] / UNITS

    def _make_room(self) -> None:
        """Use the room of what has expired, or twice as much where that is less than half."""
        counted = slice(self._start, self._stop)
        size = len(self._times) * (1 if self._start > len(self._times) // 2 else 2)
        times, rows, units = (np.zeros(size), np.zeros(size, np.intp), np.zeros(size))
        n = self._stop - self._start
        times[:n], rows[:n], units[:n] = (
            self._times[counted],
            self._rows[counted],
            self._units[counted],
        )
        self._times, self._rows, self._units = times, rows, units
        self._start, self._stop = 0, n


def _units(weight: float) -> float:
    return float(round(weight * UNITS))
