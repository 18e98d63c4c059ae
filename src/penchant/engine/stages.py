"""The stages put together: models, sources and ranker over live counts and one artifact."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import (
    Candidates,
    EventFeatures,
    Found,
    InterestModel,
    LiveSource,
    Look,
    LookingSource,
    Mask,
    Ranker,
    Reading,
    Rows,
    Scores,
    Source,
)
from penchant.core.events import Event
from penchant.core.ids import ItemId
from penchant.core.interests import Table
from penchant.core.signals import DAY_S, Signal
from penchant.engine.learned import Learned
from penchant.features.reader import EventReader
from penchant.interests.event_input import BIASES
from penchant.interests.models import SEQUENCE_MODELS, serve
from penchant.interests.topic_average import TopicAverage
from penchant.ranking.blend import CONTEXTS, NEVER, REGIME, Blend, Form
from penchant.retrieval.co_visit import CoVisit
from penchant.retrieval.dates import Dates
from penchant.retrieval.ease import Ease, lately
from penchant.retrieval.fresh import Fresh
from penchant.retrieval.growth import GrowingSource
from penchant.retrieval.habit import Habit
from penchant.retrieval.interest_search import InterestSearch
from penchant.retrieval.item_item import ItemItem
from penchant.retrieval.neighbours import neighbours_from
from penchant.retrieval.transition import Transition
from penchant.retrieval.trending import Trending

FORMS: Final[Mapping[str, Form]] = {
    "popular": "count",
    "trending_1d": "count",
    "trending_30d": "count",
    "habit": "count",
    "habit_recent": "count",
    "fresh": "count",
    "co_visit": "count",
    "transition": "count",
    "item_item": "count",
    "ease": "score",
    "ease_recent": "count",
    "topic_average": "score",
    **dict.fromkeys(SEQUENCE_MODELS, "score"),
}
"""Every source by name, and the form of its numbers."""
ALIKE: Final = "counts alike"
"""What a blend is called that was not learned."""
HABIT_HALF_LIFE_S: Final = 30 * DAY_S
FRESH_HALF_LIFE_S: Final = 7 * DAY_S


class Live:
    """Counts that every event moves, whatever artifact is in use."""

    def __init__(
        self,
        n_items: int = 0,
        added_s: NDArray[np.float64] | None = None,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        """`added_s` (N,): since when items exist, where that is known before they are met.

        `now_s`: the time it is, where that is not the time of the newest event.
        """
        self.popular = Trending(7 * DAY_S, n_items, now_s)
        self.trending_1d = Trending(DAY_S, n_items, now_s)
        self.trending_30d = Trending(30 * DAY_S, n_items, now_s)
        self.dates = Dates(np.full(n_items, np.nan) if added_s is None else added_s)

    @property
    def added_s(self) -> NDArray[np.float64]:
        """(N,) since when items exist; a view."""
        return self.dates.times()

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist."""
        for source in (self.popular, self.trending_1d, self.trending_30d, self.dates):
            source.grow(n_items)

    def met(self, row: int, time_s: float) -> None:
        """The item at `row` exists since `time_s`, or earlier."""
        self.dates.met(row, time_s)

    def sources(self) -> dict[str, GrowingSource]:
        """The sources that need no artifact."""
        return {
            "popular": self.popular,
            "trending_1d": self.trending_1d,
            "trending_30d": self.trending_30d,
            "habit": Habit(self.popular),
            "habit_recent": Habit(self.popular, HABIT_HALF_LIFE_S),
            "fresh": Fresh(self.dates, FRESH_HALF_LIFE_S),
        }

    def counting(self) -> list[LiveSource]:
        """The sources that events move."""
        return [self.popular, self.trending_1d, self.trending_30d]


@dataclass
class Stages:
    """Everything between an event or a request and the rules."""

    reader: EventReader
    models: dict[str, InterestModel]
    sources: dict[str, GrowingSource]
    counting: list[LiveSource]
    ranker: Ranker
    vectors: Table | None  # (N, D) of the artifact
    met: Mask | None  # (N,) items with a vector
    repeats: bool | None  # what `auto` means; None: nothing learned yet
    n_items: int = 0

    def features(self, event: Event, row: int) -> EventFeatures:
        """What models see of `event`, whose item is at `row`."""
        vector = None
        if self.vectors is not None and self.met is not None and 0 <= row < len(self.met):
            vector = self.vectors[row] if self.met[row] else None
        return self.reader(event, row, vector)

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist."""
        if n_items > self.n_items:
            for source in self.sources.values():
                source.grow(n_items)
            self.n_items = n_items

    def score(self, reading: Reading, rows: Rows, names: Sequence[str]) -> Scores:
        """(M, S) scores of `rows`, or of the whole catalogue, by each named source."""
        size = self.n_items if isinstance(rows, slice) else len(rows)
        out = np.empty((len(names), size), np.float32)
        for s, name in enumerate(names):
            out[s] = self.sources[name].score(reading, rows)
        return out.T

    def found(self, reading: Reading, allowed: Mask, limit: int) -> Found:
        """Whatever any source finds, scored by all; never empty while anything is allowed."""
        return self.found_each([(reading, allowed, limit)])[0]

    def found_each(self, asked: Sequence[tuple[Reading, Mask, int]]) -> list[Found]:
        """The same for several readings, with one look at the item vectors for all of them."""
        readings = [reading for reading, _, _ in asked]
        looks = [_looks(source, readings) for source in self.sources.values()]  # S of R
        among = np.zeros((len(asked), self.n_items), np.bool_)
        for of_source in looks:  # those that scan the catalogue come last, and have begun
            for look, (_, allowed, limit), rows in zip(of_source, asked, among, strict=True):
                rows[look.find(allowed, limit).rows] = True
        return [
            self._found(own, rows, allowed, limit)
            for *own, rows, (_, allowed, limit) in zip(*looks, among, asked, strict=True)
        ]

    def _found(self, looks: Sequence[Look], among: Mask, allowed: Mask, limit: int) -> Found:
        rows = np.flatnonzero(among)
        if len(rows) < limit:
            spare = np.setdiff1d(np.flatnonzero(allowed)[:limit], rows, assume_unique=True)
            rows = np.union1d(rows, spare[: limit - len(rows)])
        out = np.empty((len(looks), len(rows)), np.float32)
        for s, look in enumerate(looks):
            out[s] = look.score(rows)
        return Found(rows, out.T, tuple(self.sources))


class _Alone:
    """A look by a source that does its work each time."""

    def __init__(self, source: Source, reading: Reading) -> None:
        self._source = source
        self._reading = reading

    def find(self, allowed: Mask, limit: int) -> Candidates:
        return self._source.find(self._reading, allowed, limit)

    def score(self, rows: NDArray[np.intp]) -> Scores:
        return self._source.score(self._reading, rows)


def _looks(source: Source, readings: Sequence[Reading]) -> Sequence[Look]:
    if _looking(type(source)):
        return cast(LookingSource, source).look(readings)
    return [_Alone(source, reading) for reading in readings]


@cache  # asking a protocol takes as long as a small source's whole look
def _looking(kind: type[Source]) -> bool:
    return issubclass(kind, LookingSource)


def unlearned(signals: Mapping[str, Signal], live: Live, n_items: int) -> Stages:
    """Before anything has been trained: trending, habit, and live item-item."""
    co_visit = CoVisit(n_items)
    sources: dict[str, GrowingSource] = {**live.sources(), "co_visit": co_visit}
    return Stages(
        EventReader(signals),
        {},
        sources,
        [*live.counting(), co_visit],
        counts_alike(tuple(sources)),
        None,
        None,
        None,
        n_items,
    )


def counts_alike(names: tuple[str, ...]) -> Blend:
    """The blend where too little is known to learn one: all counts weigh alike, scores nothing."""
    forms = tuple(FORMS[name] for name in names)
    base = np.zeros((CONTEXTS, 2, len(names)), np.float32)
    for begin in (0, REGIME):
        base[begin][:, [form == "score" for form in forms]] = NEVER
        base[begin, :, names.index("fresh")] = np.log(0.1)  # new items only part ties
    return Blend(names, forms, np.ones(len(names), np.float32), base, ALIKE)


def learned_stages(
    learned: Learned, signals: Mapping[str, Signal], live: Live, n_items: int
) -> Stages:
    """With an artifact: its models, its tables, its blend."""
    topics = topic_model(learned)
    sources: dict[str, GrowingSource] = {**live.sources(), **table_sources(learned.tables, live)}
    sources["topic_average"] = InterestSearch(
        "topic_average", learned.topics.memberships(learned.vectors), None, learned.met
    )
    sources[learned.model] = InterestSearch(
        learned.model, learned.vectors, learned.weights[BIASES], learned.met
    )
    stages = Stages(
        EventReader.from_json(signals, learned.reader),
        {
            learned.model: serve(learned.model, learned.sizes, learned.weights),
            "topic_average": topics,
        },
        sources,
        live.counting(),
        learned.blend,
        learned.vectors,
        learned.met,
        learned.repeats,
    )
    stages.grow(max(n_items, len(learned.items)))
    return stages


def learned_sources(model: str) -> tuple[str, ...]:
    """The names of the sources that serve with an artifact of sequence model `model`, in order."""
    return tuple(
        name
        for name in FORMS
        if name != "co_visit" and (name == model or name not in SEQUENCE_MODELS)
    )


def table_sources(
    tables: Mapping[str, Mapping[str, NDArray[Any]]], live: Live
) -> dict[str, GrowingSource]:
    """Sources over tables that were counted or learned once."""
    ease = Ease.from_arrays(tables["ease"])
    return {
        "transition": Transition.from_arrays(tables["transition"], live.popular),
        "item_item": ItemItem(neighbours_from(tables["item_item"])),
        "ease": ease,
        "ease_recent": ease.with_inputs(lately),
    }


def topic_model(learned: Learned) -> TopicAverage:
    """The topic average over the artifact's topics."""
    return TopicAverage(
        learned.topics.weights,
        learned.topics.bias,
        learned.pace.rates,
        learned.pace.tau_s,
        learned.topics.prior,
        change=learned.pace.change,
    )


def rows_match(items: Sequence[ItemId], catalogue: Sequence[ItemId]) -> bool:
    """Whether an artifact's rows are the catalogue's first rows."""
    return len(items) <= len(catalogue) and list(catalogue[: len(items)]) == list(items)
