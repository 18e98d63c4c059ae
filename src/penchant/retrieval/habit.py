"""What this user takes again and again: their own counts, then what is popular."""

from collections.abc import Sequence

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
            OverPopular(self._popular, reading.now_s, *self._own(reading)) for reading in readings
        ]

    def _own(self, reading: Reading) -> tuple[NDArray[np.intp], Scores]:
        """Rows that the user has taken, ascending, and the count of each, faded if so built."""
        own, times = reading.taken.rows(), np.maximum(reading.taken.times(), 0.0)
        if self._half_life_s is not None:
            elapsed_s = np.maximum(reading.now_s - reading.taken.last_s(), 0.0)
            times *= np.exp2(-elapsed_s / self._half_life_s)
        exist = slice(int(np.searchsorted(own, self.n_items)))
        return own[exist], times[exist].astype(np.float32)
