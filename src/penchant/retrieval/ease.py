"""EASE: a linear model of every item from all others, in closed form (Steck, WWW 2019)."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.core.signals import DAY_S
from penchant.retrieval.exact_search import check_fits, top
from penchant.retrieval.neighbours import Neighbours, neighbours_from
from penchant.retrieval.recent import latest_takings

LAST: Final = 32
"""How many of the user's latest distinct items `lately` tells."""
HALF: Final = 8.0
"""Items taken since, after which one speaks half as loud to `lately`."""

Inputs = Callable[[Reading], tuple[NDArray[np.intp], Scores]]
"""Rows (B,) of items that a user has taken, once each, and how loud each speaks, (B,)."""


class EaseTable(NamedTuple):
    """Weights from the items that were learned to their neighbours."""

    items: NDArray[np.intp]  # (M,) catalogue rows, ascending
    neighbours: Neighbours  # (M, K)
    n_items: int
    """Rows of the catalogue when it was learned."""


def whole_past(reading: Reading) -> tuple[NDArray[np.intp], Scores]:
    """All items taken more often than turned down, equally loud: a row of Steck's X."""
    rows = reading.taken.rows()[reading.taken.times() > 0]
    return rows, np.ones(len(rows), np.float32)


def lately(reading: Reading) -> tuple[NDArray[np.intp], Scores]:
    """The last 32 items taken: 2^(-k / 8) / (1 + d), k items and d days since each was taken."""
    taken = latest_takings(reading.recent, LAST)
    rows = np.fromiter(taken, np.intp, len(taken))
    days = (reading.now_s - np.fromiter(taken.values(), np.float64, len(taken))) / DAY_S
    loud = 0.5 ** (np.arange(len(rows)) / HALF) / (1.0 + np.maximum(days, 0.0))
    return rows, loud.astype(np.float32)


class Ease:
    """Sum of the weights from the items that the user has taken."""

    def __init__(self, table: EaseTable, inputs: Inputs = whole_past) -> None:
        self._inputs = inputs
        self._n_items = table.n_items
        self._learned_of = table.n_items
        self._items = table.items
        self._place = np.full(table.n_items, -1, np.intp)  # (N,) of a catalogue row among the items
        self._place[table.items] = np.arange(len(table.items))
        rows, weights = table.neighbours
        self._neighbours = Neighbours(np.maximum(self._place[rows], 0), weights)  # by place

    def with_inputs(self, inputs: Inputs) -> "Ease":
        """Another source over the same table, which is not copied."""
        other = copy(self)
        other._inputs = inputs
        return other

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist; those the table does not know score 0."""
        extra = n_items - self._n_items
        if extra > 0:
            self._place = np.concatenate([self._place, np.full(extra, -1, np.intp)])
            self._n_items = n_items

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """Items that what was taken speaks for."""
        return self.look([reading])[0].find(allowed, limit)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """x B, x as the inputs have it."""
        return self.look([reading])[0].score(rows)

    def look(self, readings: Sequence[Reading]) -> "list[_Linear]":
        """Both from one sum."""
        return [_Linear(self._summed(reading), self._items, self._place) for reading in readings]

    def _summed(self, reading: Reading) -> Scores:
        """(M,) of the items that were learned."""
        rows, loud = self._inputs(reading)
        exist = (rows >= 0) & (rows < len(self._place))
        places, loud = self._place[rows[exist]], loud[exist]
        learned = places >= 0
        return self._neighbours.sum_of(places[learned], loud[learned], len(self._items))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for an artifact."""
        places, weights = self._neighbours
        return {
            **Neighbours(self._items[places], weights).to_arrays(),
            "items": self._items.astype(np.int32),
            "n_items": np.array([self._learned_of], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table back from `to_arrays`."""
        items = arrays["items"].astype(np.intp)
        return cls(EaseTable(items, neighbours_from(arrays), int(arrays["n_items"][0])))


class _Linear:
    """A look at one reading by the sums (M,) of the items that were learned."""

    def __init__(self, sums: Scores, items: NDArray[np.intp], place: NDArray[np.intp]) -> None:
        self._sums = sums
        self._items = items
        self._place = place

    def find(self, allowed: Mask, limit: int) -> Candidates:
        """The items with the highest sums above 0."""
        check_fits(self._place.shape, allowed)
        found = top(self._sums, allowed[self._items], limit, above=0.0)  # places ascend as rows do
        return Candidates(self._items[found.rows], found.scores)

    def score(self, rows: Rows) -> Scores:
        """The sums of `rows`; 0 of what was not learned."""
        places = self._place[rows]
        return np.where(places >= 0, self._sums[places], np.float32(0))
