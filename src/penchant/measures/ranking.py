"""How high the target came: mean rank, HR, NDCG, MRR, recall, precision and F1 at k."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ShapeError

Ranks = NDArray[np.float64]
"""0-based ranks of targets, (T,); halves where scores tie, inf for a target that was masked."""
Values = NDArray[np.float64]

CUTOFFS: Final = (1, 5, 10, 20, 100)
"""Every measure is reported at each of these k."""


def mean_rank(
    scores: NDArray[np.floating], target: int, masked: NDArray[np.intp] | None = None
) -> float:
    """0-based rank of `target` among `scores` (N,); equal scores share their mean rank.

    `masked` rows (M,) leave the contest, target and rivals alike; a masked target ranks inf, and
    so does one whose score is not a number.

    >>> mean_rank(np.array([0.1, 0.9, 0.5]), target=2)
    1.0
    >>> mean_rank(np.array([0.5, 0.5, 0.5, 0.9]), target=0)
    2.0
    >>> mean_rank(np.array([0.5, 0.5, 0.5, 0.9]), target=0, masked=np.array([3, 1]))
    0.5
    >>> mean_rank(np.array([0.5, 0.9]), target=0, masked=np.array([0]))
    inf
    """
    score = scores[target]
    if np.isnan(score):
        return float("inf")
    above = np.count_nonzero(scores > score)
    equal = np.count_nonzero(scores == score)
    if masked is not None and masked.size:
        gone = np.unique(masked)
        if target in gone:
            return float("inf")
        above -= np.count_nonzero(scores[gone] > score)
        equal -= np.count_nonzero(scores[gone] == score)
    return float(above + (equal - 1) / 2)


def hr(ranks: Ranks, k: int) -> Values:
    """Hit rate per target: 1 where it is among the first k.

    >>> hr(np.array([0.0, 9.0, 10.0, np.inf]), k=10).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    return np.asarray(ranks < k, dtype=np.float64)


def ndcg(ranks: Ranks, k: int) -> Values:
    """Normalised discounted gain of one target, 1 / log2(rank + 2) (Jarvelin & Kekalainen 2002).

    >>> ndcg(np.array([0.0, 1.0, 2.0, 10.0]), k=10).round(4).tolist()
    [1.0, 0.6309, 0.5, 0.0]
    """
    return np.where(ranks < k, 1.0 / np.log2(ranks + 2.0), 0.0)


def mrr(ranks: Ranks, k: int) -> Values:
    """Reciprocal rank, 1 / (rank + 1), of a target among the first k; else 0.

    >>> mrr(np.array([0.0, 3.0, 10.0]), k=10).tolist()
    [1.0, 0.25, 0.0]
    """
    return np.where(ranks < k, 1.0 / (ranks + 1.0), 0.0)


def recall(ranks: Ranks, k: int, slates: NDArray[np.intp] | None = None) -> Values:
    """Part of a slate's targets that are among its first k, (S,).

    `slates` (T,) says to which slate each target belongs, 0..S-1; None: each is alone in its own.

    >>> recall(np.array([0.0, 20.0, 3.0]), k=10, slates=np.array([0, 0, 1])).tolist()
    [0.5, 1.0]
    """
    hits, targets = _per_slate(ranks, k, slates)
    return hits / targets


def precision(ranks: Ranks, k: int, slates: NDArray[np.intp] | None = None) -> Values:
    """Part of a slate's first k places that hold a target, (S,).

    >>> precision(np.array([0.0, 20.0, 3.0, 4.0]), k=5, slates=np.array([0, 0, 1, 1])).tolist()
    [0.2, 0.4]
    """
    hits, _ = _per_slate(ranks, k, slates)
    return hits / k


def f1(ranks: Ranks, k: int, slates: NDArray[np.intp] | None = None) -> Values:
    """Harmonic mean of precision and recall, 2 hits / (k + targets), (S,).

    >>> f1(np.array([0.0, 20.0, 3.0]), k=3, slates=np.array([0, 0, 1])).tolist()
    [0.4, 0.0]
    """
    hits, targets = _per_slate(ranks, k, slates)
    return 2.0 * hits / (k + targets)


Measure = Callable[[Ranks, int], Values]
MEASURES: Final[dict[str, Measure]] = {
    "hr": hr,
    "ndcg": ndcg,
    "mrr": mrr,
    "recall": recall,
    "precision": precision,
    "f1": f1,
}


def means(ranks: Ranks, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, float]:
    """Every measure at every cutoff, one target per slate: `{"ndcg@10": ...}`.

    >>> some = means(np.array([0.0, 2.0]), cutoffs=[1, 10])
    >>> some["hr@1"], some["ndcg@10"], some["precision@10"]
    (0.5, 0.75, 0.1)
    """
    return {
        f"{name}@{k}": float(measure(ranks, k).mean()) if len(ranks) else 0.0
        for name, measure in MEASURES.items()
        for k in cutoffs
    }


def _per_slate(
    ranks: Ranks, k: int, slates: NDArray[np.intp] | None
) -> tuple[Values, NDArray[np.float64]]:
    """Hits and targets of each slate, (S,) both."""
    hit = hr(ranks, k)
    if slates is None:
        return hit, np.ones_like(hit)
    if slates.shape != ranks.shape:
        raise ShapeError(f"slates {slates.shape} do not fit ranks {ranks.shape}")
    targets = np.bincount(slates).astype(np.float64)
    hits = np.bincount(slates, weights=hit).astype(np.float64)
    return hits, np.maximum(targets, 1.0)
