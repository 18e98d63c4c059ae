"""Replay a log through the stages that serve, event by event: how training and evaluation look."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures, Reading
from penchant.core.errors import NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.signals import Signal
from penchant.engine.stages import Live, Stages
from penchant.engine.user_now import UserNow
from penchant.features.reader import FeatureColumns


class Replay:
    """Moves users and live counts through events in fold order, with the code that serves.

    A user's state is folded when it is first asked for, so that users nobody asks about cost
    counts alone. Counts know of no event at the time of the next one: which of them came first
    nobody knows. Without `live`, somebody else moves the counts.
    """

    def __init__(
        self,
        stages: Stages,
        live: Live | None,
        columns: EventColumns,
        signals: Mapping[str, Signal],
    ) -> None:
        self.stages = stages
        self.live = live
        self.columns = columns
        self.features: FeatureColumns = stages.reader.columns(columns)
        self._hides = np.array([signals[name].hides for name in columns.types])
        self._users: dict[int, UserNow] = {}
        self._asleep: dict[int, list[int]] = {}
        self._instant: list[EventFeatures] = []  # moved past, not yet counted
        self.at = 0

    def event(self, index: int) -> EventFeatures:
        """The features of event `index`."""
        f, row, stages = self.features, int(self.features.row[index]), self.stages
        vector = None
        if stages.vectors is not None and stages.met is not None and 0 <= row < len(stages.met):
            vector = stages.vectors[row] if stages.met[row] else None
        return EventFeatures(
            row,
            vector,
            int(f.type[index]),
            float(f.weight[index]),
            float(f.value[index]),
            float(f.time_s[index]),
        )

    def user(self, code: int) -> UserNow:
        """The user's state after every event moved so far."""
        waiting = self._asleep.pop(code, None)
        now = self._users.get(code)
        if now is None:
            now = self._users[code] = UserNow.stranger(self.stages.models)
        for index in waiting or ():
            now.absorb(self.stages.models, self.event(index), self._hidden(index))
        return now

    def reading(self, code: int, now_s: float) -> Reading:
        """The user at `now_s`."""
        return self.user(code).reading(self.stages.models, now_s)

    def move(self) -> None:
        """Past the next event."""
        index, times_s = self.at, self.features.time_s
        self._asleep.setdefault(int(self.features.user[index]), []).append(index)
        self.at += 1
        if self.live is None:
            return
        self._instant.append(self.event(index))
        if self.at == len(times_s) or times_s[self.at] > times_s[index]:
            self._count(self.live)

    def has_met(self, code: int) -> bool:
        """Whether an event of this user has been moved past."""
        return code in self._users or code in self._asleep

    def move_to(self, index: int) -> None:
        """Past every event before `index`."""
        while self.at < index:
            self.move()

    def _count(self, live: Live) -> None:
        """Time moves on."""
        for event in self._instant:
            if event.row >= 0:
                live.met(event.row, event.time_s)
            for source in live.counting():
                source.absorb((), event)
        self._instant.clear()

    def _hidden(self, index: int) -> bool:
        return bool(self._hides[self.columns.type[index]])


def cut_at(times_s: NDArray[np.float64], quantile: float = 0.9) -> float:
    """The time at which the later events begin: an event's own time, nearest to the quantile.

    Raises NotEnoughDataError where no event is earlier.
    """
    if not len(times_s):
        raise NotEnoughDataError("there is no event; a log must be cut into earlier and later ones")
    cut = float(np.quantile(times_s, quantile, method="nearest"))
    if cut <= times_s.min():
        first = np.mean(times_s == cut)
        raise NotEnoughDataError(
            f"{first:.0%} of {len(times_s):,} events have the earliest time there is, so that the "
            "log cannot be cut into earlier and later ones; give the true times"
        )
    return cut
