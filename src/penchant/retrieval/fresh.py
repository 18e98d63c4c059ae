"""What is new in the catalogue."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.exact_search import top

AddedTimes = Callable[[], NDArray[np.float64]]
"""Gives the Unix seconds at which each row was first met, (N,)."""


class Fresh:
    """2^(-age / half-life): 1 for an item added this moment, 0.5 a half-life later.

    An item of unknown age (NaN), or one that is added only after `now_s`, scores 0.
    """

    def __init__(self, added_s: AddedTimes, half_life_s: float) -> None:
        self._added_s = added_s
        self._half_life_s = half_life_s
        self._n_items = len(added_s())

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist; those without a time score 0."""
        self._n_items = max(self._n_items, n_items)

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """The newest items."""
        added_s = self._added()
        with np.errstate(invalid="ignore"):
            known = np.where(added_s <= reading.now_s, added_s, -np.inf)
        rows = top(known, allowed, limit, above=-np.inf).rows
        scores = self.score(reading, rows)
        seen = scores > 0
        return Candidates(rows[seen], scores[seen])

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Freshness at `reading.now_s`."""
        halvings = (reading.now_s - self._added()[rows]) / self._half_life_s
        fresh = np.exp2(-np.maximum(halvings, 0)).astype(np.float32)
        return np.where(halvings >= 0, fresh, np.float32(0))

    def _added(self) -> NDArray[np.float64]:
        """(N,) since when, NaN where unknown."""
        added_s = self._added_s()[: self._n_items]
        if len(added_s) < self._n_items:
            unknown = np.full(self._n_items - len(added_s), np.nan)
            added_s = np.concatenate([added_s, unknown])
        return added_s
