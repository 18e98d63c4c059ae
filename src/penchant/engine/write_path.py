"""The write path: what memory holds of the log, moved by every event, exactly and reversibly."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from penchant.core.contracts import Appended, EventFeatures, Head, Reading
from penchant.core.events import Event
from penchant.core.ids import ArtifactId, Cursor, ItemId, UserId
from penchant.core.items import Item
from penchant.engine.config import EngineConfig
from penchant.engine.histories import Histories
from penchant.engine.latest import RECENT
from penchant.engine.learned import Learned
from penchant.engine.shelf import Shelf
from penchant.engine.stages import Live, Stages, learned_stages, unlearned
from penchant.engine.user_now import UserNow
from penchant.ingest.clean_one import moves
from penchant.storage.database import Database

BULK: Final = 500
"""Events in one call from which on users are folded when next asked for, not at once."""
SHARE: Final = 0.05
"""Of the log: a call that brings so many events has all counts made anew, at some 50 us an event of
the log; one that brings fewer adds to them, at 160 us an event. Only while nothing is trained."""
WINDOW_S: Final = 31 * 86_400.0
"""Seconds of log that live counts are rebuilt from: the longest window and a day."""


class WritePath:
    """The catalogue, the live counts and the users in memory, and the stages over them.

    The caller holds the lock, and has made durable what it hands in.
    """

    def __init__(
        self, database: Database, config: EngineConfig, now_s: Callable[[], float]
    ) -> None:
        self._database = database
        self._now_s = now_s
        self._signals = config.signals
        self._exclude = config.clean.exclude
        self._counted = False  # live counts are made from the log when first needed
        self._learned: Learned | None = None
        self.artifact: ArtifactId | None = None
        self.shelf = Shelf(database.catalogue.all())
        self.live = Live(len(self.shelf), now_s=now_s)
        self.stages = self._composed()
        self.histories = Histories(
            database.log,
            database.states,
            self.shelf.row_of_event,
            config.signals,
            config.clean.exclude,
            config.memory.users,
        )

    def composed(self, learned: Learned) -> Stages:
        """The stages of a model; raises where they cannot be put together."""
        return learned_stages(learned, self._signals, self.live, len(self.shelf))

    def serve(self, artifact: ArtifactId, learned: Learned, stages: Stages) -> None:
        """Stages of a published model from now on; users are folded afresh when asked for."""
        self.shelf.learn(learned.vectors, learned.met)
        self.artifact, self._learned, self.stages = artifact, learned, stages
        self.histories.drop_all()

    def user(self, user: UserId) -> UserNow:
        """The user now; a stranger leaves no trace."""
        return self.histories.get(user, self.stages, self.artifact)

    def reading(self, user: UserId, now_s: float) -> Reading:
        """The same as stages see it at `now_s`."""
        return self.user(user).reading(self.stages.models, now_s)

    def before(self, events: Sequence[Event]) -> dict[UserId, UserNow] | None:
        """The users of a small batch as they stand before it, None: it is large; counts are made
        that it adds to.
        """
        bulk = len(events) >= BULK
        if self._learned is None and self._counted:  # else the whole log would be counted again
            bulk = bulk and len(events) >= SHARE * self._database.log.cursor()
        if not bulk or self._learned is not None:
            self.count_if_due()
        return None if bulk else {user: self.user(user) for user in {e.user for e in events}}

    def take_in(
        self, events: Sequence[Event], appended: Appended, before: Mapping[UserId, UserNow] | None
    ) -> None:
        """Events that the log has just stored; `before` is what it held of their users."""
        fresh = [event for event, new in zip(events, appended.new, strict=True) if new]
        self._meet(fresh)
        if before is None:
            self._take_in_bulk(fresh)
            return
        revised = Counter(e.user for e, old in zip(events, appended.late, strict=True) if old)
        late = {e.user for e in fresh if e.user in revised and self._is_late(e, before[e.user])}
        own: dict[UserId, list[Event]] = {}
        last: dict[UserId, Cursor] = {}
        for cursor, event in enumerate(fresh, start=appended.cursor - len(fresh) + 1):
            own.setdefault(event.user, []).append(event)
            last[event.user] = Cursor(cursor)
        for user, given in own.items():
            if user in late:
                ids = {event.id for event in given}
                after = self.histories.events(user)[1]
                self._recount(user, [e for e in after if e.id not in ids], after)
            else:
                now = before[user]
                self._fold(user, now, given, Head(last[user], now.head.revision + revised[user]))

    def put_items(self, items: Sequence[Item], now_s: float) -> None:
        """Items that the catalogue has just stored."""
        self._grow([item.id for item in items])
        for item in items:
            row = self.shelf.row_of(item.id)
            self.shelf.put(row, item)
            self.live.met(row, now_s)

    def take_back(
        self, user: UserId, before: Sequence[Event], after: Sequence[Event], now_s: float
    ) -> None:
        """The log has dropped what `before`, the user's whole history, has more than `after`."""
        left = {event.id for event in after}
        gone = [event for event in before if event.id not in left]
        if any(event.time_s > now_s for event in gone):  # the windows it moved must move back
            self._counted = False
        moving = [[e for e in some if moves(e, self._exclude)] for some in (before, after)]
        self._recount(user, *moving)
        self._date_again(gone)
        if not moving[1]:
            self._database.states.forget(user)

    def read_again(self, users: Iterable[UserId], items: Sequence[ItemId] = ()) -> None:
        """Forget what memory holds of `users` and the counts: the log says it when next asked.

        What it holds of `items` is that of the catalogue. Nothing is read for `users`: it may be
        reading that has failed.
        """
        for user in users:
            self.histories.drop(user)
        self._counted = False
        if not items:
            return
        catalogue = self._database.catalogue
        self._grow_to(catalogue.count())
        for item, row in zip(items, catalogue.rows(items), strict=True):
            known = catalogue.get(item)
            if row is not None and known is not None:
                self.shelf.put(row, known)

    def count_if_due(self) -> None:
        """Live counts from the log; all of it while pairs are counted, else the latest window."""
        if self._counted:
            return
        self._grow_to(self._database.catalogue.count())
        added_s = self._database.catalogue.added_s()[: len(self.shelf)]  # stored, not yet met here
        self.live = Live(len(self.shelf), added_s, self._now_s)
        self.stages = self._composed()
        newest_s = min(self._database.log.totals(self._exclude).newest_s or 0.0, self._now_s())
        since_s = -np.inf if self._learned is None else newest_s - WINDOW_S
        pasts: dict[UserId, list[EventFeatures]] = {}
        for event in self._database.log.scan_since(since_s):
            if moves(event, self._exclude):
                past = pasts.setdefault(event.user, [])
                past.append(self._count(past, event))
                del past[:-RECENT]
        self._counted = True

    def _composed(self) -> Stages:
        if self._learned is None:
            return unlearned(self._signals, self.live, len(self.shelf))
        return self.composed(self._learned)

    def _take_in_bulk(self, fresh: Sequence[Event]) -> None:
        """Users when next asked for; counts now, or all anew when next needed if pairs count."""
        for event in fresh:
            self.histories.drop(event.user)
        if self._learned is None:
            self._counted = self._counted and not fresh
        else:
            for event in sorted(fresh, key=lambda e: e.time_s):
                if moves(event, self._exclude):
                    self._count((), event)

    def _is_late(self, event: Event, now: UserNow) -> bool:
        """Whether it comes before one that the user was moved by; the log counts those also that
        move nothing, as one of the year 2099, before which all others would be late.
        """
        newest_s = now.recent[-1].time_s if now.recent else -np.inf
        return moves(event, self._exclude) and event.time_s < newest_s

    def _fold(self, user: UserId, now: UserNow, events: Sequence[Event], head: Head) -> None:
        """Events that follow all the user had."""
        for event in sorted(events, key=lambda e: e.time_s):
            if moves(event, self._exclude):
                seen = self._count(now.recent, event)
                now.absorb(self.stages.models, seen, self.histories.hides(event))
        now.head = head
        self.histories.keep(user, now)
        self.histories.save(user, now, self.stages, self.artifact)

    def _count(self, past: Sequence[EventFeatures], event: Event) -> EventFeatures:
        seen = self.stages.features(event, self.shelf.row_of_event(event))
        for source in self.stages.counting:
            source.absorb(past, seen)
        return seen

    def _recount(self, user: UserId, before: Sequence[Event], after: Sequence[Event]) -> None:
        """One user's part of the counts is taken back and counted again; the state is folded."""
        if self._counted:
            seen = self.histories.features(self.stages, before)
            for source in self.stages.counting:
                source.retract(seen)
            past: list[EventFeatures] = []
            for event in after:
                past.append(self._count(past, event))
        self.histories.drop(user)
        if after:
            self.histories.save(user, self.user(user), self.stages, self.artifact)

    def _meet(self, events: Sequence[Event]) -> None:
        """Items exist since their first event."""
        items = list(dict.fromkeys(event.item for event in events if event.item is not None))
        self._grow(items)
        for event in events:
            row = self.shelf.row_of_event(event)
            if row >= 0:
                self.live.met(row, event.time_s)

    def _grow(self, items: Sequence[ItemId]) -> None:
        """Items met for the first time take their rows."""
        if any(self.shelf.row(item) is None for item in items):
            self._grow_to(self._database.catalogue.count())

    def _grow_to(self, size: int) -> None:
        first = len(self.shelf)
        if size <= first:
            return
        for row, item in enumerate(self._database.catalogue.all(first), start=first):
            self.shelf.put(row, item)
        self.live.grow(len(self.shelf))
        self.stages.grow(len(self.shelf))

    def _date_again(self, gone: Sequence[Event]) -> None:
        """Since when the items of lost events exist, where such an event was the first."""
        rows = {self.shelf.row_of_event(e) for e in gone if self._was_first(e)}
        if rows:
            chosen = sorted(rows)
            self.live.dates.put(np.array(chosen), self._database.catalogue.added_s(chosen))

    def _was_first(self, event: Event) -> bool:
        row = self.shelf.row_of_event(event)
        return row >= 0 and event.time_s <= self.live.added_s[row]
