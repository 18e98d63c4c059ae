"""k-means of short weighted vectors: a start that spreads, rounds, and the nearest centroid."""

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.interests import Vectors

BLOCK: Final = 4096
"""Points whose distances are looked at together."""


def begun(points: Vectors, pull: NDArray[np.floating], count: int, rng: Generator) -> Vectors:
    """Starting centroids (C, S) among `points` (N, S): k-means++ (Arthur & Vassilvitskii 2007).

    Each is drawn by its squared distance to the nearest so far, times its `pull` (N,) > 0. C is
    `count`; where fewer points differ, the last is there again.
    """
    chosen = [int(rng.integers(len(points)))]
    distance = np.full(len(points), np.inf)
    while len(chosen) < count:
        off = ((points - points[chosen[-1]]) ** 2).sum(axis=1)
        distance = np.minimum(distance, off)
        reach = np.cumsum(distance * pull)
        if reach[-1] <= 0.0:
            chosen += [chosen[-1]] * (count - len(chosen))
            break
        place = np.searchsorted(reach, rng.random() * reach[-1], side="right")
        chosen.append(min(int(place), len(points) - 1))
    return points[chosen]


def settled(
    points: Vectors, pull: NDArray[np.floating], centroids: Vectors, rounds: int
) -> Vectors:
    """Centroids after at most `rounds` rounds of Lloyd (1982); (N, S), (N,), (C, S) -> (C, S).

    One that no point is near moves to the point that fits its own centroid worst.
    """
    before: NDArray[np.intp] | None = None
    for _ in range(rounds):
        near = assigned(points, centroids)
        if before is not None and np.array_equal(near, before):
            break
        before = near
        mass = np.bincount(near, pull, minlength=len(centroids))
        sums = np.stack(
            [np.bincount(near, pull * each, minlength=len(centroids)) for each in points.T], axis=1
        )
        after = sums / np.where(mass > 0, mass, 1.0)[:, None]
        empty = np.flatnonzero(mass == 0)
        if len(empty):
            off = ((points - centroids[near]) ** 2).sum(axis=1) * pull
            worst = np.argsort(-off, kind="stable")[: len(empty)]
            after[empty[: len(worst)]] = points[worst]
        centroids = after.astype(np.float32)
    return centroids


def assigned(points: Vectors, centroids: Vectors) -> NDArray[np.intp]:
    """(N,) the nearest centroid of each point, the first of equal ones."""
    half = (centroids**2).sum(axis=1) / 2  # |x - c|^2 / 2 is |c|^2 / 2 - x . c, and a constant
    near = np.empty(len(points), np.intp)
    for first in range(0, len(points), BLOCK):
        block = points[first : first + BLOCK]
        near[first : first + BLOCK] = (half - block @ centroids.T).argmin(axis=1)
    return near
