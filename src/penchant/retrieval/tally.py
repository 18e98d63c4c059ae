"""Weights per item, counted in whole units, and the items that lead."""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Scores
from penchant.retrieval.exact_search import check_fits
from penchant.retrieval.growth import with_room
from penchant.retrieval.leaders import Leaders

UNITS: Final = float(2**20)
"""Weights are counted in whole units of 2^-20, so that sums do not depend on their order."""


def units(weight: float) -> float:
    """A weight in whole units."""
    return float(round(weight * UNITS))


class Tally:
    """Sums per row, exact below 2^53 units, in whatever order they were moved."""

    def __init__(self) -> None:
        self.n_items = 0
        self._sums = np.zeros(0, np.float64)  # (capacity,) whole units
        self._shown = np.zeros(0, np.float32)  # (capacity,) the same as weights
        self._leaders = Leaders(above=0.0)

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist."""
        self._sums = with_room(self._sums, n_items)
        self._shown = with_room(self._shown, n_items)
        self.n_items = max(self.n_items, n_items)

    def copy(self) -> Self:
        """The same sums, to be moved apart."""
        other = type(self)()
        other.n_items = self.n_items
        other._sums, other._shown = self._sums.copy(), self._shown.copy()
        return other

    def weights(self) -> Scores:
        """(N,) a view; not to be edited."""
        return self._shown[: self.n_items]

    def most(self) -> float:
        """The largest weight; 0 where nothing was counted."""
        leading = self._leaders.first(self.weights())
        return float(self._shown[leading[0]]) if len(leading) else 0.0

    def move(self, row: int, by: float) -> None:
        """Add `by` units to `row`."""
        self._sums[row] += by
        self._shown[row] = self._sums[row] / UNITS
        self._leaders.moved(row, float(self._shown[row]))

    def add(self, rows: NDArray[np.intp], by: NDArray[np.float64]) -> None:
        """Add units (T,) to rows (T,), which may repeat."""
        if len(rows):
            np.add.at(self._sums, rows, by)
            self._shown[rows] = self._sums[rows] / UNITS
            self._leaders.moved_each(rows, self._shown)

    def take(self, rows: NDArray[np.intp], by: NDArray[np.float64]) -> None:
        """Take units (T,) from rows (T,), which may repeat."""
        self.add(rows, -by)

    def find(self, allowed: Mask, limit: int) -> Candidates:
        """At most `limit` allowed rows with a weight above 0, the heaviest first, ties by row."""
        weights = self.weights()
        check_fits(weights.shape, allowed)
        rows = self._leaders.allowed(weights, allowed, limit)
        return Candidates(rows, weights[rows])
