"""Variety in a slate: maximal marginal relevance."""

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Scores
from penchant.core.errors import ShapeError
from penchant.core.interests import Vectors


def mmr(scores: Scores, vectors: Vectors, diversity: float, n: int) -> NDArray[np.intp]:
    """Places of `n` candidates, each the best by (1 - d) relevance - d similarity to those before.

    Carbonell & Goldstein, SIGIR 1998, with lambda = 1 - d. Relevance is `scores` (M,) scaled to
    [0, 1] over the candidates; similarity is the largest dot product of `vectors` (M, D), which are
    unit or zero. Equal values go to the earlier candidate, so hand them in best first. O(n M D).

    >>> twins_and_other = np.float32([[1, 0], [1, 0], [0, 1]])
    >>> mmr(np.float32([.9, .8, .5]), twins_and_other, diversity=0.5, n=3).tolist()
    [0, 2, 1]
    """
    if len(scores) != len(vectors):
        raise ShapeError(f"scores {scores.shape} do not fit vectors {vectors.shape}")
    relevance = (1 - diversity) * _scaled(scores)
    closest = np.zeros(len(scores), np.float32)  # to anything chosen; 0 while nothing is
    free = np.ones(len(scores), np.bool_)
    chosen: list[int] = []
    for _ in range(min(n, len(scores))):
        value = np.where(free, relevance - diversity * closest, -np.inf)
        best = int(value.argmax())
        similarity = vectors @ vectors[best]  # (M, D) @ (D,) -> (M,)
        closest = np.maximum(closest, similarity) if chosen else similarity
        free[best] = False
        chosen.append(best)
    return np.array(chosen, np.intp)


def _scaled(scores: Scores) -> Scores:
    """Onto [0, 1]; all 0 where they are equal."""
    if not len(scores):
        return scores
    lowest, highest = scores.min(), scores.max()
    if highest == lowest:
        return np.zeros_like(scores)
    return np.asarray((scores - lowest) / (highest - lowest), np.float32)
