"""What slates do to a catalogue: coverage, intra-list diversity, novelty and Gini."""

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ShapeError

Slates = NDArray[np.integer]
"""Item rows of served slates, (S, n); -1 fills a slate that came out short."""


def coverage(slates: Slates, items: int) -> float:
    """Part of the catalogue's `items` that at least one slate showed.

    >>> coverage(np.array([[0, 1], [1, -1]]), items=4)
    0.5
    """
    shown = np.unique(slates)
    return float(np.count_nonzero(shown >= 0) / items) if items else 0.0


def intra_list_diversity(slates: Slates, vectors: NDArray[np.floating]) -> float:
    """Mean over slates of 1 - cosine between two of their items (Ziegler et al. 2005).

    `vectors` (N, D) of any length; an unknown (zero) vector is at distance 1 from all. Slates of
    fewer than two items do not count. Equals 1 - (|sum x|^2 - n) / (n (n - 1)) for unit x.

    >>> vectors = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    >>> intra_list_diversity(np.array([[0, 1], [0, 2], [0, 0]]), vectors)  # 1, 2 and 0
    1.0
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors, dtype=float), where=lengths > 0)
    kept = slates >= 0  # (S, n)
    picked = unit[np.where(kept, slates, 0)] * kept[..., None]  # (S, n, D)
    n = kept.sum(axis=1)
    several = n > 1
    if not several.any():
        return 0.0
    total = np.square(picked.sum(axis=1)).sum(axis=1)  # (S,) |sum x|^2
    own = np.square(picked).sum(axis=(1, 2))  # (S,) n less the unknown
    alike = (total - own)[several] / (n * (n - 1))[several]
    return float(np.mean(1.0 - alike))


def novelty(slates: Slates, popularity: NDArray[np.floating]) -> float:
    """Mean self-information of what was shown, -log2 p(item), in bits (Vargas & Castells 2011).

    `popularity` (N,) counts events; p = (count + 1) / (all + N), so that a new item is finite.

    >>> novelty(np.array([[0, 1]]), np.array([2.0, 0.0]))  # p = 3/4 and 1/4
    1.207518749639422
    """
    chance = (popularity + 1.0) / (popularity.sum() + len(popularity))
    shown = slates[slates >= 0]
    return float(-np.log2(chance[shown]).mean()) if shown.size else 0.0


def gini(exposures: NDArray[np.floating]) -> float:
    """Inequality of `exposures` (N,): 0 where all items are shown alike, 1 - 1/N where one is all.

    sum_i (2 i - N - 1) x_i / (N sum x), x ascending and i from 1 (Gini 1912).

    >>> gini(np.array([1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 8.0]))
    (0.0, 0.75)
    >>> gini(np.array([1.0, 3.0]))
    0.25
    """
    if exposures.ndim != 1:
        raise ShapeError(f"exposures {exposures.shape} must be (N,), one per item")
    n, total = len(exposures), float(exposures.sum())
    if total <= 0:
        return 0.0
    order = 2.0 * np.arange(1, n + 1) - n - 1.0
    return float(order @ np.sort(exposures) / (n * total))


def exposures(slates: Slates, items: int) -> NDArray[np.float64]:
    """How often each of `items` was shown, (N,): what `gini` measures.

    >>> exposures(np.array([[0, 2], [0, -1]]), items=3).tolist()
    [2.0, 0.0, 1.0]
    """
    return np.bincount(slates[slates >= 0], minlength=items).astype(np.float64)
