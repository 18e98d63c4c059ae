"""One user as of their latest event: what every Reading of them is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from penchant.core.contracts import EventFeatures, Head, InterestModel, Reading, State
from penchant.core.ids import START
from penchant.core.taken import Taken, TakenItems
from penchant.engine.latest import LatestEvents

NOWHERE: Final = Head(START, 0)


@dataclass
class UserNow:
    """Moved by `absorb`, event by event in fold order; read by `reading`."""

    states: dict[str, State]
    head: Head = NOWHERE
    recent: LatestEvents = field(default_factory=LatestEvents)
    taken: TakenItems = field(default_factory=TakenItems)
    dismissed: frozenset[int] = frozenset()

    @classmethod
    def stranger(cls, models: Mapping[str, InterestModel]) -> "UserNow":
        """A user without events."""
        return cls({name: model.start() for name, model in models.items()})

    def absorb(
        self, models: Mapping[str, InterestModel], event: EventFeatures, hides: bool
    ) -> None:
        """One event: states, latest events, what was taken, what was dismissed."""
        for name, model in models.items():
            self.states[name] = model.step(self.states[name], event)
        self.remember(event, hides)

    def remember(self, event: EventFeatures, hides: bool) -> None:
        """The same without the states."""
        self.recent.append(event)
        if event.row < 0:
            return
        if hides:
            self.dismissed |= {event.row}
        if event.weight == 0:
            return
        before = self.taken.get(event.row)
        once = 1.0 if event.weight > 0 else -1.0
        times = before.times + once if before else once
        last_s = max(before.last_s, event.time_s) if before else event.time_s
        self.taken.put(event.row, Taken(times, last_s))

    def copy(self) -> "UserNow":
        """As of now, whatever happens to this one."""
        return UserNow(
            dict(self.states), self.head, self.recent.copy(), self.taken.copy(), self.dismissed
        )

    def reading(self, models: Mapping[str, InterestModel], now_s: float) -> Reading:
        """This user at `now_s`; time never runs backwards from the latest event."""
        if self.recent:
            now_s = max(now_s, self.recent[-1].time_s)
        interests = {name: model.read(self.states[name], now_s) for name, model in models.items()}
        return Reading(interests, self.recent.copy(), self.taken, self.dismissed, now_s, self.head)
