"""EASE is learned in closed form: a regularised Gram matrix is inverted (Steck, WWW 2019)."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack

from penchant.core.errors import ConfigError, NotEnoughDataError
from penchant.retrieval.ease import EaseTable
from penchant.retrieval.exact_search import best_places
from penchant.retrieval.incidence import Counts, incidence
from penchant.retrieval.neighbours import (
    Neighbours,
    Progress,
    empty_neighbours,
    no_progress,
    put_strongest,
)
from penchant.retrieval.takings import takings

BLOCK: Final = 512
"""Rows of the Gram matrix made or read at one time."""
SAFE_CONDITION: Final = 1e4
"""Up to this condition number single precision inverts to about 1e4 * 2^-24 = 6e-4."""

Square = NDArray[np.floating[Any]]


def learn_ease(
    user: ArrayLike,
    row: ArrayLike,
    weight: ArrayLike,
    n_items: int,
    *,
    penalty: float = 500.0,
    most_items: int = 10_000,
    keep: int | None = 300,
    progress: Progress = no_progress,
) -> EaseTable:
    """B = I - P diag(1 / diag P) with P = (X'X + penalty I)^-1, diagonal 0 (Steck 2019, eq. 8).

    X is (users, items) of 0 and 1. Only the `most_items` most frequent items are learned (ties by
    row), and per item the `keep` weights furthest from 0 are kept (None: all). 10,000 items need
    0.4 GB, or 0.8 GB where the condition number asks for double precision.
    """
    if penalty <= 0:
        raise ConfigError(f"the penalty of EASE is {penalty:g}; it must be above 0")
    taken = takings(user, row, weight)
    if not len(taken.row):
        raise NotEnoughDataError("EASE needs at least one positive event on an item; there is none")
    frequency = np.bincount(taken.row, minlength=n_items).astype(np.float32)
    items = np.sort(best_places(frequency, min(most_items, int((frequency > 0).sum()))))
    matrix = incidence(taken, n_items)[:, items].tocsr()  # (U, M)
    inverse = _inverse(_gram(matrix, penalty, progress), progress)
    return EaseTable(items, _weights(inverse, items, keep, progress), n_items)


def _gram(matrix: Counts, penalty: float, progress: Progress) -> Square:
    """X'X + penalty I, (M, M), column-major, in the least precision that is safe."""
    # Largest eigenvalue <= largest row sum (Gershgorin); smallest >= penalty.
    largest = float((matrix.T @ matrix.sum(axis=1)).max()) + penalty
    safe = largest / penalty <= SAFE_CONDITION
    m = matrix.shape[1]
    gram: Square = np.zeros((m, m), np.float32 if safe else np.float64, order="F")
    by_item = matrix.T.tocsr()
    for first in range(0, m, BLOCK):
        block = (by_item[first : first + BLOCK] @ matrix).toarray()  # (B, U) @ (U, M) -> (B, M)
        gram[:, first : first + BLOCK] = block.T
        progress("ease: co-occurrence", min(1.0, (first + BLOCK) / m))
    gram[np.diag_indices(m)] += penalty
    return gram


def _inverse(gram: Square, progress: Progress) -> Square:
    """The inverse by Cholesky, in the memory of `gram`; its lower triangle holds it."""
    single = gram.dtype == np.float32
    factor = lapack.spotrf if single else lapack.dpotrf
    invert = lapack.spotri if single else lapack.dpotri
    progress("ease: inverse", 0.0)
    lower, failed = factor(gram, lower=1, clean=0, overwrite_a=1)
    if not failed:
        progress("ease: inverse", 1 / 3)  # n^3/3 of the n^3 operations are done
        lower, failed = invert(lower, lower=1, overwrite_c=1)
    if failed:
        raise NotEnoughDataError(
            f"EASE could not invert its {gram.shape} matrix; choose a larger penalty"
        )
    progress("ease: inverse", 1.0)
    return np.asarray(lower)


def _weights(
    inverse: Square, items: NDArray[np.intp], keep: int | None, progress: Progress
) -> Neighbours:
    """B[i, j] = -P[i, j] / P[j, j] for i != j; row i is what taking i says of every j."""
    m = len(items)
    table = empty_neighbours(m, max(min(keep or m, m - 1), 1))
    scale = -1.0 / inverse.diagonal()
    for i in range(m):
        weights = np.concatenate([inverse[i, :i], inverse[i:, i]]) * scale
        weights[i] = 0.0
        put_strongest(table, i, items, weights.astype(np.float32))
        if i % BLOCK == 0 or i == m - 1:
            progress("ease: weights", (i + 1) / m)
    return table
