"""The first rows by falling value, known at all times while values move one by one."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Mask
from penchant.retrieval.exact_search import best_places

KEPT: Final = 512
"""Rows that lead after all values were looked at."""
FEWEST: Final = 256
"""With fewer left, all values are looked at again."""
MOST: Final = 1536
"""With more, the last ones are let go."""
MANY: Final = 256
"""Values moved at one time from which on it is cheaper to look at all of them."""

Values = NDArray[np.floating[Any]]


class Leaders:
    """A beginning of the order by falling value, ties by row, of rows whose value is over `above`.

    Whoever moves a value says so. A move costs the same whatever the catalogue; all values are
    looked at only when too few rows lead. NaN is over nothing.
    """

    def __init__(self, above: float) -> None:
        self._above = above
        self._members: set[int] = set()
        self._edge: tuple[float, int] | None = None  # minus the value, and row, of the last place
        self._order: NDArray[np.intp] | None = None  # None: values have moved since
        self._known = False

    def moved(self, row: int, value: float) -> None:
        """The value of `row` is now `value`."""
        if not self._known:
            return
        leads = value > self._above and (self._edge is None or (-value, row) <= self._edge)
        if leads:
            self._members.add(row)
            self._order = None
        elif row in self._members:
            self._members.discard(row)
            self._order = None

    def moved_each(self, rows: NDArray[np.intp], values: Values) -> None:
        """The same of the values (N,) of several rows."""
        if len(rows) > MANY:
            self.forget()
            return
        for row in rows.tolist():
            self.moved(row, float(values[row]))

    def forget(self) -> None:
        """Any value may have moved."""
        self._known = False

    def first(self, values: Values) -> NDArray[np.intp]:
        """The rows that lead, best first, in the order of `values` (N,)."""
        if not self._known or (self._edge is not None and len(self._members) < FEWEST):
            self._look(values)
        if self._order is None:
            rows = np.fromiter(self._members, np.intp, len(self._members))
            self._order = rows[np.lexsort((rows, -values[rows]))]
            if len(self._order) > MOST:
                self._order = self._order[:KEPT]
                self._end(values)
        return self._order

    def allowed(self, values: Values, allowed: Mask, limit: int) -> NDArray[np.intp]:
        """The first `limit` rows that are allowed (N,), best first: (M,)."""
        order = self.first(values)
        found = order[allowed[order]][:limit]
        if len(found) == limit or self._edge is None:
            return found
        rows = np.flatnonzero(values > self._above)
        rows = rows[allowed[rows]]
        return rows[best_places(values[rows], limit)]

    def _look(self, values: Values) -> None:
        rows = np.flatnonzero(values > self._above)
        self._order = rows[best_places(values[rows], KEPT)]
        self._known = True
        if len(rows) > KEPT:
            self._end(values)
        else:
            self._members, self._edge = set(rows.tolist()), None

    def _end(self, values: Values) -> None:
        """The order ends where it is cut."""
        assert self._order is not None
        last = int(self._order[-1])
        self._members, self._edge = set(self._order.tolist()), (-float(values[last]), last)
