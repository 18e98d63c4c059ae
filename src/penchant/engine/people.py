"""One user as a person may read it: facts, interests with their evidence, a timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import expm1
from typing import Any, Final, NamedTuple

from penchant.core.contracts import EventFeatures, Head
from penchant.core.events import ContextValue, Event
from penchant.core.ids import ArtifactId, EventId, ItemId, UserId
from penchant.engine.histories import Histories
from penchant.engine.learned import Learned
from penchant.engine.shelf import Shelf
from penchant.engine.stages import Stages
from penchant.interests.next_behaviour import Foretelling
from penchant.interests.profile import ProfileInterest, after_each, profile
from penchant.interests.topic_average import TopicAverage

LABELS: Final = 12
"""Interests of a timeline at most."""


@dataclass(frozen=True, slots=True)
class UserFacts:
    """A user in numbers, and what was told of them."""

    user: UserId
    attributes: Mapping[str, ContextValue]
    events: int
    oldest_s: float | None
    newest_s: float | None
    state_cursor: str


@dataclass(frozen=True, slots=True)
class TimelineMoment:
    """Interests right after one event, or now."""

    event: EventId | None
    """None: now, after the last of them."""
    item: ItemId | None
    title: str | None
    type: str | None
    time_s: float
    weights: Sequence[float]
    """One per label of the timeline."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """How one user's interests moved with their latest events."""

    user: UserId
    labels: Sequence[str]
    """What the user is interested in now, strongest first."""
    moments: Sequence[TimelineMoment]


class History(NamedTuple):
    """What there is to read of one user at one moment."""

    events: Sequence[Event]
    features: Sequence[EventFeatures]
    head: Head
    model: TopicAverage | None
    """None: nothing trained."""
    foretells: Foretelling | None
    """The model that knows the next behaviour; None: none of those served."""
    types: Sequence[str]
    """Event types met in training."""
    labels: Sequence[str]
    artifact: ArtifactId | None
    now_s: float

    @property
    def interests(self) -> list[ProfileInterest]:
        """Those that the events speak for, strongest first."""
        if self.model is None:
            return []
        ids = [event.id or EventId("") for event in self.events]
        return profile(self.model, self.labels, ids, self.features, self.now_s)

    @property
    def next_behaviour(self) -> dict[str, Any] | None:
        """What the user will do next for JSON, as foretold at their latest event.

        None for a stranger, and where the model was trained without it.
        """
        if self.foretells is None:
            return None
        state = self.foretells.fold(self.foretells.start(), self.features)
        behaviour = self.foretells.next_behaviour(state)
        if behaviour is None:
            return None
        chances = behaviour.types.tolist()
        by_chance = sorted(zip(self.types, chances, strict=True), key=lambda pair: -pair[1])
        return {"types": dict(by_chance), "gap_s": expm1(behaviour.log_gap)}


def history_of(
    histories: Histories,
    stages: Stages,
    learned: Learned | None,
    artifact: ArtifactId | None,
    user: UserId,
    now_s: float,
) -> History:
    """Of `user` at `now_s`, or at their latest event; no lock is needed."""
    head, events = histories.events(user)
    model = stages.models.get("topic_average")
    served = (each for each in stages.models.values() if isinstance(each, Foretelling))
    return History(
        events,
        histories.features(stages, events),
        head,
        model if isinstance(model, TopicAverage) else None,
        next((each for each in served if each.foretells), None),
        stages.reader.types,
        () if learned is None else learned.topics.labels,
        artifact,
        max([now_s, *(event.time_s for event in events)]),
    )


def told_interests(found: Sequence[ProfileInterest], shelf: Shelf) -> list[dict[str, Any]]:
    """Interests for JSON, each with the items that are its evidence."""
    told = []
    for one in found:
        plain = asdict(one)
        items = [shelf.item(row) for row in plain.pop("evidence_rows")]
        plain["evidence"] = [{"item": item.id, "title": item.title} for item in items]
        told.append(plain)
    return told


def told_event(event: Event, shelf: Shelf) -> dict[str, Any]:
    """An event for JSON, with the title of its item."""
    return {
        "id": event.id,
        "user": event.user,
        "item": event.item,
        "title": shelf.title(event.item),
        "type": event.type,
        "value": event.value,
        "time_s": event.time_s,
        "words": event.words,
        "context": dict(event.context),
        "flags": list(event.flags),
    }


def timeline_of(user: UserId, history: History, limit: int, shelf: Shelf) -> Timeline:
    """The interests that `history` speaks for, right after each of its `limit` latest events."""
    chosen = history.interests[:LABELS]
    if history.model is None or not chosen:
        return Timeline(user, [], [])
    read = after_each(history.model, history.features, limit, history.now_s)
    latest: list[Event | None] = [*history.events[-limit:], None]
    moments = [
        TimelineMoment(
            event.id if event else None,
            event.item if event else None,
            shelf.title(event.item) if event else None,
            event.type if event else None,
            moment.time_s,
            [moment.weights[one.topic] for one in chosen],
        )
        for event, moment in zip(latest, read, strict=True)
    ]
    return Timeline(user, [one.label for one in chosen], moments)
