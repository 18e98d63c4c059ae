"""The engine: events in, slates out; the one object that a program holds."""

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np

from penchant.core.clock import Clock, LogClock, SystemClock
from penchant.core.contracts import Reading, Receipt, Request
from penchant.core.errors import (
    ArtifactError,
    ArtifactMissingError,
    ConfigError,
    InvalidRequestError,
    NotYetVisibleError,
    PenchantError,
    UnknownIdError,
    signal_header,
)
from penchant.core.events import ContextValue, Event, EventColumns
from penchant.core.ids import ArtifactId, Cursor, EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.slates import Ranked, Reason, Slate
from penchant.engine.config import EngineConfig
from penchant.engine.erase import remains, trained_with
from penchant.engine.intake import Intake, Observed, Outcome, observed, outcomes
from penchant.engine.items import (
    ItemOutcome,
    check_page,
    item_or_error,
    item_outcomes,
    nobody,
    popular,
    similar,
)
from penchant.engine.learned import Learned, load_learned, save_learned
from penchant.engine.people import (
    History,
    Timeline,
    UserFacts,
    history_of,
    timeline_of,
    told_event,
    told_interests,
)
from penchant.engine.placements import Placements
from penchant.engine.rank import ranked
from penchant.engine.read_path import Asked, arrange, arrange_each, slate_of, wanted_of_each
from penchant.engine.reasons import reasons as reasons_of
from penchant.engine.stages import rows_match
from penchant.engine.titles import Titles
from penchant.engine.turns import Turns
from penchant.engine.user_now import UserNow
from penchant.engine.write_path import BULK, WritePath
from penchant.ingest.clean_one import moves
from penchant.ingest.quality import quality_report, repeats
from penchant.ingest.rejects import rejected_path, scrub
from penchant.ingest.wire import id_text, item_from, known_id, scalars, sound_item
from penchant.interests.profile import ProfileInterest
from penchant.storage.database import Database, open_database
from penchant.storage.log import Totals
from penchant.strategy.paging import decode
from penchant.strategy.rules import Rules

__all__ = ["BULK", "Engine", "ItemOutcome", "Observed", "Outcome", "Wanted"]

_log: Final = logging.getLogger(__name__)

NOBODY: Final = UserId("")
"""Who has no name."""


class Wanted(NamedTuple):
    """What `recommend_each` is asked for one user, as `recommend` would be."""

    user: str
    n: int = 10
    exclude: Sequence[str] = ()
    categories: Sequence[str] = ()
    repeats: bool = True
    diversity: float = 0.0
    next: str | None = None
    placement: str | None = None


class Engine:
    """Interests over one database file; open it with `Engine.open`, close it when done."""

    def __init__(self, database: Database, config: EngineConfig, clock: Clock | None) -> None:
        self._database = database
        self._config = config
        self._intake = Intake(config)
        self._writing = threading.Lock()  # one writer: append, then fold, in that order
        self._searching = threading.Lock()  # guards the titles
        self._titles = Titles()
        self._turns = Turns()  # guard everything below
        self._check_types()
        self._clock = clock or _clock(config, self._totals().newest_s)
        self._folded = database.log.cursor()
        self._memory = WritePath(database, config, self._clock.now_s)
        self._learned: Learned | None = None
        self._erasures = 0
        self._serve_current()
        self._placements = self._made_placements()

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
        with a time a hash of what it says, so that a resend is the same event. Raises
        `InvalidEventError` (`UnknownEventTypeError`, `EventTimeError`) for what is no event, and
        `StorageFullError` where the disk is full; nothing is stored then.
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
        return self._land([self._intake.event(event, now_s) for event in events])

    def observe_each(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Outcome], str]:
        """Take in the good ones of `rows` as one transaction, in their order.

        A row that is wrong gets a sentence instead. The second value is the cursor to wait for
        with `after`: of the last good row, else of where the log stands.
        """
        checked = self._intake.each(rows, self.now_s())
        landed = self._land([event for event in checked if isinstance(event, Event)])
        cursor = landed[-1].cursor if landed else str(self._folded)
        return outcomes(checked, landed), cursor

    def put_items(self, items: Iterable[Item | Mapping[str, Any]]) -> int:
        """Add or replace items; recommendable with the next slate. Gives back how many."""
        made = [sound_item(item) if isinstance(item, Item) else item_from(item) for item in items]
        with self._writing:
            self._put(made)
        return len(made)

    def put_items_each(self, rows: Sequence[Mapping[str, Any]]) -> list[ItemOutcome]:
        """Add or replace the good ones of `rows`; one that is wrong gets a sentence instead."""
        made = [item_or_error(row) for row in rows]
        with self._writing:
            told = item_outcomes(made, self._memory.shelf)
            self._put([item for item in made if isinstance(item, Item)])
        return told

    def remove_item(self, item: str) -> None:
        """Take the item out of every slate and search; nothing is said of it any more.

        Its events stay, new ones are taken in, and putting it again brings it back. Raises
        `UnknownIdError` for an item nobody has met, or that was removed before.
        """
        gone = _item(item)
        with self._writing:
            row = self._memory.shelf.found(gone)
            with self._unless_interrupted((), [gone]):
                self._database.catalogue.remove(gone)
                with self._turns.writing():
                    self._memory.shelf.put(row, Item(gone, available=False))

    def undo(self, event: str) -> bool:
        """Take one event back, as if it had never been seen; False: no such event."""
        one = EventId(known_id("event", event, InvalidRequestError))
        with self._writing:
            log, found = self._database.log, self._database.log.get(one)
            if found is None:
                return False
            with self._turns.writing():
                self._memory.count_if_due()
            _, before = log.history(found.user)
            with self._unless_interrupted((found.user,)):
                log.remove(one)
                with self._turns.writing(), self._following((found.user,)):
                    self._turn_back([found])
                    _, after = log.history(found.user)
                    self._memory.take_back(found.user, before, after, self.now_s())
        return True

    def put_user(self, user: str, attributes: Mapping[str, ContextValue]) -> None:
        """What is told of the user beside events, in place of what was told before."""
        who = UserId(id_text("user", user, InvalidRequestError))
        told = scalars("attributes", attributes, InvalidRequestError)
        with self._writing:
            self._database.people.put(who, told)

    def forget(self, user: str) -> Receipt:
        """Erase the user from the log, states, counts and rejected lines, and what was told of
        them; the receipt says what remains. Where files could not be cleaned, forgetting again or
        opening again cleans them. Raises `UnknownIdError` for a user of whom there is neither
        anything nor a rejected line, where no cleaning is left to do.
        """
        who = _who(user)
        lines = scrub(rejected_path(self._database.path), who)
        with self._writing:
            if self._database.people.get(who) is None:
                left = self._database.log.finish_erasures()
                if left is None and not lines:
                    raise UnknownIdError(f"no user has the id {user!r}; nothing was erased")
                return Receipt(who, 0, 0, [], list(left or ()))
            with self._turns.writing():
                self._memory.count_if_due()
            head, before = self._database.log.history(who)
            first_s = min((event.time_s for event in before), default=np.inf)
            trained, perhaps = trained_with(self._database.artifacts, first_s), list[ArtifactId]()
            if head.revision and self._database.log.has_undone():  # the first may be among them
                perhaps = [a for a in self._database.artifacts.list() if a not in trained]
            self._erasures += 1  # first: a model that knows of none may be published until then
            with self._unless_interrupted((who,)):
                receipt = self._database.erase(who, [*trained, *perhaps])
                with self._turns.writing(), self._following((who,)):
                    self._turn_back(before)
                    self._memory.take_back(who, before, [], self.now_s())
            met = {event.item for event in before if event.item is not None}
            alone = self._database.catalogue.left_alone(list(met))
        told = remains(trained, perhaps, self.training_folder, alone)
        return receipt._replace(remains=[*receipt.remains, *told])

    # ---- slates out --------------------------------------------------------------------------

    def recommend(  # noqa: PLR0913 - all that a caller may ask for
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
        placement: str | None = None,
    ) -> Slate:
        """A slate for `user`, who may be a stranger.

        `exclude` are item ids; `categories` keeps items of any of these; `repeats=False` leaves
        out items already taken even where the placement allows them; `next` is the token of the
        page before; `after` the cursor of an event that must be known to the slate; `placement`
        the name of a `[placements.<name>]`, whose rules it follows. `n` is 1 to the `max_n` of its
        rules, `diversity` 0 to 1. Raises `InvalidRequestError` for what makes no sense, and
        `NotYetVisibleError` where `after` is not known within `after_wait_s`.
        """
        who = _who(user)
        self._wait_for(after)
        with self._turns.reading():
            rules = self._placements.rules(placement)
            request = self._request(who, n, exclude, categories, repeats, diversity, next)
            self._memory.count_if_due()
            made = self._made(self._memory.user(who), request, rules, reasons)
            return replace(made, placement=placement)

    def recommend_each(self, wanted: Sequence[Wanted]) -> list[Slate | PenchantError]:
        """Several slates, faster than one after another; each its own, or what is wrong with it.

        The item vectors are read from memory once for all of them, which is most of the cost of a
        slate over a large catalogue.
        """
        with self._turns.reading():
            self._memory.count_if_due()
            asked = [self._asked(one) for one in wanted]
            good = [one for one in asked if isinstance(one, Asked)]
            memory = self._memory
            facts = memory.shelf.facts(memory.live.added_s)
            rngs = [np.random.default_rng(0) for _ in good]
            arranged = iter(arrange_each(memory.stages, good, facts, rngs))
            made: list[Slate | PenchantError] = []
            for one, wish in zip(asked, wanted, strict=True):
                if isinstance(one, PenchantError):
                    made.append(one)
                    continue
                given = next(arranged), one.reading, one.request, memory.shelf, memory.artifact
                try:
                    made.append(replace(slate_of(*given, {}), placement=wish.placement))
                except InvalidRequestError as error:  # its token would be too long
                    made.append(error)
            return made

    def session(
        self,
        events: Sequence[Mapping[str, Any]],
        n: int = 10,
        *,
        exclude: Iterable[str] = (),
        categories: Iterable[str] = (),
        repeats: bool = True,
        diversity: float = 0.0,
        placement: str | None = None,
    ) -> Slate:
        """A slate for somebody of whom only `events` are known; nothing is stored.

        The events name no user; an item that nobody has met only says that time went by.
        """
        read = self._intake.session(events, self.now_s())
        with self._turns.reading():
            rules = self._placements.rules(placement)
            request = self._request(NOBODY, n, exclude, categories, repeats, diversity, None)
            self._memory.count_if_due()
            visitor = self._memory.histories.visitor(self._memory.stages, read)
            made = self._made(visitor, request, rules, reasons=False, pages=False)
            return replace(made, placement=placement)

    def rank(self, user: str, items: Sequence[str], reasons: bool = False) -> Ranked:
        """The caller's own list of at most 1000 items, best first for `user`.

        No rule takes an item out; what the user has dismissed comes last.
        """
        who = _who(user)
        with self._turns.reading():
            self._memory.count_if_due()
            reading = self._memory.reading(who, self.now_s())
            asked = map(_item, _listed("items", items))
            return ranked(self._memory, who, reading, asked, reasons)

    def explain(self, user: str, item: str, n: int = 10) -> Sequence[Reason]:
        """Why `item` stands where it does for `user`, checked by removing events.

        Empty where no small set of events decides, as for a popular item. Raises `UnknownIdError`.
        """
        who = _who(user)
        with self._turns.reading():
            request = self._request(who, n, (), (), True, 0.0, None)
            self._memory.count_if_due()
            row = self._memory.shelf.found(_item(item))
            reading = self._memory.reading(who, self.now_s())
            why = self._reasons(request, reading, [row], self._placements.rules())
            return [why[row]] if row in why else []

    # ---- users -------------------------------------------------------------------------------

    def interests(self, user: str) -> Sequence[ProfileInterest]:
        """What the user wants, as a person can read it; empty for a stranger or an untrained
        engine.
        """
        return self._history(_who(user)).interests

    def profile(self, user: str) -> dict[str, Any]:
        """The same for JSON, each interest with the items that speak for it, as of one moment."""
        history = self._history(_who(user))
        return {
            "user": user,
            "interests": told_interests(history.interests, self._memory.shelf),
            "next_behaviour": history.next_behaviour,
            "state_cursor": str(history.head.cursor),
            "artifact": history.artifact,
            "now_s": history.now_s,
        }

    def timeline(self, user: str, limit: int = 50) -> Timeline:
        """The user's interests right after each of their `limit` latest events, and now.

        Its labels are at most 12 of what `interests` lists, strongest first.
        """
        check_page(limit)
        who = _who(user)
        return timeline_of(who, self._history(who), limit, self._memory.shelf)

    def history(self, user: str) -> Sequence[Event]:
        """The user's events, oldest first."""
        return self._database.log.history(_who(user))[1]

    def users(self, limit: int = 100, offset: int = 0) -> Sequence[tuple[UserId, int, float]]:
        """Users with events, most events first: id, events, time of the newest."""
        return self._database.log.users(limit, offset)

    def user(self, user: str) -> UserFacts:
        """One user in numbers, and what was told of them; `UnknownIdError` where there is nothing
        of either.
        """
        who = _who(user)
        found = self._database.people.get(who)
        if found is None or (found.attributes is None and not found.events):
            raise UnknownIdError(
                f"no user has the id {user!r}; allowed are those with events or attributes"
            )
        told, events, oldest_s, newest_s, cursor = found
        return UserFacts(who, told or {}, events, oldest_s, newest_s, str(cursor))

    def export_user(self, user: str) -> dict[str, Any]:
        """Everything held about one user but rejected lines, which `forget` erases too; for JSON.

        Raises `UnknownIdError` as `user` does.
        """
        facts, shelf = self.user(user), self._memory.shelf
        return {
            "user": user,
            "attributes": dict(facts.attributes),
            "events": [told_event(event, shelf) for event in self.history(user)],
            "interests": told_interests(self.interests(user), shelf),
            "exported_s": self.now_s(),
        }

    # ---- for training, export and people -----------------------------------------------------

    def now_s(self) -> float:
        """The engine's time: that of its clock."""
        return self._clock.now_s()

    def events(self) -> Iterator[Event]:
        """Every event, in the order it came."""
        return (event for _, event in self._database.log.scan(Cursor(0)))

    def columns(self) -> EventColumns:
        """The log as training reads it: without flagged events that move nothing."""
        columns = self._database.log.columns(self._config.clean.exclude)
        return replace(columns, put_s=self._database.catalogue.put_s()[: len(columns.items)])

    def items(self) -> Sequence[Item]:
        """The catalogue, by row."""
        with self._turns.reading():
            return list(self._memory.shelf.items())

    def item(self, item: str) -> Item:
        """One item, or `UnknownIdError`."""
        with self._turns.reading():
            shelf = self._memory.shelf
            return shelf.item(shelf.found(_item(item)))

    def search_items(
        self, q: str = "", category: str | None = None, limit: int = 20, offset: int = 0
    ) -> tuple[list[Item], int]:
        """Items whose title has every word of `q`, or words that begin so, and how many there are.

        Case, accents and the order of the words are no matter; an item without a title is found by
        its id. First those whose title begins with `q`, then those taken most in 7 days, then by
        title. Without `q` all items.
        """
        check_page(limit, offset)
        with self._searching:
            with self._turns.reading():
                self._memory.count_if_due()
                shelf, popular = self._memory.shelf, self._memory.live.popular
                retitled = shelf.retitled()
                shown = shelf.visible(category) & ~np.isposinf(self._memory.live.added_s)
                counts = popular.score(nobody(self.now_s()), slice(None))
            self._titles.put(retitled)
            rows, total = self._titles.find(q, shown, counts, limit, offset)
            return [shelf.item(row) for row in rows], total

    def popular(
        self, n: int = 10, category: str | None = None, window: str = "7d"
    ) -> list[tuple[Item, float]]:
        """The items taken most in the last `1d`, `7d` or `30d`, each with its weight of events."""
        check_page(n, name="n")
        with self._turns.reading():
            self._memory.count_if_due()
            return popular(self._memory, n, category, window, self.now_s())

    def similar(self, item: str, n: int = 10) -> list[tuple[Item, float]]:
        """Items that the same people take, then those whose trained vectors are near.

        The two parts are scored on scales of their own. Empty where nothing is known.
        """
        check_page(n, name="n")
        with self._turns.reading():
            self._memory.count_if_due()
            row = self._memory.shelf.found(_item(item))
            return similar(self._memory, row, n, self.now_s())

    def categories(self) -> list[tuple[str, int]]:
        """Every category and how many items it has, most first."""
        with self._turns.reading():
            rows = self._memory.shelf.by_category()
            return sorted(((n, len(own)) for n, own in rows.items()), key=lambda c: (-c[1], c[0]))

    def facts(self) -> dict[str, Any]:
        """The engine in numbers: events, users, items, flags, artifact."""
        totals = self._totals()
        with self._turns.reading():
            artifact, learned = self._memory.artifact, self._learned
        return {
            "path": str(self._database.path),
            "events": totals.events,
            "users": totals.users,
            "items": totals.items,
            "oldest_s": totals.oldest_s,
            "newest_s": totals.newest_s,
            "types": dict(totals.types),
            "flags": dict(totals.flags),
            "artifact": artifact,
            "artifacts": list(self._database.artifacts.list()),
            "card": dict(learned.card) if learned else None,
            "now_s": self.now_s(),
        }

    def quality(self) -> dict[str, Any]:
        """The report that `penchant validate` prints, over the log, for JSON; reads all of it."""
        items = [item for item in self.items() if not item.removed]
        counts = {f"flag_{name}": n for name, n in self._totals().flags.items()}
        return quality_report(self.columns(), items, self._config.signals, counts).to_dict()

    def strays(self, users: Iterable[str]) -> Sequence[UserId]:
        """Those of `users` whose stored state is not what a fresh fold of the log gives."""
        return [user for user in map(UserId, users) if self._strays(user)]

    @property
    def artifact(self) -> ArtifactId | None:
        """The published model in use."""
        with self._turns.reading():
            return self._memory.artifact

    @property
    def path(self) -> Path:
        """The database file."""
        return self._database.path

    def check(self) -> None:
        """Raise `StorageError` where the log cannot be read, or is not written any more."""
        self._database.log.check()

    @property
    def training_folder(self) -> Path:
        """Where training leaves its checkpoints."""
        return Path(f"{self.path}.training")

    @property
    def config(self) -> EngineConfig:
        """The settings it was opened with."""
        return self._config

    @property
    def erasures(self) -> int:
        """Users forgotten since it was opened."""
        return self._erasures

    def publish(self, learned: Learned, erasures: int | None = None) -> ArtifactId:
        """Write `learned` as an artifact and use it from the next request on.

        `erasures` are those when training read the log. Raises `ArtifactError`, and keeps nothing,
        where somebody was forgotten since.
        """
        self._refuse_strange(learned)
        with self._turns.reading():  # it shares counts with what serves
            self._memory.composed(learned)
        self._refuse_forgotten(erasures)
        artifacts = self._database.artifacts
        artifact = artifacts.place(
            lambda folder: save_learned(learned, folder), SystemClock().now_s()
        )
        written = load_learned(artifacts.open(artifact))
        with self._writing:
            try:
                self._refuse_forgotten(erasures)  # whoever is from now on finds it in the list
            except ArtifactError:
                artifacts.discard(artifact)
                raise
            self._use(artifact, written)
        return artifact

    def learned(self, artifact: ArtifactId | None = None) -> Learned:
        """What an artifact holds; None: the one that serves.

        Raises `ArtifactMissingError` where there is none, `ArtifactCorruptError` where it is
        damaged.
        """
        chosen = artifact or self.artifact
        if chosen is None:
            raise ArtifactMissingError(
                f"{self.path} serves without a trained model; `penchant train` makes one"
            )
        return load_learned(self._database.artifacts.open(chosen))

    def use(self, artifact: ArtifactId) -> None:
        """Serve with a published model from the next request on; states are folded afresh."""
        learned = load_learned(self._database.artifacts.open(artifact))
        with self._writing:
            self._use(artifact, learned)

    def prune(self, keep: int) -> Sequence[ArtifactId]:
        """Delete published models but the newest `keep` and the one that serves; those deleted."""
        if keep < 0:
            raise InvalidRequestError(f"keep is {keep}; allowed is 0 or more")
        return self._database.artifacts.prune(keep)

    # ---- inside ------------------------------------------------------------------------------

    def _put(self, items: Sequence[Item]) -> None:
        now_s = self.now_s()
        with self._unless_interrupted((), [item.id for item in items]):
            self._database.catalogue.put(items, now_s)
            with self._turns.writing():
                self._memory.put_items(items, now_s)

    def _land(self, events: Sequence[Event]) -> list[Observed]:
        """Durable first, then known to the next slate."""
        if not events:
            return []
        with self._writing:
            users = {event.user for event in events}
            with self._turns.writing():
                before = self._memory.before(events)
            with self._unless_interrupted(users):
                appended = self._database.log.append(events)
                with self._turns.writing():
                    with self._following(users):
                        self._memory.take_in(events, appended, before)
                    fresh = [e for e, new in zip(events, appended.new, strict=True) if new]
                    self._tell_clock(fresh)
                    self._folded = max(self._folded, appended.cursor)
        return observed(appended)

    @contextmanager
    def _following(self, users: Collection[UserId]) -> Iterator[None]:
        """Memory follows what is durable of `users`; where it cannot, it reads the log again.

        What is durable is done: an error here must not look like a call that did nothing.
        """
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it is, the log has it
            _log.exception("memory could not follow the log, and reads it again")
            self._memory.read_again(users)

    @contextmanager
    def _unless_interrupted(
        self, users: Collection[UserId], items: Sequence[ItemId] = ()
    ) -> Iterator[None]:
        """The same where a Ctrl-C, or whatever a handler of signals raises, ends the call between
        what is durable and what memory knows.
        """
        try:
            yield
        except PenchantError:
            raise  # nothing is durable, or `_following` has seen to it
        except BaseException:
            with self._turns.writing():
                self._memory.read_again(users, items)
                self._folded = max(self._folded, self._database.log.cursor())
                newest_s = self._totals().newest_s
                if isinstance(self._clock, LogClock):
                    self._clock.turn_back(newest_s)
                    if newest_s is not None:
                        self._clock.reach(newest_s)
            raise

    def _tell_clock(self, events: Sequence[Event]) -> None:
        if isinstance(self._clock, LogClock):
            exclude = self._config.clean.exclude
            times = [event.time_s for event in events if moves(event, exclude)]
            if times:
                self._clock.reach(max(times))

    def _turn_back(self, gone: Sequence[Event]) -> None:
        """The log's clock, where one of `gone` had set it, is that of what is left."""
        clock = self._clock
        if isinstance(clock, LogClock) and any(clock.set_by(event.time_s) for event in gone):
            clock.turn_back(self._totals().newest_s)

    def _totals(self) -> Totals:
        return self._database.log.totals(self._config.clean.exclude)

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
        rows = (self._memory.shelf.row(_item(item)) for item in _listed("exclude", exclude))
        return Request(
            user,
            n,
            frozenset(row for row in rows if row is not None),
            decode(user, next) if next else frozenset(),
            frozenset(_listed("categories", categories)),
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
        if not self._turns.wait_until(lambda: self._folded >= wanted, wait_s):
            raise NotYetVisibleError(wanted, wait_s)

    def _strays(self, user: UserId) -> bool:
        with self._turns.reading():
            memory = self._memory
            return memory.histories.strays(user, memory.stages, memory.artifact)

    def _history(self, user: UserId) -> History:
        with self._turns.reading():  # these belong together; the rest takes long and needs no lock
            stages, learned, artifact = self._memory.stages, self._learned, self._memory.artifact
        return history_of(self._memory.histories, stages, learned, artifact, user, self.now_s())

    def _asked(self, one: Wanted) -> Asked | PenchantError:
        try:
            rules = self._placements.rules(one.placement)
            request = self._request(
                _who(one.user),
                one.n,
                one.exclude,
                one.categories,
                one.repeats,
                one.diversity,
                one.next,
            )
            rules.check(request)
            memory = self._memory
            now = memory.user(request.user)
            return Asked(now.reading(memory.stages.models, self.now_s()), request, rules)
        except PenchantError as error:
            return error

    def _made(
        self, now: UserNow, request: Request, rules: Rules, reasons: bool, pages: bool = True
    ) -> Slate:
        memory = self._memory
        reading = now.reading(memory.stages.models, self.now_s())
        facts = memory.shelf.facts(memory.live.added_s)
        rng = np.random.default_rng(0)
        arranged = arrange(memory.stages, rules, reading, request, facts, rng)
        rows = [place.row for place in arranged.places]
        why = self._reasons(request, reading, rows, rules) if reasons else {}
        return slate_of(arranged, reading, request, memory.shelf, memory.artifact, why, pages)

    def _reasons(
        self, request: Request, reading: Reading, rows: Sequence[int], rules: Rules
    ) -> dict[int, Reason]:
        memory = self._memory
        facts = memory.shelf.facts(memory.live.added_s)
        allowed = rules.allowed(request, reading, facts)
        find = partial(memory.stages.found, allowed=allowed, limit=wanted_of_each(request))
        return reasons_of(memory, request, rows, find, reading.now_s)

    def _serve_current(self) -> None:
        artifact = self._database.artifacts.current()
        if artifact is not None:
            learned = load_learned(self._database.artifacts.open(artifact))
            self._refuse_strange(learned)
            self._memory.serve(artifact, learned, self._memory.composed(learned))
            self._learned = learned

    def _use(self, artifact: ArtifactId, learned: Learned) -> None:
        with self._turns.writing():
            self._refuse_strange(learned)
            stages = self._memory.composed(learned)  # before anything is changed: it may not work
            self._database.artifacts.use(artifact)
            self._memory.serve(artifact, learned, stages)
            self._learned = learned
            self._placements = self._made_placements()

    def _refuse_forgotten(self, erasures: int | None) -> None:
        if erasures not in (None, self._erasures):
            raise ArtifactError(
                "somebody was forgotten while this model was trained on their events too: it is "
                "not published; train again"
            )

    def _refuse_strange(self, learned: Learned) -> None:
        catalogue = [item.id for item in self.items()]
        if not rows_match(learned.items, catalogue):
            raise ConfigError(
                f"the artifact was trained on another catalogue: its {len(learned.items)} items "
                f"are not the first of the {len(catalogue)} here; delete `current` in "
                f"{self._database.artifacts.folder} to serve without it, and train on this database"
            )

    def _made_placements(self) -> Placements:
        """Whether repeats are usual was decided by training, or is counted once, at opening."""
        if self._learned is not None:
            return Placements(self._config, float(self._learned.repeats))
        return Placements(self._config, repeats(self.columns(), self._config.signals).share)

    def _check_types(self) -> None:
        unknown = sorted(set(self._database.log.totals().types) - set(self._config.signals))
        if unknown:
            raise ConfigError(
                f"the log holds events of type {', '.join(unknown)}, which no Signal describes; "
                f"add {signal_header(unknown[0])} to the config"
            )


def _clock(config: EngineConfig, newest_s: float | None) -> Clock:
    return LogClock(newest_s) if config.clock == "log" else SystemClock()


def _who(user: str) -> UserId:
    return UserId(known_id("user", user, InvalidRequestError))


def _item(item: str) -> ItemId:
    return ItemId(known_id("item", item, InvalidRequestError))


def _listed(name: str, given: Iterable[str]) -> Iterable[str]:
    """`given`, unless it is one text, which would be read letter by letter."""
    if isinstance(given, str):
        raise InvalidRequestError(f"{name} is {given!r}; allowed is a list: [{given!r}]")
    return given
