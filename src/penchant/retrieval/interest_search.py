"""Items near a user's interests, by exact search over all item vectors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Candidates, Look, Mask, Reading, Rows, Scores
from penchant.core.errors import ShapeError
from penchant.core.interests import Interests, Table, Vector
from penchant.retrieval.exact_search import NOTHING, check_fits, top
from penchant.retrieval.scan import Scan


class InterestSearch:
    """r_c = max_k(w_k u_k . c) + b_c, for the interests that one model reads.

    An item without a vector (its row is beyond the table, or not `known`) gets the lowest score of
    those with one, minus 1. Where the reading has no interests of this model, all score 0 and
    nothing is found.
    """

    def __init__(
        self,
        model_name: str,
        vectors: Table,  # (T, D)
        bias: Vector | None = None,  # (T,)
        known: Mask | None = None,  # (T,)
    ) -> None:
        for name, column in (("bias", bias), ("known", known)):
            if column is not None and column.shape != vectors.shape[:1]:
                raise ShapeError(f"{name} {column.shape} does not fit vectors {vectors.shape}")
        self._model_name = model_name
        self._vectors = vectors
        self._offset = bias
        self._bias = np.zeros(len(vectors), np.float32) if bias is None else bias
        self._known = np.ones(len(vectors), np.bool_) if known is None else known
        self._n_items = len(vectors)
        self._all_known = bool(self._known.all())

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        return self._n_items

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist; the new ones have no vector."""
        extra = n_items - self._n_items
        if extra > 0:
            self._known = np.concatenate([self._known, np.zeros(extra, np.bool_)])
            self._n_items = n_items
            self._all_known = False

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """The items with a vector that score highest."""
        return self.look([reading])[0].find(allowed, limit)

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """r_c of `rows`."""
        interests = reading.interests.get(self._model_name)
        if interests is None:
            return np.zeros(self._n_items, np.float32)[rows]
        if isinstance(rows, slice) or not self._known[rows].all():
            # the lowest score is that of the whole catalogue
            return self.filled(interests.score(self._vectors) + self._bias)[rows]
        return interests.score(self._vectors[rows]) + self._bias[rows]

    def look(self, readings: Sequence[Reading]) -> Sequence[Look]:
        """The vectors are read from memory once for all readings, which is most of the cost.

        A score by which an item is found may differ from that of `score` in its last bits.
        """
        each = [reading.interests.get(self._model_name) for reading in readings]
        found = [interests for interests in each if interests is not None]
        if not found:
            return [_Near(self, reading, slice(0)) for reading in readings]
        every = Interests(
            np.concatenate([one.directions for one in found]),
            np.concatenate([one.weights for one in found]),
        )
        scan = Scan(every, self._vectors, self._offset)  # (sum K, N)
        ends = np.cumsum([0 if one is None else len(one.weights) for one in each]).tolist()
        own = map(slice, [0, *ends], ends)
        return [_Near(self, *of, scan) for of in zip(readings, own, strict=True)]

    def choose(self, whole: Scores, allowed: Mask, limit: int) -> Candidates:
        """The best of `whole` (N,), what one reading gives to every item."""
        check_fits(self._known.shape, allowed)
        return top(whole, allowed if self._all_known else allowed & self._known, limit)

    def rescore(self, reading: Reading, whole: Scores, rows: NDArray[np.intp]) -> Scores:
        """`score` of `rows` without another look at the catalogue."""
        if self._all_known or self._known[rows].all():
            return self.score(reading, rows)
        return whole[rows]

    def filled(self, scores: Scores) -> Scores:
        """(T,) scores -> (N,), items without a vector below all others."""
        if self._all_known:
            return scores
        with_vector = self._known[: len(self._vectors)]
        lowest = scores.min(where=with_vector, initial=np.inf)
        whole = np.full(self._n_items, lowest - 1 if np.isfinite(lowest) else 0.0, np.float32)
        whole[: len(scores)][with_vector] = scores[with_vector]
        return whole


class _Near:
    """A look at one reading, by the directions `own` of a scan; none: it has no such interests."""

    def __init__(
        self, source: InterestSearch, reading: Reading, own: slice, scan: Scan | None = None
    ) -> None:
        self._source = source
        self._reading = reading
        self._own = own
        self._scan = scan
        self._whole: Scores | None = None

    def find(self, allowed: Mask, limit: int) -> Candidates:
        whole = self._scores()
        return NOTHING if whole is None else self._source.choose(whole, allowed, limit)

    def score(self, rows: NDArray[np.intp]) -> Scores:
        whole = self._scores()
        if whole is None:
            return np.zeros(len(rows), np.float32)
        return self._source.rescore(self._reading, whole, rows)

    def _scores(self) -> Scores | None:
        """(N,) of the whole catalogue."""
        if self._scan is not None:
            each = self._scan.result()[self._own]  # (K, N)
            self._scan = None
            if len(each):
                best = each[0] if len(each) == 1 else each.max(axis=0)
                self._whole = self._source.filled(best)
        return self._whole
