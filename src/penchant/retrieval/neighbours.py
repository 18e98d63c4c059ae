"""Item-to-item weights, at most K per item: two rectangles that add up quickly and save plainly."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Rows, Scores
from penchant.retrieval.exact_search import best_places, check_fits

Progress = Callable[[str, float], None]
"""Told what is being done, and which share of it is done, 0 to 1."""


def no_progress(what: str, share: float) -> None:
    """Tell nobody."""


class Summed:
    """A look at one reading by sums over the whole catalogue, of which most are 0."""

    def __init__(self, scores: Scores, among: NDArray[np.intp]) -> None:
        """Scores (N,) are 0 but for the rows `among` (B,), in which one may stand repeatedly."""
        self._scores = scores
        self._among = among

    def find(self, allowed: Mask, limit: int) -> Candidates:
        """The rows with the highest sums above 0."""
        check_fits(self._scores.shape, allowed)
        rows = np.sort(self._among[(self._scores[self._among] > 0) & allowed[self._among]])
        rows = rows[np.diff(rows, prepend=-1) > 0]  # numpy's `unique` takes four times as long
        best = rows[best_places(self._scores[rows], limit)]
        return Candidates(best, self._scores[best])

    def score(self, rows: Rows) -> Scores:
        """The sums of `rows`."""
        return self._scores[rows]


class Neighbours(NamedTuple):
    """For each of M items its K neighbours; an empty place is row 0 with weight 0."""

    rows: NDArray[np.intp]  # (M, K)
    weights: Scores  # (M, K)

    def sum_of(self, places: NDArray[np.intp], amounts: Scores, n_items: int) -> Scores:
        """sum_b amounts[b] * weights of places[b], by row: (B,), (B,) -> (n_items,)."""
        scores = np.zeros(n_items, np.float32)
        parts = self.weights[places] * amounts[:, None]  # (B, K)
        np.add.at(scores, self.rows[places].ravel(), parts.ravel())
        return scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for an artifact."""
        return {"neighbours": self.rows.astype(np.int32), "weights": self.weights}


def neighbours_from(arrays: Mapping[str, NDArray[Any]]) -> Neighbours:
    """The table back from `to_arrays`."""
    return Neighbours(
        arrays["neighbours"].astype(np.intp), arrays["weights"].astype(np.float32, copy=False)
    )


def empty_neighbours(n_items: int, keep: int) -> Neighbours:
    """A table to be filled: nobody has a neighbour yet."""
    return Neighbours(np.zeros((n_items, keep), np.intp), np.zeros((n_items, keep), np.float32))


def put_strongest(
    table: Neighbours, place: int, rows: NDArray[np.integer[Any]], weights: Scores
) -> None:
    """Keep in `table[place]` the K weights furthest from 0, the furthest first, ties in order."""
    best = best_places(np.abs(weights), table.rows.shape[1])
    table.rows[place, : len(best)] = rows[best]
    table.weights[place, : len(best)] = weights[best]
