"""A log and how it is trained on: what the protocols that judge the whole engine are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.engine.learned import Learned
from penchant.engine.replay import Replay, cut_at
from penchant.engine.stages import Live, learned_stages
from penchant.evaluation.config import SuccessiveConfig
from penchant.evaluation.contest import masked_rows, ranks_of
from penchant.evaluation.successive import ENGINE, refuse_later_begin
from penchant.features.reader import EventReader
from penchant.measures.ranking import ndcg
from penchant.training.config import TrainingConfig
from penchant.training.fit import Tell, fit, repeats_usual
from penchant.training.sequence import Watch


@dataclass(frozen=True)
class Case:
    """Events in fold order, ties already shuffled or placed, and the settings of one evaluation."""

    name: str
    columns: EventColumns
    items: Sequence[Item]
    """By row."""
    signals: Mapping[str, Signal]
    config: SuccessiveConfig
    training: TrainingConfig
    repeats: bool | None = None
    """Whether taken items are candidates; None: what is usual before the cut."""
    watch: Watch | None = None
    tell: Tell | None = None

    @cached_property
    def cut(self) -> float:
        """The time at which the targets begin."""
        return cut_at(self.columns.time_s, 1 - self.config.test_share)

    @cached_property
    def before(self) -> EventColumns:
        """All that training may know."""
        return self.columns.take(self.columns.time_s < self.cut)

    @cached_property
    def keeps(self) -> bool:
        """Whether taken items are candidates."""
        if self.repeats is None:
            return repeats_usual(self.before, self.signals)
        return self.repeats

    def learn(self, seed: int) -> Learned:
        """The artifact that training on the events before the cut gives."""
        refuse_later_begin(self.training, self.cut)
        return fit(
            self.before,
            self.items,
            self.signals,
            self.training,
            seed,
            self.keeps,
            self.watch,
            self.tell,
        )

    def positive(self) -> NDArray[np.bool_]:
        """(T,) events that speak for their item."""
        weight = EventReader.fit(self.signals, self.before).columns(self.columns).weight
        return np.asarray((weight > 0) & (self.columns.row >= 0))


class Ranked(NamedTuple):
    """Ranks of targets in variant `state`: states and live counts move with every event."""

    names: tuple[str, ...]  # R rows: every source, then the engine
    at: NDArray[np.intp]  # (Q,) indexes into the columns
    past: NDArray[np.intp]  # (Q,) events with an item that the user had before it
    ranks: NDArray[np.float64]  # (R, Q)

    def gains(self, name: str) -> NDArray[np.float64]:
        """(Q,) NDCG@10 of one row."""
        return ndcg(self.ranks[self.names.index(name)], 10)


def rank_later(
    case: Case,
    learned: Learned,
    strangers: bool = False,
    most: int | None = None,
    only: NDArray[np.bool_] | None = None,
) -> Ranked:
    """Rank every positive event after the cut just before it happens.

    `strangers`: also those of users without an earlier event. `most`: at most so many of them,
    evenly spread. `only` (T,): none but these.
    """
    live = Live(len(case.columns.items), case.columns.put_s)
    stages = learned_stages(learned, case.signals, live, len(case.columns.items))
    moving = Replay(stages, live, case.columns, case.signals)
    names = tuple(stages.sources)
    past = _events_before(case.columns)
    late = case.positive() & (case.columns.time_s >= case.cut)
    asked = late & ((past > 0) | strangers)
    targets = np.flatnonzero(asked if only is None else asked & only)
    if not len(targets):
        raise NotEnoughDataError("no event after the cut follows an earlier event of its user")
    if most is not None and len(targets) > most:
        targets = targets[np.linspace(0, len(targets) - 1, most).astype(np.intp)]
    ranks = np.empty((len(names) + 1, len(targets)))
    for number, at in enumerate(targets.tolist()):
        moving.move_to(at)
        now_s = float(case.columns.time_s[at])
        reading = moving.reading(int(case.columns.user[at]), now_s)
        scores = stages.score(reading, slice(None), names)
        masked = masked_rows(reading, learned.repeats)
        row = int(case.columns.row[at])
        ranks[:, number] = ranks_of(scores, learned.blend, reading, row, masked)
        if case.tell is not None and number % 50 == 0:
            case.tell("replay", (number + 1) / len(targets))
    return Ranked((*names, ENGINE), targets, past[targets], ranks)


def rows_wanted(models: frozenset[str] | None, names: Sequence[str]) -> list[str]:
    """Those of `names` that were asked for; None: all."""
    return [name for name in names if models is None or name in models]


def _events_before(columns: EventColumns) -> NDArray[np.intp]:
    """(T,) how many events with an item each event's user had before it."""
    order = np.argsort(columns.user, kind="stable")
    named = (columns.row[order] >= 0).astype(np.intp)
    counted = np.cumsum(named) - named
    begins = np.flatnonzero(np.r_[True, np.diff(columns.user[order]) != 0][: len(order)])
    lengths = np.diff(np.r_[begins, len(order)])
    before = np.empty(len(order), np.intp)
    before[order] = counted - np.repeat(counted[begins], lengths)
    return before
