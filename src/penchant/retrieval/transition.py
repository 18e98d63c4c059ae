"""What is taken right after the item that this user took last."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.incidence import Counts, takings
from penchant.retrieval.over_popular import OverPopular
from penchant.retrieval.recent import latest_taken
from penchant.retrieval.trending import Trending


def count_transitions(user: ArrayLike, row: ArrayLike, weight: ArrayLike, n_items: int) -> Counts:
    """How often a user's positive event on i was followed by the next one on j: (N, N).

    The columns are (T,) in fold order; users may be interleaved.

    >>> count_transitions([1, 2, 1, 1], [0, 2, 1, 0], [1, 1, 1, 1], 3).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    taken = takings(user, row, weight)
    order = np.argsort(taken.user, kind="stable")
    users, rows = taken.user[order], taken.row[order]
    follows = users[1:] == users[:-1]
    before, after = rows[:-1][follows], rows[1:][follows]
    ones = np.ones(len(before), np.float32)
    counts = sparse.csr_array((ones, (before, after)), shape=(n_items, n_items))
    counts.sum_duplicates()
    return counts


class Transition:
    """Counts of the next item after the last positive one, plus popularity that parts ties."""

    def __init__(self, counts: Counts, popular: Trending) -> None:
        if not counts.has_sorted_indices:
            counts = counts.sorted_indices()
        self._starts = counts.indptr
        self._rows = counts.indices.astype(np.intp)
        self._counts = counts.data.astype(np.float32, copy=False)
        self._popular = popular
        self.grow(counts.shape[0])

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._popular.n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist, in `popular` too."""
        self._popular.grow(n_items)

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """What followed the last item, then the popular ones."""
        return self.look([reading])[0].find(allowed, limit)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Count after the last positive item + 1e-3 popularity."""
        return self.look([reading])[0].score(rows)

    def look(self, readings: Sequence[Reading]) -> list[OverPopular]:
        """Both from what followed."""
        return [
            OverPopular(self._popular, reading.now_s, *self._after(reading)) for reading in readings
        ]

    def _after(self, reading: Reading) -> tuple[NDArray[np.intp], Scores]:
        """Rows that followed the last positive item, ascending, and how often."""
        for last in latest_taken(reading.recent, limit=1):
            if last < len(self._starts) - 1:
                after = slice(self._starts[last], self._starts[last + 1])
                return self._rows[after], self._counts[after]
        return self._rows[:0], self._counts[:0]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for an artifact: a sparse matrix in compressed rows."""
        return {
            "starts": self._starts.astype(np.int64),
            "rows": self._rows.astype(np.int32),
            "counts": self._counts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], popular: Trending) -> Self:
        """The table back from `to_arrays`, over the live `popular`."""
        n_items = len(arrays["starts"]) - 1
        parts = (arrays["counts"], arrays["rows"], arrays["starts"])
        return cls(sparse.csr_array(parts, shape=(n_items, n_items)), popular)
