"""Answers: what the server gives back, field by field as it goes over the wire.

Fields that a newer server adds are passed over. Times are Unix seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct


class Answer(Struct, frozen=True, kw_only=True):
    """What a call gives back."""


# ---- events ----------------------------------------------------------------------------------


class Observed(Answer, frozen=True, kw_only=True):
    """What became of an event."""

    event: str
    """Its id, by which it can be undone."""
    status: str
    """`new`; `duplicate`: known already; `undone`: it was taken back before, and stays out."""
    cursor: str
    """For `after`: a slate that must know this event."""


class EventOutcome(Answer, frozen=True, kw_only=True):
    """What became of one row."""

    event_id: str | None
    status: str
    """`new`, `duplicate`, `undone` or `rejected`."""
    error: str | None
    """Why it was rejected."""


class EventOutcomes(Answer, frozen=True, kw_only=True):
    """What became of each row, in their order."""

    results: Sequence[EventOutcome]
    cursor: str
    """For `after`: a slate that must know all of them."""


class Undone(Answer, frozen=True, kw_only=True):
    """An event that was taken back."""

    event_id: str
    undone: bool


# ---- items -----------------------------------------------------------------------------------


class Item(Answer, frozen=True, kw_only=True):
    """What can be recommended."""

    id: str
    title: str | None = None
    categories: Sequence[str] = ()
    description: str | None = None
    attributes: Mapping[str, Any] = {}
    available: bool = True
    expires_s: float | None = None


class ItemOutcome(Answer, frozen=True, kw_only=True):
    """What became of an item that was put."""

    item: str | None
    status: str
    """`created`, `replaced` or `rejected`."""
    error: str | None = None
    """Why it was rejected."""


class ItemOutcomes(Answer, frozen=True, kw_only=True):
    """What became of each item, in their order."""

    results: Sequence[ItemOutcome]


class ItemRemoved(Answer, frozen=True, kw_only=True):
    """An item that is out of every slate and search."""

    item: str
    removed: bool


class ItemListed(Answer, frozen=True, kw_only=True):
    """An item in a list."""

    id: str
    title: str | None
    categories: Sequence[str]
    available: bool


class ItemList(Answer, frozen=True, kw_only=True):
    """A page of items, best first."""

    items: Sequence[ItemListed]
    total: int


class SimilarItem(Answer, frozen=True, kw_only=True):
    """An item like another."""

    item: str
    title: str | None
    categories: Sequence[str]
    score: float


class SimilarItems(Answer, frozen=True, kw_only=True):
    """Items like one, most like it first."""

    item: str
    items: Sequence[SimilarItem]


class Category(Answer, frozen=True, kw_only=True):
    """A category and how many items it has."""

    name: str
    items: int


class Categories(Answer, frozen=True, kw_only=True):
    """Every category."""

    categories: Sequence[Category]


# ---- users -----------------------------------------------------------------------------------


class UserAttributes(Answer, frozen=True, kw_only=True):
    """What was said of a user."""

    user: str
    attributes: Mapping[str, Any]


class User(Answer, frozen=True, kw_only=True):
    """A user in numbers."""

    user: str
    attributes: Mapping[str, Any]
    events: int
    oldest_s: float | None
    newest_s: float | None
    state_cursor: str


class UserListed(Answer, frozen=True, kw_only=True):
    """A user in a list."""

    user: str
    events: int
    newest_s: float | None


class UserList(Answer, frozen=True, kw_only=True):
    """A page of users, most events first."""

    users: Sequence[UserListed]


class Receipt(Answer, frozen=True, kw_only=True):
    """What an erasure removed, and what remains."""

    user: str
    events: int
    states: int
    artifacts: Sequence[str]
    """Models trained with the user's events."""
    remains: Sequence[str]
    """Sentences: what still holds traces, and until when."""


class Event(Answer, frozen=True, kw_only=True):
    """An event of the log."""

    id: str
    user: str
    item: str | None
    title: str | None = None
    type: str
    value: float | None
    time_s: float
    words: str | None
    context: Mapping[str, Any]
    flags: Sequence[str]


class History(Answer, frozen=True, kw_only=True):
    """A user's events, newest first."""

    user: str
    events: Sequence[Event]
    total: int


class Trend(Answer, frozen=True, kw_only=True):
    """Where an interest is going."""

    direction: str
    """`rising`, `steady` or `falling`."""
    change: float


class EvidenceEvent(Answer, frozen=True, kw_only=True):
    """An event that speaks for an interest."""

    event: str
    time_s: float


class EvidenceItem(Answer, frozen=True, kw_only=True):
    """An item that speaks for an interest."""

    item: str
    title: str | None


class Interest(Answer, frozen=True, kw_only=True):
    """One interest of a user."""

    topic: int
    label: str
    weight: float
    """What it is worth now, 0 to 1."""
    share: float
    """Part of the positive events about it, 0 to 1."""
    trend: Trend
    half_life_days: float | None
    """Days of silence until half of it is gone."""
    weight_in_a_week: float
    first_evidence: EvidenceEvent | None = None
    last_evidence: EvidenceEvent | None = None
    evidence: Sequence[EvidenceItem] = ()


class NextBehaviour(Answer, frozen=True, kw_only=True):
    """What a user will do next, as foretold at their latest event."""

    types: Mapping[str, float]
    """Chance of each event type, likeliest first."""
    gap_s: float
    """Expected seconds from the latest event to the next, as a log mean."""


class Interests(Answer, frozen=True, kw_only=True):
    """What a user wants, strongest first."""

    user: str
    interests: Sequence[Interest]
    next_behaviour: NextBehaviour | None = None
    """None: a stranger, or not learned."""
    state_cursor: str
    artifact: str | None
    now_s: float


class Moment(Answer, frozen=True, kw_only=True):
    """The interests right after one event; the last moment is now, and has none."""

    event: str | None
    item: str | None
    title: str | None
    type: str | None
    time_s: float
    weights: Sequence[float]
    """One for each label."""


class Timeline(Answer, frozen=True, kw_only=True):
    """How interests moved."""

    user: str
    labels: Sequence[str]
    moments: Sequence[Moment]


class Export(Answer, frozen=True, kw_only=True):
    """Everything held about a user."""

    user: str
    attributes: Mapping[str, Any]
    events: Sequence[Event]
    interests: Sequence[Interest]
    exported_s: float


# ---- slates ----------------------------------------------------------------------------------


class Reason(Answer, frozen=True, kw_only=True):
    """Events that caused a place, checked by removing them."""

    events: Sequence[str]
    items: Sequence[str | None]
    titles: Sequence[str | None]
    rank: int
    rank_without: int | None
    """Its place had these events never happened; None: out of reach."""
    sentence: str


class Place(Answer, frozen=True, kw_only=True):
    """One place of a slate."""

    item: str
    title: str | None
    categories: Sequence[str]
    score: float
    source: str
    """The source that gave most to the score."""
    parts: Mapping[str, float] = {}
    """What each source gave."""
    reasons: Sequence[Reason] = ()
    propensity: float = 1.0


class Slate(Answer, frozen=True, kw_only=True):
    """Items for one user at one moment, best first."""

    id: str
    user: str | None
    """None: the slate of a session, of whom nothing is stored."""
    placement: str | None = None
    items: Sequence[Place]
    state_cursor: str | None
    """Events up to here are known to it."""
    next: str | None
    """Token of the page after this one; None: nothing is left."""
    artifact: str | None
    """The model it was made with; None: nothing is trained yet."""
    now_s: float


class Ranking(Answer, frozen=True, kw_only=True):
    """A list of the caller's, in the user's order."""

    user: str
    items: Sequence[Place]
    unknown: Sequence[str]
    """Ids that no item has."""
    state_cursor: str | None
    artifact: str | None
    now_s: float


class PopularItem(Answer, frozen=True, kw_only=True):
    """An item and how often it was taken."""

    item: str
    title: str | None
    categories: Sequence[str]
    count: float


class Popular(Answer, frozen=True, kw_only=True):
    """What everybody takes."""

    window: str
    items: Sequence[PopularItem]


# ---- service ---------------------------------------------------------------------------------


class Health(Answer, frozen=True, kw_only=True):
    """Whether the server answers."""

    status: str
    """`ready`, or what it is doing instead."""
    checks: Mapping[str, bool] = {}


class SignalOf(Answer, frozen=True, kw_only=True):
    """What an event type is worth."""

    weight: float
    half_life_days: float | None = None
    threshold: float | None = None
    hides: bool = False


class About(Answer, frozen=True, kw_only=True):
    """What the server is and takes."""

    version: str
    signals: Mapping[str, SignalOf]
    placements: Sequence[str]
    clock: str
    now_s: float
    artifact: str | None
    languages: Sequence[str]
    auth: bool
    """Whether a key is needed."""


class Overview(Answer, frozen=True, kw_only=True):
    """The server in numbers."""

    facts: Mapping[str, Any]
    artifact: str | None = None
    card: Mapping[str, Any] | None = None
    artifacts: Sequence[Any] = ()
    quality: Mapping[str, Any] | None = None
    rates: Mapping[str, Any] = {}
    latency_ms: Mapping[str, Any] = {}
    memory_mib: float | None = None
    uptime_s: float | None = None
    freshness_target_ms: float | None = None
    drops: Mapping[str, int] = {}
