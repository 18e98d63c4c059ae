"""What everybody takes now: weights per item in an exact sliding window of time."""

from collections.abc import Callable, Sequence

import numpy as np

from penchant.core.contracts import Candidates, EventFeatures, Mask, Reading, Rows, Scores
from penchant.retrieval.tally import Tally, units


class Trending:
    """Sum of the positive weights per item over the last `window_s` seconds, both ends included.

    `absorb` moves the window to the newest event it has counted and forgets what falls out. A read
    at a later time leaves out what has expired since; one at an earlier time is answered as of the
    newest event. An event of later than `now_s` says, which a wrong clock may have sent, counts and
    moves nothing else out. Memory is that of the events inside the window, 24 bytes each. What
    leads is known without a look at the catalogue.
    """

    def __init__(
        self, window_s: float, n_items: int = 0, now_s: Callable[[], float] | None = None
    ) -> None:
        self._window_s = window_s
        self._now_s = now_s
        self._newest_s = -np.inf
        self._tally = Tally()  # of the events that lie in [start, stop)
        self._times = np.zeros(64, np.float64)  # of the events counted, ascending
        self._rows = np.zeros(64, np.intp)
        self._units = np.zeros(64, np.float64)
        self._start = self._stop = 0
        # what a read later than the newest event sees: a tally of those in [later_start, stop)
        self._later: Tally | None = None
        self._later_start = 0
        self.grow(n_items)

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._tally.n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist."""
        self._tally.grow(n_items)
        if self._later is not None:
            self._later.grow(n_items)

    def absorb(self, past: Sequence[EventFeatures], event: EventFeatures) -> None:  # noqa: ARG002
        """Count `event` if it is positive and inside the window; grow if its row is new."""
        if event.weight <= 0 or event.row < 0:
            return
        self.grow(event.row + 1)
        reached_s = event.time_s if self._now_s is None else min(event.time_s, self._now_s())
        if reached_s > self._newest_s:
            self._newest_s = reached_s
            self._expire()
        if self._is_inside(event.time_s):
            self._insert(event.time_s, event.row, units(event.weight))

    def retract(self, history: Sequence[EventFeatures]) -> None:
        """Take back the events of one user; what was never counted, or has expired, is left."""
        for event in history:
            if event.weight > 0 and event.row >= 0 and self._is_inside(event.time_s):
                self._remove(event.time_s, event.row, units(event.weight))

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """The items taken most, none that nobody has taken in the window."""
        return self.at(reading.now_s).find(allowed, limit)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Weight inside the window that ends at `reading.now_s`."""
        counts = self.at(reading.now_s).weights()
        return counts[rows].copy() if isinstance(rows, slice) else counts[rows]

    def at(self, now_s: float) -> Tally:
        """Weights inside the window that ends at `now_s`; not to be moved."""
        first = self._first_inside(now_s)
        if first == self._start:
            return self._tally
        if self._later is None:
            self._later, self._later_start = self._tally.copy(), self._start
        self._later_to(first)
        return self._later

    def _later_to(self, first: int) -> None:
        """Have the later tally begin at the event `first`."""
        if self._later is not None:
            gone, back = slice(self._later_start, first), slice(first, self._later_start)
            self._later.take(self._rows[gone], self._units[gone])
            self._later.add(self._rows[back], self._units[back])
            self._later_start = first

    def _is_inside(self, time_s: float) -> bool:
        return self._newest_s - time_s <= self._window_s

    def _first_inside(self, now_s: float) -> int:
        """Place of the oldest event that still counts at `now_s`."""
        oldest_s = max(now_s, self._newest_s) - self._window_s
        counted = self._times[self._start : self._stop]
        return self._start + int(np.searchsorted(counted, oldest_s, side="left"))

    def _expire(self) -> None:
        start, self._start = self._start, self._first_inside(self._newest_s)
        gone = slice(start, self._start)
        self._tally.take(self._rows[gone], self._units[gone])

    def _insert(self, time_s: float, row: int, by: float) -> None:
        if self._stop == len(self._times):
            self._make_room()
        counted = self._times[self._start : self._stop]
        place = self._start + int(np.searchsorted(counted, time_s, side="right"))
        for column, value in ((self._times, time_s), (self._rows, row), (self._units, by)):
            column[place + 1 : self._stop + 1] = column[place : self._stop]
            column[place] = value
        self._stop += 1
        self._move(place, row, by, +1)

    def _remove(self, time_s: float, row: int, by: float) -> None:
        counted = self._times[self._start : self._stop]
        first = self._start + int(np.searchsorted(counted, time_s, side="left"))
        last = self._start + int(np.searchsorted(counted, time_s, side="right"))
        same = (self._rows[first:last] == row) & (self._units[first:last] == by)
        if not same.any():
            return
        place = first + int(same.argmax())
        for column in (self._times, self._rows, self._units):
            column[place : self._stop - 1] = column[place + 1 : self._stop]
        self._stop -= 1
        self._move(place, row, -by, -1)

    def _move(self, place: int, row: int, by: float, events: int) -> None:
        """An event has come to `place`, or has left it; the later tally begins where it did."""
        self._tally.move(row, by)
        if self._later is None:
            return
        if place >= self._later_start:
            self._later.move(row, by)
        else:
            self._later_start += events

    def _make_room(self) -> None:
        """Use the room of what has expired, or twice as much where that is less than half."""
        self._later_to(max(self._later_start, self._start))  # what has expired is about to go
        counted = slice(self._start, self._stop)
        size = len(self._times) * (1 if self._start > len(self._times) // 2 else 2)
        times, rows, amounts = (np.zeros(size), np.zeros(size, np.intp), np.zeros(size))
        n = self._stop - self._start
        times[:n], rows[:n], amounts[:n] = (
            self._times[counted],
            self._rows[counted],
            self._units[counted],
        )
        self._times, self._rows, self._units = times, rows, amounts
        self._later_start -= self._start
        self._start, self._stop = 0, n
