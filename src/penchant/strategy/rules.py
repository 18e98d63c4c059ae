"""Rules of a placement: what may be shown, and in which order."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from penchant.core.contracts import ItemFacts, Mask, Reading, Request, Scored, SlateItem
from penchant.core.errors import InvalidRequestError
from penchant.strategy.diversity import mmr

REPEATS_ARE_USUAL: Final = 0.05
"""Share of positive events that repeat a (user, item), above which `auto` keeps taken items."""


class StrategyConfig(BaseModel):
    """Settings of `Rules`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeats: Literal["auto", "keep", "drop"] = "auto"
    """Whether items already taken may appear; auto: if more than 5 % of the log repeats, as counted
    when the engine is opened and when a model is published."""
    diversity: float = Field(default=0.0, ge=0, le=1)
    """Least variety of a slate, 0 (pure relevance) to 1; a request may ask for more. Until a model
    is trained, nothing says how alike two items are, and this does nothing."""
    max_n: int = Field(default=1000, ge=1)
    """Most places that one request may ask for; over HTTP no more than 500 in any case."""


class Rules:
    """Filters what may be shown; arranges by score, with variety where it is asked for."""

    def __init__(self, config: StrategyConfig, repeat_ratio: float = 0.0) -> None:
        """`repeat_ratio`: share of the log's positive events that repeat a (user, item)."""
        self._config = config
        self._repeat_ratio = repeat_ratio

    def allowed(self, request: Request, reading: Reading, items: ItemFacts) -> Mask:
        """(N,) available, not expired, of the categories, not excluded, shown or dismissed.

        Items already taken stay out unless both the placement and the request let them repeat.
        """
        self.check(request)
        mask: Mask = items.available.copy()
        if items.soonest_s <= reading.now_s:
            mask &= items.expires_s > reading.now_s
        if request.categories:
            mask &= _within(request.categories, items)
        for rows in (request.exclude, request.shown, reading.dismissed):
            _close(mask, rows)
        if not (request.repeats and self._keeps_repeats()):
            _close(mask, reading.taken.rows())
        return mask

    def arrange(
        self,
        request: Request,
        reading: Reading,  # noqa: ARG002
        scored: Scored,
        items: ItemFacts,
        rng: Generator,  # noqa: ARG002
    ) -> Sequence[SlateItem]:
        """By score, ties by row; with variety, by maximal marginal relevance over the vectors."""
        self.check(request)
        order = np.lexsort((scored.rows, -scored.scores))
        diversity = max(request.diversity, self._config.diversity)
        if diversity > 0 and items.vectors is not None:
            vectors = items.vectors[scored.rows[order]]
            order = order[mmr(scored.scores[order], vectors, diversity, request.n)]
        return _placed(scored, order[: request.n])

    def _keeps_repeats(self) -> bool:
        match self._config.repeats:
            case "auto":
                return self._repeat_ratio > REPEATS_ARE_USUAL
            case "keep":
                return True
            case "drop":
                return False

    def check(self, request: Request) -> None:
        """Raise `InvalidRequestError` for a request that no slate answers."""
        if not 1 <= request.n <= self._config.max_n:
            raise InvalidRequestError(
                f"n is {request.n}; allowed are 1 to {self._config.max_n} places"
            )
        if not 0 <= request.diversity <= 1:
            raise InvalidRequestError(
                f"diversity is {request.diversity:g}; allowed are 0 (relevance) to 1 (variety)"
            )


def _within(categories: frozenset[str], items: ItemFacts) -> Mask:
    inside = np.zeros(len(items.available), np.bool_)
    for category in categories:
        rows = items.categories.get(category)
        if rows is not None:
            inside[rows] = True
    return inside


def _close(mask: Mask, rows: Iterable[int]) -> None:
    """Set `rows` to False, in place; rows that do not exist are no matter."""
    closed = rows if isinstance(rows, np.ndarray) else np.fromiter(rows, np.intp)
    mask[closed[(closed >= 0) & (closed < len(mask))]] = False


def _placed(scored: Scored, places: NDArray[np.intp]) -> list[SlateItem]:
    if len(scored.sources):
        most = scored.parts[places].argmax(axis=1).tolist()
        sources = [scored.sources[source] for source in most]
    else:
        sources = [""] * len(places)
    rows, scores = scored.rows[places].tolist(), scored.scores[places].tolist()
    return list(map(SlateItem, rows, scores, sources))
