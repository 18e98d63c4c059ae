"""Profile: one user's interests as a person can read them, with evidence and a timeline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures
from penchant.core.errors import InvalidRequestError, ShapeError
from penchant.core.ids import EventId
from penchant.core.interests import Vector, Vectors
from penchant.core.signals import DAY_S
from penchant.interests.topic_average import TopicAverage, TopicState

Direction = Literal["rising", "steady", "falling"]

LATEST: Final = 5
"""Events that a trend sets against those before."""
STEADY: Final = 0.05
"""Change of share below which an interest counts as steady."""
EVIDENCE: Final = 0.25
"""Membership from which an item speaks for a topic, unless it is the item's strongest anyway."""
WEEK_S: Final = 7 * DAY_S
MOMENTS: Final = 2000
"""Points of one timeline at most."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event that speaks for an interest."""

    event: EventId
    time_s: float


@dataclass(frozen=True, slots=True)
class Trend:
    """Where an interest is going."""

    direction: Direction
    change: float
    """Its share of the latest events less its share of those before, -1..1."""


@dataclass(frozen=True, slots=True)
class ProfileInterest:
    """One interest of a user, as a person can read it."""

    topic: int
    label: str
    weight: float
    """What it is worth now, 0..1; all topics together make 1."""
    share: float
    """Part of the user's positive events, by weight, that were about it, 0..1."""
    trend: Trend
    half_life_days: float | None
    """Days of silence until half of what lifts it above the prior is gone; None: not above it."""
    weight_in_a_week: float
    """Its weight after a week of silence."""
    first_evidence: Evidence
    last_evidence: Evidence
    evidence_rows: tuple[int, ...]
    """Item rows of its evidence, newest first, each once."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Interests at one time."""

    time_s: float
    weights: tuple[float, ...]
    """One per topic, in the order of the labels."""


def profile(
    model: TopicAverage,
    labels: Sequence[str],
    ids: Sequence[EventId],
    events: Sequence[EventFeatures],
    now_s: float,
    rows: int = 10,
) -> list[ProfileInterest]:
    """The interests that `events` (fold order; `ids` beside them) speak for, strongest first.

    What only the prior says is not listed: a stranger's profile is empty. At most `rows` items of
    evidence are given for each. Events after `now_s` do not count.
    """
    if len(ids) != len(events) or len(labels) != len(model.prior):
        raise ShapeError(
            f"{len(ids)} ids and {len(events)} events, {len(labels)} labels and "
            f"{len(model.prior)} topics must be as many"
        )
    past = [(name, e) for name, e in zip(ids, events, strict=True) if e.time_s <= now_s]
    moving = [(name, e) for name, e in past if e.vector is not None and e.weight > 0.0]
    if not moving:
        return []
    state = model.fold(model.start(), [e for _, e in past])
    each = model.memberships(np.stack([e.vector for _, e in moving if e.vector is not None]))
    now = model.read(state, now_s).directions[0]  # (T,)
    later = model.read(state, now_s + WEEK_S).directions[0]
    worth = np.array([e.weight for _, e in moving])  # (M,)
    share = worth @ each / worth.sum()  # (M,) @ (M, T) -> (T,)
    change = _change(each, worth)
    half_lives = _half_lives_days(model, state, now, now_s)
    speaks = (each >= EVIDENCE) | (each == each.max(axis=1, keepdims=True))  # (M, T)
    found = []
    for topic in np.flatnonzero(speaks.any(axis=0)).tolist():
        proof = [moving[n] for n in np.flatnonzero(speaks[:, topic]).tolist()]
        newest = dict.fromkeys(e.row for _, e in reversed(proof) if e.row >= 0)
        found.append(
            ProfileInterest(
                topic=topic,
                label=labels[topic],
                weight=float(now[topic]),
                share=float(share[topic]),
                trend=_trend(float(change[topic])),
                half_life_days=half_lives[topic],
                weight_in_a_week=float(later[topic]),
                first_evidence=Evidence(proof[0][0], proof[0][1].time_s),
                last_evidence=Evidence(proof[-1][0], proof[-1][1].time_s),
                evidence_rows=tuple(newest)[:rows],
            )
        )
    return sorted(found, key=lambda one: (-one.weight, one.topic))


def timeline(
    model: TopicAverage, events: Sequence[EventFeatures], every_s: float, until_s: float
) -> list[Moment]:
    """The interests at the first event and every `every_s` seconds from it, up to `until_s`.

    `events` in fold order. Each moment knows the events up to it and no later one.
    """
    if not events or events[0].time_s > until_s:
        return []
    first_s = events[0].time_s
    if every_s <= 0 or (until_s - first_s) / every_s > MOMENTS:
        raise InvalidRequestError(
            f"a timeline every {every_s:g} s over {until_s - first_s:g} s has no or more than "
            f"{MOMENTS} moments; every_s must be at least {(until_s - first_s) / MOMENTS:g}"
        )
    steps = np.arange(int((until_s - first_s) / every_s) + 1, dtype=np.float64)
    times = first_s + every_s * steps
    return list(_moments(model, events, times))


def after_each(
    model: TopicAverage, events: Sequence[EventFeatures], latest: int, now_s: float
) -> list[Moment]:
    """The interests right after each of the `latest` last of `events` (fold order), and at `now_s`.

    One walk over the history, whatever `latest` is.
    """
    first = max(0, len(events) - latest)
    state = model.fold(model.start(), events[:first])
    moments = []
    for event in events[first:]:
        state = model.step(state, event)
        moments.append(_moment(model, state, event.time_s))
    return [*moments, _moment(model, state, now_s)]


def _moment(model: TopicAverage, state: TopicState, time_s: float) -> Moment:
    return Moment(time_s, tuple(model.read(state, time_s).directions[0].tolist()))


def _moments(
    model: TopicAverage, events: Sequence[EventFeatures], times_s: NDArray[np.float64]
) -> Iterator[Moment]:
    """Readings at ascending `times_s` while the events go by."""
    state, done = model.start(), 0
    upto = np.searchsorted([e.time_s for e in events], times_s, side="right").tolist()
    for time_s, end in zip(times_s.tolist(), upto, strict=True):
        state, done = model.fold(state, events[done:end]), end
        yield _moment(model, state, time_s)


def _change(each: Vectors, worth: NDArray[np.float64]) -> Vector:
    """Share of each topic in the latest events less its share before, (M, T) -> (T,)."""
    if len(each) < 2:
        return np.zeros(each.shape[1], np.float32)
    split = len(each) - min(LATEST, len(each) // 2)
    before = worth[:split] @ each[:split] / worth[:split].sum()
    latest = worth[split:] @ each[split:] / worth[split:].sum()
    return np.asarray(latest - before, dtype=np.float32)


def _trend(change: float) -> Trend:
    """The word for a change.

    >>> _trend(0.2).direction, _trend(-0.01).direction, _trend(-0.2).direction
    ('rising', 'steady', 'falling')
    """
    if abs(change) < STEADY:
        return Trend("steady", change)
    return Trend("rising" if change > 0 else "falling", change)


def _half_lives_days(
    model: TopicAverage, state: TopicState, now: Vector, now_s: float
) -> list[float | None]:
    """Days until half of each topic's lift over the prior is gone, by reading the future."""
    ahead_s = np.geomspace(1e-6, 1.0, 256) * model.horizon_s
    above = model.read_many(state, now_s + ahead_s) - model.prior  # (256, T)
    lift = now - model.prior  # (T,)
    gone = above <= lift / 2.0
    days = ahead_s[gone.argmax(axis=0)] / DAY_S
    known = (lift > 1e-4) & gone.any(axis=0)
    return [float(d) if k else None for d, k in zip(days, known, strict=True)]
