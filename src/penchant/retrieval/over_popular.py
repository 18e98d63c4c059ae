"""Counts of somebody's own for a few items, then what is popular, which only parts ties."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Mask, Rows, Scores
from penchant.retrieval.exact_search import best_of
from penchant.retrieval.tally import Tally
from penchant.retrieval.trending import Trending

BACK_OFF: Final = 1e-3
"""What the most popular item adds to a count of somebody's own: it only parts ties."""


def back_off(popular: Tally, rows: Rows) -> Scores:
    """Popularity of `rows` scaled below 1e-3: (M,)."""
    return popular.weights()[rows] * np.float32(BACK_OFF / (popular.most() + 1))


class OverPopular:
    """A look at one reading: own count + popularity scaled below 1e-3."""

    def __init__(
        self, popular: Trending, now_s: float, own: NDArray[np.intp], counts: Scores
    ) -> None:
        """`counts` (B,) of the rows `own` (B,), which ascend; every other row has none."""
        self._trending = popular
        self._now_s = now_s
        self._own = own
        self._counts = counts

    def find(self, allowed: Mask, limit: int) -> Candidates:
        """Own rows and popular ones that score above 0, best first."""
        popular = self._popular().find(allowed, limit).rows  # no other can be among the best
        own = self._own[allowed[self._own]]
        rows = np.concatenate([own, popular[~self._among(popular)[1]]])
        return best_of(rows, self.score(rows), limit, above=0.0)

    def score(self, rows: Rows) -> Scores:
        """(M,)."""
        popular = self._popular()
        scores = back_off(popular, rows)
        if isinstance(rows, slice):
            whole = np.zeros(popular.n_items, np.float32)
            whole[self._own] = self._counts
            return scores + whole[rows]
        if len(self._own):
            places, there = self._among(rows)
            scores += np.where(there, self._counts[places], np.float32(0))
        return scores

    def _popular(self) -> Tally:
        """As of now; a look of somebody else at another time has moved it since."""
        return self._trending.at(self._now_s)

    def _among(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], Mask]:
        """Places of `rows` (M,) among the own ones, and which of them are there."""
        places = np.searchsorted(self._own, rows)
        if not len(self._own):
            return places, np.zeros(len(rows), np.bool_)
        places[places == len(self._own)] = 0
        return places, np.asarray(self._own[places] == rows, np.bool_)
