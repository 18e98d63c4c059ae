"""Items that the same people take: cosine of co-occurrence with the user's last few."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.neighbours import Neighbours, Summed, neighbours_from
from penchant.retrieval.recent import latest_taken

LAST: Final = 10
"""How many of the user's latest distinct items speak."""


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
