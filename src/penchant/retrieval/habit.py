"""What this user takes again and again: their own counts, then what is popular."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.over_popular import OverPopular
from penchant.retrieval.trending import Trending


class Habit:
    """How often the user has taken each item, plus popularity too small to do more than part ties.

    With `half_life_s`, an item's count halves with every such time since it was last taken.
    """

    def __init__(self, popular: Trending, half_life_s: float | None = None) -> None:
        self._popular = popular
        self._half_life_s = half_life_s

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._popular.n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist, in `popular` too."""
        self._popular.grow(n_items)

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """The user's own items first, then the popular ones."""
        return self.look([reading])[0].find(allowed, limit)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Count, faded if so built, + 1e-3 popularity."""
        return self.look([reading])[0].score(rows)

    def look(self, readings: Sequence[Reading]) -> list[OverPopular]:
        """Both from what the user has taken."""
        return [
            OverPopular(self._popular.at(reading.now_s), *self._own(reading))
            for reading in readings
        ]

    def _own(self, reading: Reading) -> tuple[NDArray[np.intp], Scores]:
        """Rows that the user has taken, ascending, and the count of each, faded if so built."""
        n = len(reading.taken)
        own = np.fromiter(reading.taken, np.intp, n)
        facts = np.fromiter(chain.from_iterable(reading.taken.values()), np.float64, 2 * n)
        times = np.maximum(facts[0::2], 0.0)
        if self._half_life_s is not None:
            elapsed_s = np.maximum(reading.now_s - facts[1::2], 0.0)
            times *= np.exp2(-elapsed_s / self._half_life_s)
        order = np.argsort(own)
        order = order[(own[order] >= 0) & (own[order] < self.n_items)]
        return own[order], times[order].astype(np.float32)
