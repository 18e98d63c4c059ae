"""The best of many scores, exactly: best first, ties by row, in time linear in the catalogue."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Scores
from penchant.core.errors import ShapeError

STRIDE: Final = 64
"""One score in so many tells about where the best ones begin."""
SURE: Final = 8
"""So many more of the sample are taken than expected, which suffice but once in a million."""
LARGE: Final = 4096
"""Scores from which on it pays to look at a sample first."""
NOTHING = Candidates(np.zeros(0, np.intp), np.zeros(0, np.float32))
"""What a source finds that knows nothing of the user."""


def top(scores: Scores, allowed: Mask, limit: int, above: float = -np.inf) -> Candidates:
    """At most `limit` rows that are allowed and score more than `above`: (N,), (N,) -> (M,).

    >>> found = top(np.float32([2, 9, 9, 0]), np.array([True, True, True, False]), limit=2)
    >>> found.rows.tolist(), found.scores.tolist()
    ([1, 2], [9.0, 9.0])
    """
    check_fits(scores.shape, allowed)
    rows = _reaching(scores, allowed, limit, above)
    best = rows[best_places(scores[rows], limit)]
    return Candidates(best, scores[best])


def check_fits(shape: tuple[int, ...], allowed: Mask) -> None:
    """Raise `ShapeError` where scores of `shape` and the mask are of different catalogues."""
    if shape != allowed.shape:
        raise ShapeError(
            f"scores {shape} do not fit the mask of allowed items {allowed.shape}; "
            "call grow(n) on every source when the catalogue grows"
        )


def best_of(
    rows: NDArray[np.intp], scores: Scores, limit: int, above: float = -np.inf
) -> Candidates:
    """The same among `rows` (M,), each once, which score `scores` (M,).

    >>> best_of(np.array([7, 3, 5]), np.float32([1, 1, 0]), limit=2, above=0.0).rows.tolist()
    [3, 7]
    """
    best = np.lexsort((rows, -scores))
    best = best[scores[best] > above][:limit]
    return Candidates(rows[best], scores[best])


def _reaching(scores: Scores, allowed: Mask, limit: int, above: float) -> NDArray[np.intp]:
    """Rows, ascending, among which are the `limit` best allowed ones that score over `above`."""
    edge = _likely_edge(scores, limit)
    if edge > above:
        rows = np.flatnonzero(scores > edge)
        rows = rows[allowed[rows]]
        if len(rows) < limit:  # of equal scores the first rows win
            tied = np.flatnonzero((scores == edge) & allowed)[: limit - len(rows)]
            rows = np.sort(np.concatenate([rows, tied]))
        if len(rows) >= limit:
            return rows
    rows = np.flatnonzero(scores > above)
    return rows[allowed[rows]]


def _likely_edge(scores: Scores, limit: int) -> float:
    """A score that somewhat more than `limit` others probably reach, from a sample of them."""
    if len(scores) < LARGE:
        return -np.inf
    sample = np.sort(scores[::STRIDE])  # a partition takes ten times as long where many are equal
    place = 2 * limit // STRIDE + SURE
    return -np.inf if place >= len(sample) else float(sample[-place])


def best_places(scores: Scores, limit: int) -> NDArray[np.intp]:
    """Places of the `limit` highest scores, best first, equal ones in their order: (N,) -> (M,).

    >>> best_places(np.float32([1, 3, 3, 2]), 3).tolist()
    [1, 2, 3]
    """
    places = np.arange(len(scores)) if limit >= len(scores) else _places_of_top(scores, limit)
    return places[np.lexsort((places, -scores[places]))]


def _places_of_top(scores: Scores, limit: int) -> NDArray[np.intp]:
    if limit <= 0:
        return np.zeros(0, np.intp)
    edge = np.partition(scores, -limit)[-limit]
    above = np.flatnonzero(scores > edge)
    tied = np.flatnonzero(scores == edge)[: limit - len(above)]
    return np.concatenate([above, tied])
