"""The best of many scores, exactly: best first, ties by row, in time linear in the catalogue."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Scores
from penchant.core.errors import ShapeError

STRIDE: Final = 16
"""One score in so many tells about where the best ones begin."""
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
    if scores.shape != allowed.shape:
        raise ShapeError(
            f"scores {scores.shape} do not fit the mask of allowed items {allowed.shape}; "
            "call grow(n) on every source when the catalogue grows"
        )
    rows = _reaching(scores, allowed, limit, above)
    best = rows[best_places(scores[rows], limit)]
    return Candidates(best, scores[best])


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
    rows = np.flatnonzero(scores > above)  # few, where a source knows little
    return rows[allowed[rows]]


def _likely_edge(scores: Scores, limit: int) -> float:
    """A score that somewhat more than `limit` others probably reach, from a sample of them."""
    if len(scores) < LARGE:
        return -np.inf
    sample = scores[::STRIDE]
    place = 2 * limit // STRIDE + STRIDE
    return -np.inf if place >= len(sample) else float(np.partition(sample, -place)[-place])


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
