"""Schemas: what goes over the wire, as it is read and as OpenAPI tells it."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from penchant.ingest.wire import LONGEST_ID

BOUND: Final = f"At most {LONGEST_ID} bytes of UTF-8."
Id = Annotated[str, Meta(min_length=1)]
IdText = Annotated[str, Meta(max_length=LONGEST_ID)]
Language = Literal["en", "zh"]
N = Annotated[int, Meta(ge=1, le=500, description="How many.")]
Limit = Annotated[int, Meta(ge=1, le=1_000, description="How many at most.")]
Offset = Annotated[int, Meta(ge=0, le=10**9, description="How many to leave out first.")]
Scalar = str | int | float | bool


class Query(Struct, forbid_unknown_fields=True, frozen=True):
    """What stands behind the question mark."""


class Event(Struct, omit_defaults=True):
    """One thing that a user did. Also read: user_id, item_id, event_type, timestamp, event_id."""

    user: Annotated[IdText | int, Meta(description=f"Who. {BOUND}", examples=["ann"])]
    type: Annotated[str, Meta(description="An event type of GET /about.", examples=["view"])]
    item: Annotated[IdText | int | None, Meta(description=f"What it was done with. {BOUND}")] = None
    value: Annotated[float | None, Meta(description="A rating, a quantity, seconds.")] = None
    time: Annotated[
        float | str | None, Meta(description="Unix seconds or ISO 8601; without one it is now.")
    ] = None
    id: Annotated[
        IdText | int | None,
        Meta(description=f"Makes a resend the same event; else one is made. {BOUND}"),
    ] = None
    words: Annotated[str | None, Meta(description="What was searched or commented.")] = None
    context: Annotated[dict[str, Scalar], Meta(description="Facts of the moment.")] = {}


class EventOutcome(Struct):
    """What became of one row."""

    event_id: str | None
    status: Literal["new", "duplicate", "undone", "rejected"]
    error: Annotated[str | None, Meta(description="Why it was rejected.")]


class EventOutcomes(Struct):
    """What became of each row, in their order."""

    results: list[EventOutcome]
    cursor: Annotated[str, Meta(description="Position to wait for with `after`.")]


class Undone(Struct):
    """An event that was taken back."""

    event_id: str
    undone: Literal[True]


class ItemListed(Struct):
    """An item in a list."""

    id: str
    title: str | None
    categories: list[str]
    available: bool


class ItemList(Struct):
    """A page of items, best first."""

    items: list[ItemListed]
    total: int


class ItemsQuery(Query, frozen=True):
    """What to look for."""

    q: Annotated[str, Meta(description="Beginnings of words, in any order.")] = ""
    category: Annotated[str | None, Meta(description="Only items of it.")] = None
    limit: Limit = 20
    offset: Offset = 0


class HistoryQuery(Query, frozen=True):
    """Which part of a history."""

    limit: Limit = 100
    offset: Offset = 0


class EventStored(Struct):
    """An event of the log."""

    id: str
    user: str
    item: str | None
    title: str | None
    type: str
    value: float | None
    time_s: float
    words: str | None
    context: dict[str, Scalar]
    flags: list[str]


class History(Struct):
    """A user's events, newest first."""

    user: str
    events: list[EventStored]
    total: int


class Trend(Struct):
    """Where an interest is going."""

    direction: Literal["rising", "steady", "falling"]
    change: Annotated[float, Meta(description="Its share of late less that of before.")]


class Evidence(Struct):
    """An event that speaks for an interest."""

    event: str
    time_s: float


class EvidenceItem(Struct):
    """An item that speaks for an interest."""

    item: str
    title: str | None


class Interest(Struct):
    """One interest of a user."""

    topic: int
    label: str
    weight: Annotated[float, Meta(description="What it is worth now, 0 to 1.")]
    share: Annotated[float, Meta(description="Part of the positive events about it, 0 to 1.")]
    trend: Trend
    half_life_days: Annotated[
        float | None, Meta(description="Days of silence until half of it is gone.")
    ]
    weight_in_a_week: float
    first_evidence: Evidence
    last_evidence: Evidence
    evidence: Annotated[list[EvidenceItem], Meta(description="Newest first.")]


class NextBehaviour(Struct):
    """What a user will do next, as foretold at their latest event."""

    types: Annotated[
        dict[str, float], Meta(description="Chance of each event type, likeliest first.")
    ]
    gap_s: Annotated[
        float,
        Meta(description="Expected seconds from the latest event to the next, as a log mean."),
    ]


class Interests(Struct):
    """What a user wants, strongest first."""

    user: str
    interests: list[Interest]
    next_behaviour: Annotated[
        NextBehaviour | None, Meta(description="Null: a stranger, or not learned.")
    ]
    state_cursor: str
    artifact: str | None
    now_s: float


class Receipt(Struct):
    """What an erasure removed, and what remains."""

    user: str
    events: int
    states: int
    artifacts: Annotated[list[str], Meta(description="Models trained with the user's events.")]
    remains: Annotated[list[str], Meta(description="Sentences: what still holds traces.")]


class SlateQuery(Query, frozen=True):
    """Which slate."""

    n: N = 10
    next: Annotated[str | None, Meta(description="Token of the page before.")] = None
    after: Annotated[
        str | None, Meta(description="Cursor of an event that the slate must know.")
    ] = None
    exclude: Annotated[
        list[str], Meta(description="Items to leave out; for several `exclude=a&exclude=b`.")
    ] = []
    category: Annotated[
        list[str], Meta(description="Only items of any of these; several as with `exclude`.")
    ] = []
    repeats: Annotated[
        bool,
        Meta(description="false: no item already taken; true: as `repeats` of `[strategy]` says."),
    ] = True
    diversity: Annotated[
        float,
        Meta(ge=0, le=1, description="0: pure relevance, 1: pure variety; of a trained model."),
    ] = 0.0
    reasons: Annotated[bool, Meta(description="Whether to say why, checked by removal.")] = False
    lang: Annotated[Language, Meta(description="Language of the reasons' sentences.")] = "en"
    placement: Annotated[str | None, Meta(description="Whose rules hold; see GET /about.")] = None


class Reason(Struct):
    """Events that caused a place, checked by removing them."""

    events: list[str]
    items: list[str | None]
    titles: list[str | None]
    rank: int
    rank_without: int | None
    sentence: str


class Place(Struct):
    """One place of a slate."""

    item: str
    title: str | None
    categories: list[str]
    score: float
    source: Annotated[str, Meta(description="The source that gave most to the score.")]
    parts: Annotated[dict[str, float], Meta(description="What each source gave.")]
    reasons: list[Reason]
    propensity: float


class Slate(Struct):
    """Items for one user at one moment, best first."""

    id: str
    user: str | None
    placement: Annotated[str | None, Meta(description="Whose rules it follows; see GET /about.")]
    items: list[Place]
    state_cursor: Annotated[str, Meta(description="Events up to here are known to it.")]
    next: Annotated[str | None, Meta(description="Token of the page after this one.")]
    artifact: Annotated[str | None, Meta(description="The model it was made with.")]
    now_s: float


class Problem(Struct):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="What, which value, what is allowed.")]
    instance: str
    request_id: str


Body = Any
"""JSON as it came; each row is checked by ingest, which says what is wrong with it."""


class Live(Struct):
    """The process lives."""

    status: Literal["ok"]


class Ready(Struct):
    """Whether it can answer."""

    status: Literal["ready", "stopping", "failing"]
    checks: dict[str, bool]


class SignalFacts(Struct):
    """What an event of one type is worth."""

    weight: float
    half_life_days: float
    threshold: float | None
    hides: bool


class About(Struct):
    """What this server is."""

    version: str
    signals: dict[str, SignalFacts]
    placements: list[str]
    clock: Literal["wall", "log"]
    now_s: float
    artifact: str | None
    languages: list[Language]
    auth: Annotated[bool, Meta(description="Whether a key is needed.")]


class LogFacts(Struct):
    """The log in numbers."""

    events: int
    users: int
    items: int
    oldest_s: float | None
    newest_s: float | None
    types: dict[str, int]
    flags: dict[str, int]


class RateSeries(Struct):
    """How many in each of the latest seconds, oldest first."""

    step_s: int
    now_s: float
    events: list[int]
    slates: list[int]


class Percentiles(Struct):
    """Of the latest; null where there was none."""

    p50: float | None
    p99: float | None


class Overview(Struct):
    """The server in numbers."""

    facts: LogFacts
    artifact: Annotated[str | None, Meta(description="The model in use.")]
    card: Annotated[dict[str, Any] | None, Meta(description="The model in use, as it was made.")]
    artifacts: list[str]
    quality: Annotated[dict[str, Any], Meta(description="How good the log's data are.")]
    rates: RateSeries
    latency_ms: dict[str, Percentiles]
    memory_mib: float
    uptime_s: float
    freshness_target_ms: float
    drops: Annotated[dict[str, int], Meta(description="Refused rows and requests, by reason.")]


class ItemGiven(Struct, omit_defaults=True):
    """What is said of an item. Also read: category, genres, expires_s."""

    title: str | None = None
    categories: Annotated[list[str] | str, Meta(description='Also as "a|b" or "a, b".')] = []
    description: str | None = None
    attributes: dict[str, Scalar] = {}
    available: bool = True
    expires: Annotated[
        float | str | None, Meta(description="Unix seconds or ISO 8601; not shown from then on.")
    ] = None


class ItemRow(ItemGiven, kw_only=True, omit_defaults=True):
    """An item of many."""

    id: Annotated[IdText | int, Meta(description=f"Which. {BOUND}")]


class Item(Struct):
    """An item of the catalogue."""

    id: str
    title: str | None
    categories: list[str]
    description: str | None
    attributes: dict[str, Scalar]
    available: bool
    expires_s: float | None


class ItemPut(Struct):
    """What became of an item."""

    item: str
    status: Literal["created", "replaced"]


class ItemOutcome(Struct):
    """What became of one row."""

    item: str | None
    status: Literal["created", "replaced", "rejected"]
    error: str | None


class ItemOutcomes(Struct):
    """What became of each row, in their order."""

    results: list[ItemOutcome]


class ItemRemoved(Struct):
    """An item that is shown no more."""

    item: str
    removed: Literal[True]


class Category(Struct):
    """A category."""

    name: str
    items: int


class CategoryList(Struct):
    """Every category."""

    categories: list[Category]


class UsersQuery(Query, frozen=True):
    """Which part of the list."""

    limit: Limit = 100
    offset: Offset = 0


class UserListed(Struct):
    """A user in a list."""

    user: str
    events: int
    newest_s: float


class UserList(Struct):
    """A page of users, most events first."""

    users: list[UserListed]


class SessionAsked(Struct, forbid_unknown_fields=True):
    """A session, and which slate."""

    events: Annotated[
        list[dict[str, Any]],
        Meta(
            description="Events without user, oldest first.",
            examples=[[{"item": "tea", "type": "view"}]],
        ),
    ]
    n: N = 10
    exclude: Annotated[list[str], Meta(description="Items to leave out.")] = []
    categories: Annotated[list[str], Meta(description="Only items of any of these.")] = []
    repeats: Annotated[
        bool,
        Meta(description="false: no item of the session; true: as `repeats` of `[strategy]` says."),
    ] = True
    diversity: Annotated[float, Meta(ge=0, le=1)] = 0.0
    placement: Annotated[str | None, Meta(description="Whose rules hold; see GET /about.")] = None


class RankAsked(Struct, forbid_unknown_fields=True):
    """A list, and for whom."""

    user: Annotated[str, Meta(min_length=1, description="For whom.")]
    items: Annotated[list[str], Meta(max_length=1_000, description="Item ids.")]
    reasons: Annotated[bool, Meta(description="Whether to say why, checked by removal.")] = False
    lang: Annotated[Language, Meta(description="Language of the reasons' sentences.")] = "en"


class Ranked(Struct):
    """The caller's own list, best first for that user."""

    user: str
    items: list[Place]
    unknown: Annotated[list[str], Meta(description="Items that nobody has met, or were removed.")]
    state_cursor: str
    artifact: str | None
    now_s: float


class PopularQuery(Query, frozen=True):
    """Where, and of how long."""

    n: N = 10
    category: Annotated[str | None, Meta(description="Only items of it.")] = None
    window: Annotated[Literal["1d", "7d", "30d"], Meta(description="Of how long.")] = "7d"


class PopularItem(Struct):
    """An item that many took."""

    item: str
    title: str | None
    categories: list[str]
    count: Annotated[float, Meta(description="Its weight of events in the window.")]


class Popular(Struct):
    """Items taken most."""

    window: str
    items: list[PopularItem]


class SimilarQuery(Query, frozen=True):
    """How many."""

    n: N = 10


class SimilarItem(Struct):
    """An item like another."""

    item: str
    title: str | None
    categories: list[str]
    score: float


class Similar(Struct):
    """Items like one, likest first."""

    item: str
    items: list[SimilarItem]


class TimelineQuery(Query, frozen=True):
    """How far back."""

    limit: Annotated[int, Meta(ge=1, le=1_000, description="Latest events at most.")] = 50


class Moment(Struct):
    """Interests right after one event, or now."""

    event: Annotated[str | None, Meta(description="Null: now.")]
    item: str | None
    title: str | None
    type: str | None
    time_s: float
    weights: Annotated[list[float], Meta(description="One for each label.")]


class Timeline(Struct):
    """How one user's interests moved, oldest moment first."""

    user: str
    labels: Annotated[list[str], Meta(description="At most 12 interests, strongest first.")]
    moments: list[Moment]


class UserGiven(Struct, forbid_unknown_fields=True):
    """What is told of a user."""

    attributes: dict[str, Any]


class UserPut(Struct):
    """What is held of it."""

    user: str
    attributes: dict[str, Scalar]


class User(Struct):
    """A user in numbers, and what was told of them."""

    user: str
    attributes: dict[str, Scalar]
    events: int
    oldest_s: float | None
    newest_s: float | None
    state_cursor: str


class UserExport(Struct):
    """Everything that is held about a user."""

    user: str
    attributes: dict[str, Scalar]
    events: Annotated[list[EventStored], Meta(description="Oldest first.")]
    interests: list[Interest]
    exported_s: float
