"""Items that the same people take: cosine of co-occurrence with the user's last few."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.incidence import incidence, takings
from penchant.retrieval.neighbours import (
    Neighbours,
    Progress,
    Summed,
    empty_neighbours,
    neighbours_from,
    no_progress,
    put_strongest,
)
from penchant.retrieval.recent import latest_taken

LAST: Final = 10
"""How many of the user's latest distinct items speak."""
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


class ItemItem:
    """sum of decay^age * sim(recent item, item) over the last 10 distinct positive items."""

    def __init__(self, table: Neighbours, decay: float = 0.8) -> None:
        self._table = table
        self._decay = decay
        self._n_items = len(table.rows)

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist; those the table does not know score 0."""
        self._n_items = max(self._n_items, n_items)

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """Neighbours of the user's recent items."""
        return self._summed(reading).find(allowed, limit)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Similarity to what was taken lately; 0 for a stranger."""
        return self._summed(reading).score(rows)

    def look(self, readings: Sequence[Reading]) -> list[Summed]:
        """Both from one sum."""
        return [self._summed(reading) for reading in readings]

    def _summed(self, reading: Reading) -> Summed:
        recent = np.array(latest_taken(reading.recent, LAST), np.intp)
        amounts = self._decay ** np.arange(len(recent), dtype=np.float32)
        known = recent < len(self._table.rows)
        places = recent[known]
        scores = self._table.sum_of(places, amounts[known], self._n_items)
        return Summed(scores, self._table.rows[places].ravel())

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for an artifact."""
        return {**self._table.to_arrays(), "decay": np.array([self._decay])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table back from `to_arrays`."""
        return cls(neighbours_from(arrays), float(arrays["decay"][0]))
