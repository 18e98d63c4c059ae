"""What is taken right after the item that this user took last."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.core.contracts import Candidates, Mask, Reading, Rows, Scores
from penchant.retrieval.over_popular import OverPopular
from penchant.retrieval.recent import latest_taken
from penchant.retrieval.takings import takings
from penchant.retrieval.trending import Trending


class Followers(NamedTuple):
    """Which items followed which, and how often: a sparse (N, N) matrix in compressed rows."""

    starts: NDArray[np.intp]
    """(N + 1,) followers of item i are at `starts[i]` to `starts[i + 1]`."""
    rows: NDArray[np.intp]
    """(P,) of the followers, ascending within one item."""
    counts: Scores
    """(P,) how often."""


def count_transitions(
    user: ArrayLike, row: ArrayLike, weight: ArrayLike, n_items: int
) -> Followers:
    """How often a user's positive event on an item was followed by the next one on another.

    The columns are (T,) in fold order; users may be interleaved.

    >>> found = count_transitions([1, 2, 1, 1], [0, 2, 1, 0], [1, 1, 1, 1], 3)
    >>> [of.tolist() for of in found]  # 0 was followed by 1, and 1 by 0, once each
    [[0, 1, 2, 2], [1, 0], [1.0, 1.0]]
    """
    taken = takings(user, row, weight)
    order = np.argsort(taken.user, kind="stable")
    users, rows = taken.user[order], taken.row[order].astype(np.int64)
    follows = users[1:] == users[:-1]
    pairs = rows[:-1][follows] * n_items + rows[1:][follows]
    met, times = np.unique(pairs, return_counts=True)
    starts = np.searchsorted(met, np.arange(n_items + 1) * n_items)
    return Followers(starts, (met % n_items).astype(np.intp), times.astype(np.float32))


class Transition:
    """Counts of the next item after the last positive one, plus popularity that parts ties."""

    def __init__(self, followers: Followers, popular: Trending) -> None:
        self._starts, self._rows, self._counts = followers
        self._popular = popular
        self.grow(len(self._starts) - 1)

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
        starts, rows = arrays["starts"].astype(np.intp), arrays["rows"].astype(np.intp)
        counts = arrays["counts"].astype(np.float32, copy=False)
        return cls(Followers(starts, rows, counts), popular)
