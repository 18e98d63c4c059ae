"""Hat functions over a logarithm: how models and blends see elapsed time and other long scales."""

from collections.abc import Sequence
from functools import lru_cache
from math import log1p
from typing import Final

import numpy as np
from numpy.typing import NDArray

KNOTS_S: Final = (
    0.0,
    60.0,
    600.0,
    3600.0,
    21600.0,
    86400.0,
    259200.0,
    604800.0,
    2592000.0,
    31536000.0,
)
"""From an instant to a year: the knots of elapsed time that models see."""
WIDTH: Final = len(KNOTS_S)


@lru_cache
def _logs(knots: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(log1p(knot) for knot in knots)


KNOTS_LOG: Final = np.array(_logs(KNOTS_S))
"""log(1 + s) of each."""


def hats(value: float, knots: tuple[float, ...]) -> NDArray[np.float32]:
    """(K,) how near `value` >= 0 is to each knot, linear in log(1 + value) between two; sums to 1.

    >>> hats(0.0, (0.0, 1.0, 3.0)).tolist(), hats(1e9, (0.0, 1.0, 3.0)).tolist()
    ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    """
    logs = _logs(knots)
    out = np.zeros(len(knots), np.float32)
    x = log1p(min(max(value, 0.0), knots[-1]))
    right = 1
    while right < len(logs) - 1 and x >= logs[right]:
        right += 1
    share = (x - logs[right - 1]) / (logs[right] - logs[right - 1])
    out[right - 1] = 1.0 - share
    out[right] = share
    return out


def gap_feature(elapsed_s: float) -> NDArray[np.float32]:
    """(10,) elapsed seconds as a model sees them; zeros for NaN: there is no earlier event.

    Negative gaps (clocks that disagree) count as no time at all.
    """
    if elapsed_s != elapsed_s:
        return np.zeros(WIDTH, np.float32)
    return hats(elapsed_s, KNOTS_S)


def gap_features(elapsed_s: NDArray[np.float64] | Sequence[float]) -> NDArray[np.float32]:
    """(T,) -> (T, 10): the same for many gaps at once.

    >>> gap_features(np.array([0.0, 86400.0])).argmax(axis=1).tolist()
    [0, 5]
    """
    if len(elapsed_s) == 1:
        return gap_feature(float(elapsed_s[0]))[None]
    gaps = np.asarray(elapsed_s, np.float64)
    known = ~np.isnan(gaps)
    x = np.log1p(np.clip(np.where(known, gaps, 0.0), 0.0, KNOTS_S[-1]))
    right = np.clip(np.searchsorted(KNOTS_LOG, x, side="right"), 1, WIDTH - 1)
    share = (x - KNOTS_LOG[right - 1]) / (KNOTS_LOG[right] - KNOTS_LOG[right - 1])
    out = np.zeros((len(x), WIDTH), np.float32)
    at = np.arange(len(x))
    out[at, right - 1] = (1 - share) * known
    out[at, right] = share * known
    return out
