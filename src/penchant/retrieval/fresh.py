"""What is new in the catalogue."""

import numpy as np

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.dates import Dates


class Fresh:
    """2^(-age / half-life): 1 for an item added this moment, 0.5 a half-life later.

    An item of unknown age (NaN), or one that is added only after `now_s`, scores 0.
    """

    def __init__(self, dates: Dates, half_life_s: float) -> None:
        self._dates = dates
        self._half_life_s = half_life_s

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._dates.n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist, in `dates` too; without a time they score 0."""
        self._dates.grow(n_items)

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """The newest items."""
        rows = self._dates.newest(reading.now_s, allowed, limit)
        scores = self.score(reading, rows)
        seen = scores > 0
        return Candidates(rows[seen], scores[seen])

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Freshness at `reading.now_s`."""
        halvings = (reading.now_s - self._dates.times()[rows]) / self._half_life_s
        fresh = np.exp2(-np.maximum(halvings, 0)).astype(np.float32)
        return np.where(halvings >= 0, fresh, np.float32(0))
