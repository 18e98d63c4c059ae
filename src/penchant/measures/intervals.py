"""How sure a mean is: bootstrap intervals, resampled by user, and of paired differences."""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.errors import NotEnoughDataError, ShapeError

RESAMPLES: Final = 1000
FEWEST: Final = 6
"""Users below which a bootstrap takes chance for a difference: with 5, one time in seven."""
CHUNK: Final = 2_000_000
"""Draws held at once: 16 MB of indexes."""


class Interval(NamedTuple):
    """A mean over events and the interval that holds it."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: NDArray[np.floating],
    users: NDArray[np.integer],
    rng: Generator,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap of the mean over events; users are drawn, not events.

    One user's events are alike, so drawing events would claim too much (cluster bootstrap: Cameron,
    Gelbach & Miller 2008). `values` (T,), `users` (T,) codes. One user alone tells nothing of
    others: the interval is then the mean itself.

    >>> rng = np.random.default_rng(0)
    >>> mean_interval(np.array([1.0, 1.0, 0.0]), np.array([7, 7, 7]), rng)
    Interval(mean=0.6666666666666666, low=0.6666666666666666, high=0.6666666666666666)
    >>> wide = mean_interval(np.array([1.0, 0.0]), np.array([0, 1]), rng)
    >>> wide
    Interval(mean=0.5, low=0.0, high=1.0)
    """
    if values.shape != users.shape or values.ndim != 1:
        raise ShapeError(f"values {values.shape} do not fit users {users.shape}")
    if not len(values):
        raise NotEnoughDataError("a mean needs at least one event; 0 were given")
    _, codes = np.unique(users, return_inverse=True)
    sums = np.bincount(codes, weights=values).astype(np.float64)  # (U,)
    counts = np.bincount(codes).astype(np.float64)  # (U,)
    drawn = _resampled_means(sums, counts, rng, resamples)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return Interval(float(np.mean(values)), float(low), float(high))


def difference_interval(
    ours: NDArray[np.floating],
    theirs: NDArray[np.floating],
    users: NDArray[np.integer],
    rng: Generator,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Interval:
    """Interval of `ours - theirs` on the same events, (T,) each: paired, drawn by user.

    Both are gains, between 0 and 1. Fewer than `FEWEST` users tell next to nothing of others: the
    interval is then all that a difference can be, so that none is taken for sure.

    >>> ours, theirs = np.full(6, 0.9), np.full(6, 0.8)
    >>> gap = difference_interval(ours, theirs, np.arange(6), np.random.default_rng(0))
    >>> round(gap.mean, 6), round(gap.low, 6), round(gap.high, 6)
    (0.1, 0.1, 0.1)
    """
    if ours.shape != theirs.shape:
        raise ShapeError(f"our values {ours.shape} do not pair with theirs {theirs.shape}")
    if 0 < len(np.unique(users)) < FEWEST:
        return Interval(float(np.mean(ours - theirs)), -1.0, 1.0)
    return mean_interval(ours - theirs, users, rng, resamples, level)


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], rng: Generator, resamples: int
) -> NDArray[np.float64]:
    """Means of `resamples` draws of U users with replacement, (R,)."""
    users = len(sums)
    both = sums + 1j * counts  # (U,) one gather for both
    means = np.empty(resamples)
    step = max(1, CHUNK // users)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = both[rng.integers(users, size=(rows, users))].sum(axis=1)  # (rows, U) -> (rows,)
        means[start : start + rows] = drawn.real / drawn.imag
    return means
