"""Item-item is learned: for each item those that most of the same users took."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from penchant.retrieval.incidence import incidence
from penchant.retrieval.neighbours import (
    Neighbours,
    Progress,
    empty_neighbours,
    no_progress,
    put_strongest,
)
from penchant.retrieval.takings import takings

BLOCK: Final = 256
"""Items whose co-occurrences are in memory at one time."""


def learn_item_item(
    user: ArrayLike,
    row: ArrayLike,
    weight: ArrayLike,
    n_items: int,
    *,
    shrinkage: float = 10.0,
    keep: int = 100,
    progress: Progress = no_progress,
) -> Neighbours:
    """sim(i, j) = n_ij / (sqrt(n_i n_j) + shrinkage), n = distinct users; `keep` best per item.

    The columns are (T,) in any order. Shrinkage draws pairs seen by few users towards 0.
    """
    matrix = incidence(takings(user, row, weight), n_items)  # (U, N)
    by_item = matrix.T.tocsr()
    size = np.sqrt(np.diff(by_item.indptr).astype(np.float32))  # (N,)
    table = empty_neighbours(n_items, min(keep, max(n_items - 1, 1)))
    for first in range(0, n_items, BLOCK):
        block = (by_item[first : first + BLOCK] @ matrix).tocsr()  # (B, U) @ (U, N) -> (B, N)
        block.sort_indices()
        for i in range(block.shape[0]):
            entry = slice(block.indptr[i], block.indptr[i + 1])
            others, both = block.indices[entry], block.data[entry]
            other = others != first + i
            others, both = others[other], both[other]
            put_strongest(
                table, first + i, others, both / (size[first + i] * size[others] + shrinkage)
            )
        progress("item-item", min(1.0, (first + BLOCK) / n_items))
    return table
