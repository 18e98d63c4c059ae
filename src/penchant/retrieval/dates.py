"""Since when items exist, and which are the newest."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.core.contracts import Mask
from penchant.retrieval.exact_search import check_fits
from penchant.retrieval.leaders import Leaders


class Dates:
    """Unix seconds at which each row was first met; NaN: not known."""

    def __init__(self, added_s: ArrayLike = ()) -> None:
        self._added_s = np.array(added_s, np.float64)  # (capacity,)
        self._n_items = len(self._added_s)
        self._newest = Leaders(above=-np.inf)

    @property
    def n_items(self) -> int:
        """Rows that it knows of."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist, since nobody knows when."""
        capacity = len(self._added_s)
        if n_items > capacity:
            extra = np.full(max(n_items, 2 * capacity) - capacity, np.nan)
            self._added_s = np.concatenate([self._added_s, extra])
        self._n_items = max(self._n_items, n_items)

    def times(self) -> NDArray[np.float64]:
        """(N,) a view; not to be edited."""
        return self._added_s[: self._n_items]

    def met(self, row: int, time_s: float) -> None:
        """The item at `row` exists since `time_s`, or earlier."""
        if not self._added_s[row] <= time_s:
            self._added_s[row] = time_s
            self._newest.moved(row, time_s)

    def put(self, rows: NDArray[np.integer[Any]] | slice, added_s: ArrayLike) -> None:
        """Those `rows` exist since then."""
        self.times()[rows] = added_s
        self._newest.forget()

    def newest(self, now_s: float, allowed: Mask, limit: int) -> NDArray[np.intp]:
        """At most `limit` allowed rows that exist at `now_s`, the newest first, ties by row."""
        added_s = self.times()
        check_fits(added_s.shape, allowed)
        first = self._newest.first(added_s)[:1]
        if len(first) and added_s[first[0]] > now_s:
            allowed = allowed & (added_s <= now_s)
        return self._newest.allowed(added_s, allowed, limit)
