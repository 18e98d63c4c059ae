"""What people take soon after these items, counted live: serves while nothing is trained."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from penchant.core.contracts import Candidates, EventFeatures, Mask, Reading, Rows, Scores
from penchant.retrieval.exact_search import top
from penchant.retrieval.growth import with_room
from penchant.retrieval.recent import FAR, latest_taken

BEFORE: Final = 3
"""Distinct items before this one that are paired with it, and that speak in a reading."""
LOOK_BACK: Final = 20
"""Events before this one among which they are looked for, but for those that say nothing: `past`
needs no more than the latest `FAR` of all."""
DECAY: Final = 0.5
"""What the second last item says, against the last."""
HASHES: Final = 2**64


class Followers:
    """Items that came after one item, and how often: columns without gaps."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._rows = np.zeros(4, np.intp)
        self._counts = np.zeros(4, np.int64)

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._place))

    def move(self, row: int, by: int) -> None:
        """Add `by` to the count of `row`, which is forgotten at 0; unknown ones are not lowered."""
        place = self._place.get(row)
        if place is None:
            if by <= 0:
                return
            place = len(self._place)
            self._rows = with_room(self._rows, place + 1)
            self._counts = with_room(self._counts, place + 1)
            self._place[row] = place
            self._rows[place], self._counts[place] = row, 0
        self._counts[place] += by
        if self._counts[place] <= 0:
            self.forget(row)

    def forget(self, row: int) -> None:
        """Drop `row`; the last column fills its place."""
        place = self._place.pop(row)
        last = len(self._place)
        if place != last:
            moved = int(self._rows[last])
            self._rows[place], self._counts[place] = moved, self._counts[last]
            self._place[moved] = place

    def add_to(self, scores: Scores, factor: float) -> None:
        """Add `factor` times every count to `scores`, in place."""
        n = len(self._place)
        scores[self._rows[:n]] += self._counts[:n] * np.float32(factor)


class CoVisit:
    """Counts of pairs (one of a user's last 3 positive items, this item), moved by every event.

    Exact up to `max_pairs` different pairs, about 150 bytes each. Beyond it, pairs are dropped by a
    fixed hash until they fit: every pair that is kept keeps its exact count, and what is taken back
    of a dropped pair is nothing, so that `retract` stays exact.
    """

    def __init__(self, n_items: int = 0, max_pairs: int = 2_000_000) -> None:
        self._n_items = n_items
        self._max_pairs = max_pairs
        self._after: dict[int, Followers] = {}
        self._pairs = 0
        self._below = HASHES  # pairs of a hash below this are kept

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist."""
        self._n_items = max(self._n_items, n_items)

    def absorb(self, past: Sequence[EventFeatures], event: EventFeatures) -> None:
        """Count the pairs that end in `event`; grow if its row is new."""
        for before in _before(past, event):
            self._move(before, event.row, +1)
        if event.weight > 0:
            self.grow(event.row + 1)
        while self._pairs > self._max_pairs:
            self._below //= 2
            self._drop()

    def retract(self, history: Sequence[EventFeatures]) -> None:
        """Take back all pairs of one user's events."""
        for n, event in enumerate(history):
            for before in _before(history[max(0, n - FAR) : n], event):
                self._move(before, event.row, -1)

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """What came after the user's last 3 items."""
        return top(self.score(reading, slice(None)), allowed, limit, above=0.0)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Counts after the last items, halved for each step back."""
        scores = np.zeros(self._n_items, np.float32)
        for age, row in enumerate(latest_taken(reading.recent, BEFORE)):
            followers = self._after.get(row)
            if followers is not None:
                followers.add_to(scores, DECAY**age)
        return scores[rows]

    def _move(self, before: int, row: int, by: int) -> None:
        if _hash(before, row) >= self._below:
            return
        followers = self._after.get(before)
        if followers is None:
            followers = self._after[before] = Followers()
        self._pairs -= len(followers)
        followers.move(row, by)
        self._pairs += len(followers)
        if not followers:
            del self._after[before]

    def _drop(self) -> None:
        for before, followers in list(self._after.items()):
            for row in followers:
                if _hash(before, row) >= self._below:
                    followers.forget(row)
                    self._pairs -= 1
            if not followers:
                del self._after[before]


def _before(past: Sequence[EventFeatures], event: EventFeatures) -> list[int]:
    """The other items to be paired with that of `event`."""
    if event.weight <= 0 or event.row < 0:
        return []
    return [row for row in latest_taken(past, BEFORE, LOOK_BACK) if row != event.row]


def _hash(before: int, row: int) -> int:
    """The pair spread evenly over [0, 2^64): the finaliser of SplitMix64 (Steele et al. 2014)."""
    z = ((before << 32) + row + 0x9E3779B97F4A7C15) % HASHES
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % HASHES
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % HASHES
    return z ^ (z >> 31)
