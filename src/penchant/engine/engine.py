"""The engine: events in, slates out; the one object that a program holds."""

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np

from penchant.core.clock import Clock, LogClock, SystemClock
from penchant.core.contracts import Appended, EventFeatures, Receipt, Request
from penchant.core.errors import (
    ConfigError,
    InvalidRequestError,
    NotYetVisibleError,
    UnknownIdError,
)
from penchant.core.events import ContextValue, Event, EventColumns
from penchant.core.ids import ArtifactId, Cursor, EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.slates import Reason, Recommended, Slate
from penchant.engine.config import EngineConfig
from penchant.engine.explain import Cause, Removal
from penchant.engine.histories import Histories
from penchant.engine.learned import Learned, load_learned, read_card, save_learned
from penchant.engine.read_path import Arranged, arrange
from penchant.engine.shelf import Shelf
from penchant.engine.stages import Live, Stages, learned_stages, rows_match, unlearned
from penchant.engine.user_now import RECENT, UserNow
from penchant.ingest.clean import moves
from penchant.ingest.event_ids import event_id
from penchant.ingest.quality import repeats
from penchant.ingest.rejects import rejected_path, scrub
from penchant.ingest.wire import check_time, event_from, item_from
from penchant.interests.profile import ProfileInterest, profile
from penchant.interests.topic_average import TopicAverage
from penchant.storage.database import Database, open_database
from penchant.storage.log import Totals
from penchant.strategy.paging import decode, encode
from penchant.strategy.rules import Rules

BULK: Final = 500
"""Events in one call from which on users are folded when next asked for, not at once."""
WINDOW_S: Final = 31 * 86_400.0
"""Seconds of log that live counts are rebuilt from: the longest window and a day."""


class Observed(NamedTuple):
    """What became of one event."""

    event: EventId
    status: str
    """`new`, `duplicate`, or `undone`: taken back before, and not taken in again."""
    cursor: str
    """Position to wait for with `after`."""


class Engine:
    """Interests over one database file; open it with `Engine.open`, close it when done."""

    def __init__(self, database: Database, config: EngineConfig, clock: Clock | None) -> None:
        self._database = database
        self._config = config
        self._writing = threading.Lock()  # one writer: append, then fold, in that order
        self._moved = threading.Condition()  # guards everything below
        self._shelf = Shelf(database.catalogue.all(), database.catalogue.facts().added_s)
        self._check_types()
        self._clock = clock or _clock(config, self._totals().newest_s)
        self._folded = database.log.cursor()
        self._live = Live(len(self._shelf))
        self._histories = Histories(
            database.log,
            database.states,
            self._row_of,
            config.signals,
            config.clean.exclude,
            config.memory.users,
        )
        self._artifact, self._learned = self._current()
        self._stages = self._composed()
        self._rules = self._made_rules()
        self._counted = False  # live counts are made from the log when first needed

    @classmethod
    def open(
        cls,
        path: str | Path,
        config: EngineConfig | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open the database at `path`, making it if there is none.

        Raises `StorageLockedError` when another process has it open, `ArtifactCorruptError` when
        the published model is damaged.
        """
        config = config or EngineConfig()
        memory = config.memory
        database = open_database(Path(path), memory.states_mib * 2**20, memory.flush_every_s)
        try:
            return cls(database, config, clock)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Write what is held back and let the next process in."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- events in ---------------------------------------------------------------------------

    def observe(
        self,
        user: str,
        item: str | None = None,
        type: str = "view",
        *,
        value: float | None = None,
        time: float | str | None = None,
        id: str | None = None,
        words: str | None = None,
        context: Mapping[str, ContextValue] | None = None,
    ) -> Observed:
        """Take in one event; durable, and known to the next slate, when it returns.

        `time` is Unix seconds or ISO 8601; without one it is now. An event without `id` gets one:
        with a time a hash of what it says, so that a resend is the same event.
        """
        raw = {
            "user": user,
            "item": item,
            "type": type,
            "value": value,
            "time": time,
            "id": id,
            "words": words,
            "context": dict(context or {}),
        }
        return self.observe_many([raw])[0]

    def observe_many(self, events: Iterable[Event | Mapping[str, Any]]) -> list[Observed]:
        """Take in many events as one transaction: all or none."""
        now_s = self.now_s()
        checked = [self._accepted(event, now_s) for event in events]
        if not checked:
            return []
        with self._writing:
            known = self._known(checked)
            appended = self._database.log.append(checked)
            with self._moved:
                self._take_in(checked, appended, known)
                self._folded = max(self._folded, appended.cursor)
                self._moved.notify_all()
        cursor = str(appended.cursor)
        return [
            Observed(given, _status(new, undone), cursor)
            for given, new, undone in zip(appended.ids, appended.new, appended.undone, strict=True)
        ]

    def put_items(self, items: Iterable[Item | Mapping[str, Any]]) -> int:
        """Add or replace items; recommendable with the next slate. Gives back how many."""
        made = [item if isinstance(item, Item) else item_from(item) for item in items]
        with self._writing:
            now_s = self.now_s()
            self._database.catalogue.put(made, now_s)
            with self._moved:
                self._meet([item.id for item in made], now_s)
                for item in made:
                    row = self._shelf.row_of(item.id)
                    self._shelf.put(row, item, now_s)
        return len(made)

    def undo(self, event: str) -> bool:
        """Take one event back, as if it had never been seen; False: no such event."""
        with self._writing:
            found = self._database.log.get(EventId(event))
            if found is None:
                return False
            with self._moved:
                self._count_if_due()
                _, before = self._histories.events(found.user)
                self._database.log.remove(EventId(event))
                _, after = self._histories.events(found.user)
                self._recount(found.user, before, after)
        return True

    def forget(self, user: str) -> Receipt:
        """Erase the user from the log, states, counts and rejected lines; the receipt says what
        remains. Raises `UnknownIdError` for a user nobody has met.
        """
        who = UserId(user)
        with self._writing, self._moved:
            head, before = self._histories.events(who)
            if head.cursor == 0:
                raise UnknownIdError(f"no user has the id {user!r}; nothing was erased")
            self._count_if_due()
            self._recount(who, before, [])
            first_s = min((event.time_s for event in before), default=np.inf)
            trained = self._trained_with(first_s)
            receipt = self._database.erase(who, trained)
        scrub(rejected_path(self._database.path), user)
        remains = [
            f"artifact {artifact} was trained while the user's events were in the log: it holds "
            "no id and no event, only weights and counts over all users, until it is pruned"
            for artifact in trained
        ]
        return receipt._replace(remains=[*receipt.remains, *remains])

    # ---- slates out --------------------------------------------------------------------------

    def recommend(
        self,
        user: str,
        n: int = 10,
        *,
        exclude: Iterable[str] = (),
        categories: Iterable[str] = (),
        repeats: bool = True,
        diversity: float = 0.0,
        reasons: bool = False,
        next: str | None = None,
        after: str | None = None,
    ) -> Slate:
        """A slate for `user`, who may be a stranger.

        `exclude` are item ids; `categories` keeps items of any of these; `repeats=False` leaves
        out items already taken even where the placement allows them; `next` is the token of the
        page before; `after` the cursor of an event that must be known to the slate.
        """
        who = UserId(user)
        request = self._request(who, n, exclude, categories, repeats, diversity, next)
        with self._moved:
            self._wait_for(after)
            self._count_if_due()
            now = self._histories.get(who, self._stages, self._artifact)
            reading = now.reading(self._stages.models, self.now_s())
            facts = self._shelf.facts()
            rng = np.random.default_rng(0)
            arranged = arrange(self._stages, self._rules, reading, request, facts, rng)
            causes = self._causes(who, now, request, arranged) if reasons else {}
            return self._slate(who, now, reading.now_s, request, arranged, causes)

    def explain(self, user: str, item: str, n: int = 10) -> Sequence[Reason]:
        """Why `item` stands where it does for `user`, checked by removing events.

        Empty where no few events decide, as for a popular item. Raises `UnknownIdError`.
        """
        who, row = UserId(user), self._shelf.row_of(ItemId(item))
        request = self._request(who, n, (), (), True, 0.0, None)
        with self._moved:
            self._count_if_due()
            now = self._histories.get(who, self._stages, self._artifact)
            removal, events = self._removal(who, now, request)
            cause = removal.causes([row], n).get(row)
            return [] if cause is None else [self._reason(cause, events)]

    def interests(self, user: str) -> Sequence[ProfileInterest]:
        """What the user wants, as a person can read it; empty for a stranger or an untrained
        engine.
        """
        with self._moved:
            model = self._stages.models.get("topic_average")
            if self._learned is None or not isinstance(model, TopicAverage):
                return []
            _, events = self._histories.events(UserId(user))
            features = self._histories.features(self._stages, events)
            ids = [event.id or EventId("") for event in events]
            now_s = max([self.now_s(), *(event.time_s for event in events)])
            return profile(model, self._learned.topics.labels, ids, features, now_s)

    def history(self, user: str) -> Sequence[Event]:
        """The user's events, oldest first."""
        return self._database.log.history(UserId(user))[1]

    # ---- for training, export and people -----------------------------------------------------

    def now_s(self) -> float:
        """The engine's time: that of its clock."""
        return self._clock.now_s()

    def events(self) -> Iterator[Event]:
        """Every event, in the order it came."""
        return (event for _, event in self._database.log.scan(Cursor(0)))

    def columns(self) -> EventColumns:
        """The log as training reads it: without flagged events that move nothing."""
        return self._database.log.columns(self._config.clean.exclude)

    def items(self) -> Sequence[Item]:
        """The catalogue, by row."""
        with self._moved:
            return list(self._shelf.items())

    def item(self, item: str) -> Item:
        """One item, or `UnknownIdError`."""
        return self._shelf.item(self._shelf.row_of(ItemId(item)))

    def users(self, limit: int = 100, offset: int = 0) -> Sequence[tuple[UserId, int, float]]:
        """Users with events, most events first: id, events, time of the newest."""
        return self._database.log.users(limit, offset)

    def facts(self) -> dict[str, Any]:
        """The engine in numbers: events, users, items, flags, artifact."""
        totals = self._totals()
        return {
            "path": str(self._database.path),
            "events": totals.events,
            "users": totals.users,
            "items": totals.items,
            "oldest_s": totals.oldest_s,
            "newest_s": totals.newest_s,
            "types": dict(totals.types),
            "flags": dict(totals.flags),
            "artifact": self._artifact,
            "artifacts": list(self._database.artifacts.list()),
            "card": dict(self._learned.card) if self._learned else None,
            "now_s": self.now_s(),
        }

    def strays(self, users: Iterable[str]) -> Sequence[UserId]:
        """Those of `users` whose stored state is not what a fresh fold of the log gives."""
        with self._moved:
            every = (UserId(user) for user in users)
            return [u for u in every if self._histories.strays(u, self._stages, self._artifact)]

    @property
    def artifact(self) -> ArtifactId | None:
        """The published model in use."""
        return self._artifact

    @property
    def path(self) -> Path:
        """The database file."""
        return self._database.path

    @property
    def config(self) -> EngineConfig:
        """The settings it was opened with."""
        return self._config

    def publish(self, learned: Learned) -> ArtifactId:
        """Write `learned` as an artifact and use it from the next request on."""
        artifact = self._database.artifacts.publish(
            lambda folder: save_learned(learned, folder), SystemClock().now_s()
        )
        self.use(artifact)
        return artifact

    def use(self, artifact: ArtifactId) -> None:
        """Serve with a published model from the next request on; states are folded afresh."""
        learned = load_learned(self._database.artifacts.open(artifact))
        with self._writing, self._moved:
            self._refuse_strange(learned)
            self._database.artifacts.use(artifact)
            self._artifact, self._learned = artifact, learned
            self._stages = self._composed()
            self._rules = self._made_rules()
            self._shelf.learn(learned.vectors, learned.met)
            self._histories.drop_all()

    # ---- inside ------------------------------------------------------------------------------

    def _accepted(self, given: Event | Mapping[str, Any], now_s: float) -> Event:
        signals = self._config.signals
        if isinstance(given, Event):
            event = given
            if event.type not in signals:
                event_from({"user": event.user, "type": event.type, "time": 0.0}, signals)
        else:
            event = event_from(given, signals, received_s=now_s)
            timed = given.get("time") is not None or event.id is not None
            if not timed:
                event = replace(event, id=EventId(secrets.token_hex(16)))
        if "future" not in event.flags:
            latest_s = max(now_s, SystemClock().now_s())
            check_time(event, latest_s, self._config.clean.tolerance_s)
        return event if event.id is not None else replace(event, id=event_id(event))

    def _known(self, events: Sequence[Event]) -> dict[UserId, UserNow]:
        """The users of a small batch as they stand before it; counts that it adds to are made."""
        bulk = len(events) >= BULK
        with self._moved:
            if not bulk or self._learned is not None:
                self._count_if_due()
            users = {} if bulk else dict.fromkeys(event.user for event in events)
            return {u: self._histories.get(u, self._stages, self._artifact) for u in users}

    def _take_in(
        self, events: Sequence[Event], appended: Appended, known: Mapping[UserId, UserNow]
    ) -> None:
        for event in events:
            if event.item is not None and self._shelf.row(event.item) is None:
                self._meet([event.item], event.time_s)
        fresh = [event for event, new in zip(events, appended.new, strict=True) if new]
        late = {e.user for e, old in zip(events, appended.late, strict=True) if old}
        if len(events) >= BULK:
            self._take_in_bulk(fresh)
            return
        users = dict.fromkeys(event.user for event in fresh)
        for user in users:
            own = [event for event in fresh if event.user == user]
            if user in late:
                given = {event.id for event in own}
                after = self._histories.events(user)[1]
                self._recount(user, [e for e in after if e.id not in given], after)
            else:
                self._fold(user, known[user], own)

    def _take_in_bulk(self, fresh: Sequence[Event]) -> None:
        """Users when next asked for; counts now, or all anew when next needed if pairs count."""
        for event in fresh:
            self._histories.drop(event.user)
        if self._learned is None:
            self._counted = self._counted and not fresh
        else:
            for event in sorted(fresh, key=lambda e: e.time_s):
                if moves(event, self._config.clean.exclude):
                    self._count((), event)

    def _fold(self, user: UserId, now: UserNow, events: Sequence[Event]) -> None:
        """Events that follow all the user had."""
        for event in sorted(events, key=lambda e: e.time_s):
            if moves(event, self._config.clean.exclude):
                seen = self._count(now.recent, event)
                now.absorb(self._stages.models, seen, self._histories.hides(event))
        now.head = self._database.log.head(user)
        self._histories.keep(user, now)
        self._histories.save(user, now, self._stages, self._artifact)

    def _count(self, past: Sequence[EventFeatures], event: Event) -> EventFeatures:
        seen = self._stages.features(event, self._row_of(event))
        if seen.row >= 0:
            self._live.met(seen.row, event.time_s)
        for source in self._stages.counting:
            source.absorb(past, seen)
        return seen

    def _recount(self, user: UserId, before: Sequence[Event], after: Sequence[Event]) -> None:
        """One user's part of the counts is taken back and counted again; the state is folded."""
        seen = self._histories.features(self._stages, before)
        for source in self._stages.counting:
            source.retract(seen)
        past: list[EventFeatures] = []
        for event in after:
            past.append(self._count(past, event))
        self._histories.drop(user)
        if after:
            now = self._histories.get(user, self._stages, self._artifact)
            self._histories.save(user, now, self._stages, self._artifact)

    def _count_if_due(self) -> None:
        """Live counts from the log; all of it while pairs are counted, else the latest window."""
        if self._counted:
            return
        self._live = Live(len(self._shelf))
        added = self._shelf.facts().added_s
        self._live.added_s[: len(added)] = added
        self._stages = self._composed()
        newest_s = self._totals().newest_s or 0.0
        since_s = -np.inf if self._learned is None else newest_s - WINDOW_S
        pasts: dict[UserId, list[EventFeatures]] = {}
        for event in self._database.log.scan_since(since_s):
            if moves(event, self._config.clean.exclude):
                past = pasts.setdefault(event.user, [])
                past.append(self._count(past, event))
                del past[:-RECENT]
        self._counted = True

    def _totals(self) -> Totals:
        return self._database.log.totals(self._config.clean.exclude)

    def _meet(self, items: Sequence[ItemId], time_s: float) -> None:
        """Items met for the first time take their rows."""
        if all(self._shelf.row(item) is not None for item in items):
            return
        first = len(self._shelf)
        for row, item in enumerate(self._database.catalogue.all(first), start=first):
            self._shelf.put(row, item, time_s)
        self._live.grow(len(self._shelf))
        self._stages.grow(len(self._shelf))
        for row in range(first, len(self._shelf)):
            self._live.met(row, time_s)

    def _row_of(self, event: Event) -> int:
        if event.item is None:
            return -1
        row = self._shelf.row(event.item)
        return -1 if row is None else row

    def _request(
        self,
        user: UserId,
        n: int,
        exclude: Iterable[str],
        categories: Iterable[str],
        repeats: bool,
        diversity: float,
        next: str | None,
    ) -> Request:
        if not 0.0 <= diversity <= 1.0:
            raise InvalidRequestError(f"diversity is {diversity:g}; allowed is 0 to 1")
        rows = (self._shelf.row(ItemId(item)) for item in exclude)
        return Request(
            user,
            n,
            frozenset(row for row in rows if row is not None),
            decode(user, next) if next else frozenset(),
            frozenset(categories),
            repeats,
            diversity,
        )

    def _wait_for(self, after: str | None) -> None:
        if after is None:
            return
        try:
            wanted = int(after)
        except ValueError:
            raise InvalidRequestError(
                f"after is {after!r}; allowed is a cursor that `observe` gave back"
            ) from None
        wait_s = self._config.after_wait_s
        if not self._moved.wait_for(lambda: self._folded >= wanted, wait_s):
            raise NotYetVisibleError(wanted, wait_s)

    def _slate(
        self,
        user: UserId,
        now: UserNow,
        now_s: float,
        request: Request,
        arranged: Arranged,
        causes: Mapping[int, Reason],
    ) -> Slate:
        scored = arranged.scored
        at = {int(row): place for place, row in enumerate(scored.rows)}
        items = []
        for place in arranged.places:
            item = self._shelf.item(place.row)
            parts = scored.parts[at[place.row]]
            given = {n: float(p) for n, p in zip(scored.sources, parts, strict=True)}
            why = [causes[place.row]] if place.row in causes else []
            items.append(
                Recommended(
                    item.id, item.title, item.categories, place.score, place.source, given, why
                )
            )
        shown = request.shown | {place.row for place in arranged.places}
        more = len(arranged.places) == request.n and len(shown) < len(self._shelf)
        return Slate(
            secrets.token_hex(8),
            user,
            items,
            str(now.head.cursor),
            encode(user, shown) if more else None,
            self._artifact,
            now_s,
        )

    def _causes(
        self, user: UserId, now: UserNow, request: Request, arranged: Arranged
    ) -> dict[int, Reason]:
        removal, events = self._removal(user, now, request)
        found = removal.causes([place.row for place in arranged.places], request.n)
        return {row: self._reason(cause, events) for row, cause in found.items()}

    def _removal(
        self, user: UserId, now: UserNow, request: Request
    ) -> tuple[Removal, Sequence[Event]]:
        events = self._histories.events(user)[1]
        features = self._histories.features(self._stages, events)
        reading = now.reading(self._stages.models, self.now_s())
        hides = [self._histories.hides(event) for event in events]
        removal = Removal(
            self._stages, self._rules, request, self._shelf.facts(), features, hides, reading
        )
        return removal, events

    def _reason(self, cause: Cause, events: Sequence[Event]) -> Reason:
        removed = [events[position] for position in cause.removed]
        items = [event.item for event in removed]
        titles = [
            None if i is None else self._shelf.item(self._shelf.row_of(i)).title for i in items
        ]
        without = None if cause.rank_without is None else cause.rank_without + 1
        ids = [event.id or EventId("") for event in removed]
        return Reason(ids, items, titles, cause.rank + 1, without)

    def _current(self) -> tuple[ArtifactId | None, Learned | None]:
        artifact = self._database.artifacts.current()
        if artifact is None:
            return None, None
        learned = load_learned(self._database.artifacts.open(artifact))
        self._refuse_strange(learned)
        self._shelf.learn(learned.vectors, learned.met)
        return artifact, learned

    def _refuse_strange(self, learned: Learned) -> None:
        if not rows_match(learned.items, [item.id for item in self._shelf.items()]):
            raise ConfigError(
                f"the artifact was trained on another catalogue: its {len(learned.items)} items "
                f"are not the first of the {len(self._shelf)} here; train on this database"
            )

    def _composed(self) -> Stages:
        size = len(self._shelf)
        if self._learned is None:
            return unlearned(self._config.signals, self._live, size)
        return learned_stages(self._learned, self._config.signals, self._live, size)

    def _made_rules(self) -> Rules:
        """Whether repeats are usual was decided by training, or is counted once, at opening."""
        if self._learned is not None:
            return Rules(self._config.strategy, float(self._learned.repeats))
        columns = self.columns()
        return Rules(self._config.strategy, repeats(columns, self._config.signals).share)

    def _check_types(self) -> None:
        unknown = sorted(set(self._database.log.totals().types) - set(self._config.signals))
        if unknown:
            raise ConfigError(
                f"the log holds events of type {', '.join(unknown)}, which no Signal describes; "
                f"add [signals.{unknown[0]}] to the config"
            )

    def _trained_with(self, first_s: float) -> list[ArtifactId]:
        """Artifacts whose training window reaches an event of that time."""
        found = []
        for artifact in self._database.artifacts.list():
            card = read_card(self._database.artifacts.open(artifact))
            if float(card.get("newest_s", np.inf)) >= first_s:
                found.append(artifact)
        return found


def _clock(config: EngineConfig, newest_s: float | None) -> Clock:
    if config.clock == "log" and newest_s is not None:
        return LogClock(newest_s)
    return SystemClock()


def _status(new: bool, undone: bool) -> str:
    if undone:
        return "undone"
    return "new" if new else "duplicate"
