"""Users in memory: read from the log when they come, let go when others need the room."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec
import numpy as np

from penchant.core.contracts import EventFeatures, EventLog, Head, State, StateStore, Stored
from penchant.core.errors import ShapeError
from penchant.core.events import Event
from penchant.core.ids import ArtifactId, UserId
from penchant.core.signals import Signal
from penchant.engine.stages import Stages
from penchant.engine.user_now import UserNow
from penchant.ingest.clean_one import moves

EQUAL: Final = 1e-5
"""How far two foldings of the same events may differ."""
VERSION: Final = b"2"
"""How states are made of events: 2, since events without a vector are not heard (ADR 0016)."""
_RULES: Final = "rules"  # beside the names of models
_TRIES: Final = 3


class Histories:
    """Each user as of their latest event; a state that is behind is folded from the log."""

    def __init__(
        self,
        log: EventLog,
        states: StateStore,
        row_of: Callable[[Event], int],
        signals: Mapping[str, Signal],
        exclude: frozenset[str],
        limit: int,
    ) -> None:
        self._log = log
        self._states = states
        self._row_of = row_of
        self._signals = signals
        self._exclude = exclude
        self._rules = _rules(signals, exclude)
        self._limit = limit
        self._held: OrderedDict[UserId, UserNow] = OrderedDict()

    def events(self, user: UserId) -> tuple[Head, Sequence[Event]]:
        """The user's events that move anything, in fold order."""
        head, events = self._log.history(user)
        return head, [event for event in events if moves(event, self._exclude)]

    def features(self, stages: Stages, events: Sequence[Event]) -> list[EventFeatures]:
        """What models see of them."""
        return [stages.features(event, self._row_of(event)) for event in events]

    def get(self, user: UserId, stages: Stages, artifact: ArtifactId | None) -> UserNow:
        """The user now; a stranger is made afresh each time and leaves no trace."""
        held = self._held.get(user)
        if held is not None:
            self._held.move_to_end(user)
            return held
        head, events = self.events(user)
        if not events:
            return _stranger(stages, head)
        now = self._folded(stages, artifact, user, head, events)
        self.keep(user, now)
        return now

    def visitor(self, stages: Stages, events: Sequence[Event]) -> UserNow:
        """Somebody of whom only `events` (fold order) are known; nothing is kept."""
        now = UserNow.stranger(stages.models)
        moving = [event for event in events if moves(event, self._exclude)]
        for event, seen in zip(moving, self.features(stages, moving), strict=True):
            now.absorb(stages.models, seen, self.hides(event))
        return now

    def keep(self, user: UserId, now: UserNow) -> None:
        """Hold the user; whoever was asked for longest ago leaves when there are too many."""
        self._held[user] = now
        self._held.move_to_end(user)
        while len(self._held) > self._limit:
            self._held.popitem(last=False)

    def drop(self, user: UserId) -> None:
        """Read the user from the log when next asked for."""
        self._held.pop(user, None)

    def drop_all(self) -> None:
        """The same for everybody: other models are in use."""
        self._held.clear()

    def hides(self, event: Event) -> bool:
        """Whether the event takes its item off the user's slates."""
        return self._signals[event.type].hides

    def save(self, user: UserId, now: UserNow, stages: Stages, artifact: ArtifactId | None) -> None:
        """Give the states to the store; what was there is replaced whatever its head."""
        if not now.states:
            return
        payloads = {name: stages.models[name].dump(s) for name, s in now.states.items()}
        payloads[_RULES] = self._rules
        new = Stored(artifact, now.head, msgspec.msgpack.encode(payloads))
        for _ in range(_TRIES):
            before = self._states.read(user)
            if self._states.write(user, new, before.head if before else None):
                return

    def strays(self, user: UserId, stages: Stages, artifact: ArtifactId | None) -> bool:
        """Whether a stored state that claims to be current is not what a fresh fold gives."""
        head, events = self.events(user)
        stored = self._states.read(user)
        if stored is None or stored.artifact != artifact or stored.head != head:
            return False
        states = self._loaded(stages, stored.payload)
        if states is None:
            return False
        features = self.features(stages, events)
        now_s = max((event.time_s for event in events), default=0.0)
        for name, model in stages.models.items():
            held = model.read(states[name], now_s)
            fresh = model.read(model.fold(model.start(), features), now_s)
            if not np.allclose(held.directions, fresh.directions, atol=EQUAL):
                return True
        return False

    def _folded(
        self,
        stages: Stages,
        artifact: ArtifactId | None,
        user: UserId,
        head: Head,
        events: Sequence[Event],
    ) -> UserNow:
        features = self.features(stages, events)
        stored = self._states.read(user) if stages.models else None
        now = UserNow.stranger(stages.models)
        loaded = None
        if stored is not None and stored.artifact == artifact and stored.head == head:
            loaded = self._loaded(stages, stored.payload)
        folds = stages.models.items()
        now.states = loaded or {name: model.fold(model.start(), features) for name, model in folds}
        for event, seen in zip(events, features, strict=True):
            now.remember(seen, self.hides(event))
        now.head = head
        return now

    def _loaded(self, stages: Stages, payload: bytes) -> dict[str, State] | None:
        """The states of every model; None: other signals or another version made them."""
        payloads = msgspec.msgpack.decode(payload, type=dict[str, bytes])
        if payloads.get(_RULES) != self._rules:
            return None
        try:
            return {name: model.load(payloads[name]) for name, model in stages.models.items()}
        except (ShapeError, KeyError):
            return None


def _rules(signals: Mapping[str, Signal], exclude: frozenset[str]) -> bytes:
    """What decides which state an event leaves, beside the model: version, weights, exclusions."""
    told = sorted((name, signal.weight, signal.threshold) for name, signal in signals.items())
    return VERSION + blake2b(repr((told, sorted(exclude))).encode(), digest_size=8).digest()


def _stranger(stages: Stages, head: Head) -> UserNow:
    now = UserNow.stranger(stages.models)
    now.head = head
    return now
