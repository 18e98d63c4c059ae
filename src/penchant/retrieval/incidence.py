"""Who took what, as a matrix: the form in which EASE and item-item learn."""

import numpy as np
from scipy import sparse

from penchant.retrieval.takings import Takings

Counts = sparse.csr_array[np.float32, tuple[int, int]]


def incidence(taken: Takings, n_items: int) -> Counts:
    """1 where a user has taken an item, however often: (U, N)."""
    users, codes = np.unique(taken.user, return_inverse=True)
    ones = np.ones(len(codes), np.float32)
    matrix = sparse.csr_array((ones, (codes, taken.row)), shape=(len(users), n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
