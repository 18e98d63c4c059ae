"""The architecture on one screen: what each stage is given and what it gives back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.events import Event
from penchant.core.ids import ArtifactId, Cursor, EventId, ItemId, UserId
from penchant.core.interests import Interests, Table, Vector
from penchant.core.items import Item
from penchant.core.taken import TakenItems

Rows = NDArray[np.intp] | slice
"""Item rows of the catalogue, (M,); `slice(None)` is the whole catalogue, without a copy."""
Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]
State = Any
"""What an interest model keeps per user; opaque to everybody else."""


class EventFeatures(NamedTuple):
    """All that a model sees of an event; made by `features`."""

    row: int
    """Item row of the catalogue; -1: no item."""
    vector: Vector | None
    """The item's vector, (D,); None: no item, or one without; models do not hear it."""
    type: int
    """Index of the event type; 0: a type that the model has not met."""
    weight: float
    """The Signal's signed strength."""
    value: float
    """Standardised over the training window; 0 where absent."""
    time_s: float


class Head(NamedTuple):
    """A position in one user's history; revision moves on undo and on late events."""

    cursor: Cursor
    revision: int


class Stored(NamedTuple):
    """A state as it is kept: by which artifact, at which head."""

    artifact: ArtifactId | None
    head: Head
    payload: bytes


class Reading(NamedTuple):
    """One user at one moment: all that a stage may know. Views, not copies: read, never keep."""

    interests: Mapping[str, Interests]
    """By model name; empty while nothing has been trained."""
    recent: Sequence[EventFeatures]
    """The user's latest events in fold order, newest last; without vectors."""
    taken: TakenItems
    """By item row."""
    dismissed: frozenset[int]
    now_s: float
    head: Head


class Request(NamedTuple):
    """What a caller asks for."""

    user: UserId
    n: int = 10
    exclude: frozenset[int] = frozenset()
    """Item rows that must not appear."""
    shown: frozenset[int] = frozenset()
    """Item rows of the pages before this one."""
    categories: frozenset[str] = frozenset()
    """Any of these; empty: all."""
    repeats: bool = True
    """Whether items already taken may appear."""
    diversity: float = 0.0
    """0: pure relevance; 1: pure variety."""


class Candidates(NamedTuple):
    """What one source found, best first."""

    rows: NDArray[np.intp]  # (M,)
    scores: Scores  # (M,)


class Found(NamedTuple):
    """Every candidate, scored by every source."""

    rows: NDArray[np.intp]  # (M,)
    scores: Scores  # (M, S)
    sources: Sequence[str]  # S names


class Scored(NamedTuple):
    """Candidates with one score each, best first, and what each source gave to it."""

    rows: NDArray[np.intp]  # (M,)
    scores: Scores  # (M,)
    parts: Scores  # (M, S), sums to scores up to a constant
    sources: Sequence[str]


class ItemFacts(NamedTuple):
    """What rules may know of the catalogue; every array has one entry per row."""

    available: Mask  # (N,)
    expires_s: NDArray[np.float64]  # (N,), +inf: never
    added_s: NDArray[np.float64]  # (N,) when the item was first met
    categories: Mapping[str, NDArray[np.intp]]
    """Rows by category."""
    vectors: Table | None
    """(N, D) directions of the items, unit length, zero where unknown; None: nothing trained."""
    soonest_s: float = -np.inf
    """Nothing expires before."""


class SlateItem(NamedTuple):
    """One place of a slate."""

    row: int
    score: float
    source: str
    """The source that gave most to its score."""


class Appended(NamedTuple):
    """What became of each event handed to the log, in their order."""

    ids: Sequence[EventId]
    new: Sequence[bool]
    undone: Sequence[bool]
    """Refused, because it was undone or erased before."""
    late: Sequence[bool]
    """Older than an event its user already has, so that the user must be folded afresh."""
    cursor: Cursor
    """Everything up to here is durable."""


class Receipt(NamedTuple):
    """What an erasure removed, and what remains until when."""

    user: UserId
    events: int
    states: int
    artifacts: Sequence[ArtifactId]
    """Published models that were trained with the user's events."""
    remains: Sequence[str]
    """Sentences: what still holds traces, and until when."""


class InterestModel(Protocol):
    """Turns events into interests; `read(fold(start(), e[:t]), q) == forward(e, q)[t]` to 1e-5."""

    def start(self) -> State:
        """A stranger."""
        ...

    def step(self, state: State, event: EventFeatures) -> State:
        """Pure; its cost is that of the state, never of the history."""
        ...

    def fold(self, state: State, events: Sequence[EventFeatures]) -> State:
        """Many steps: undo, new artifact, rebuild."""
        ...

    def read(self, state: State, now_s: float) -> Interests:
        """The interests, faded to `now_s`."""
        ...

    def dump(self, state: State) -> bytes:
        """The state as bytes."""
        ...

    def load(self, data: bytes) -> State:
        """The state back from `dump`."""
        ...


class Source(Protocol):
    """Finds candidates and can score any item."""

    def find(self, reading: Reading, allowed: Mask, limit: int) -> Candidates:
        """At most `limit` allowed rows that this source knows something about, best first."""
        ...

    def score(self, reading: Reading, rows: Rows) -> Scores:
        """Scores of `rows`, whether found or not."""
        ...


class Look(Protocol):
    """What a source makes of one reading; of use until an event moves anything."""

    def find(self, allowed: Mask, limit: int) -> Candidates:
        """`Source.find` of the reading."""
        ...

    def score(self, rows: NDArray[np.intp]) -> Scores:
        """`Source.score` of the reading."""
        ...


@runtime_checkable
class LookingSource(Source, Protocol):
    """A source that finds and scores from the same work, or works for several readings at once."""

    def look(self, readings: Sequence[Reading]) -> Sequence[Look]:
        """One for each reading."""
        ...


class LiveSource(Source, Protocol):
    """A source whose counts every event moves, exactly and reversibly.

    Its counts are a sum over users of a function of the user's ordered history.
    """

    def absorb(self, past: Sequence[EventFeatures], event: EventFeatures) -> None:
        """Count `event`, which follows `past` (fold order, newest last) in its user's history."""
        ...

    def retract(self, history: Sequence[EventFeatures]) -> None:
        """Take back everything counted of one user whose events were `history`."""
        ...


class Ranker(Protocol):
    """Puts every source's opinion of every candidate into one order."""

    def __call__(self, reading: Reading, request: Request, found: Found) -> Scored:
        """The candidates, best first."""
        ...


class Strategy(Protocol):
    """Rules of a placement."""

    def allowed(self, request: Request, reading: Reading, items: ItemFacts) -> Mask:
        """(N,) True where an item may be shown."""
        ...

    def arrange(
        self,
        request: Request,
        reading: Reading,
        scored: Scored,
        items: ItemFacts,
        rng: Generator,
    ) -> Sequence[SlateItem]:
        """The slate, at most `request.n` places."""
        ...


class EventLog(Protocol):
    """The truth: what happened, durable before acknowledged."""

    def append(self, events: Sequence[Event]) -> Appended:
        """Store events that carry ids, once each; durable when it returns."""
        ...

    def scan(self, after: Cursor) -> Iterator[tuple[Cursor, Event]]:
        """Every event after `after`, in log order."""
        ...

    def history(self, user: UserId) -> tuple[Head, Sequence[Event]]:
        """One user's events in fold order: (time, cursor)."""
        ...

    def head(self, user: UserId) -> Head:
        """Where that user's history stands."""
        ...

    def remove(self, event: EventId) -> UserId | None:
        """Undo; None: no such event."""
        ...

    def erase(self, user: UserId) -> Receipt:
        """Leave no byte of the user."""
        ...


class StateStore(Protocol):
    """States by user: a cache that may be lost at any time."""

    def read(self, user: UserId) -> Stored | None:
        """The state kept, or None."""
        ...

    def write(self, user: UserId, new: Stored, expected: Head | None) -> bool:
        """Keep `new` if the kept head is `expected`; False: somebody was first, read again."""
        ...

    def forget(self, user: UserId) -> None:
        """Drop the state."""
        ...


class Catalogue(Protocol):
    """Items by id and by row; a row never changes its item."""

    def put(self, items: Sequence[Item], now_s: float) -> None:
        """Add or replace."""
        ...

    def get(self, item: ItemId) -> Item | None:
        """The item, or None."""
        ...

    def rows(self, items: Sequence[ItemId]) -> Sequence[int | None]:
        """Their rows; None where unknown."""
        ...
