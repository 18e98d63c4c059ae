"""What this user takes again and again: their own counts, then what is popular."""

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.exact_search import top
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
        return top(self.score(reading, slice(None)), allowed, limit, above=0.0)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Count, faded if so built, + 1e-3 popularity."""
        scores = self._popular.back_off(reading, rows)
        own, times = self._own(reading)
        if isinstance(rows, slice):
            whole = np.zeros(self.n_items, np.float32)
            whole[own] = times
            return scores + whole[rows]
        places = np.searchsorted(own, rows)
        places[places == len(own)] = 0
        if len(own):
            scores += np.where(own[places] == rows, times[places], np.float32(0))
        return scores

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
