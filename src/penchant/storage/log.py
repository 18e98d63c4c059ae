"""The event log in SQL: the truth of what happened, durable before acknowledged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from penchant.core.contracts import Appended, Head, Receipt
from penchant.core.errors import InvalidEventError
from penchant.core.events import ContextValue, Event, EventColumns
from penchant.core.ids import START, ArtifactId, Cursor, EventId, ItemId, UserId
from penchant.storage.append import append_events, last_cursor, refuse_unstorable, seal
from penchant.storage.columns import read_columns
from penchant.storage.connections import Readers
from penchant.storage.schema import events as table
from penchant.storage.schema import items, meta, states, tombstones, users
from penchant.storage.scrub import OWED, Scrubber
from penchant.storage.writer import Writer

_CONTEXT: Final = msgspec.json.Decoder(dict[str, ContextValue])
_CHUNK: Final = 5_000
"""Events per read of a scan: between two of them no snapshot is held."""

_SCRUBS: Final = 10
"""Attempts of half a second each to clean while somebody reads."""

_EVENTS: Final = select(
    table.c.cursor,
    users.c.user_id,
    table.c.type,
    table.c.time_s,
    items.c.item_id,
    table.c.value,
    table.c.event_id,
    table.c.words,
    table.c.context,
    table.c.flags,
).select_from(table.join(users).outerjoin(items))
_AFTER: Final = (
    _EVENTS.where(table.c.cursor > bindparam("after")).order_by(table.c.cursor).limit(_CHUNK)
)
_SAME_TIME: Final = (
    _EVENTS.where(table.c.time_s == bindparam("time_s"), table.c.cursor > bindparam("after"))
    .order_by(table.c.cursor)
    .limit(_CHUNK)
)
_LATER: Final = (
    _EVENTS.where(table.c.time_s > bindparam("time_s"))
    .order_by(table.c.time_s, table.c.cursor)
    .limit(_CHUNK)
)
_OF_USER: Final = _EVENTS.where(table.c.uid == bindparam("uid")).order_by(
    table.c.time_s, table.c.cursor
)
_BY_ID: Final = _EVENTS.where(table.c.event_id == bindparam("event_id"))
_ANY: Final = select(table.c.cursor).limit(1)
_UNDONE: Final = select(tombstones.c.digest).where(tombstones.c.reason == "undone").limit(1)
_USER: Final = select(users.c.uid, users.c.last_cursor, users.c.revision).where(
    users.c.user_id == bindparam("user_id")
)


class UserCount(NamedTuple):
    """One line of the list of users."""

    user: UserId
    events: int
    newest_s: float


class Totals(NamedTuple):
    """The log in numbers."""

    events: int
    users: int
    """Those with an event."""
    items: int
    oldest_s: float | None
    """Of the events that move anything; None where there is none."""
    newest_s: float | None
    flags: Mapping[str, int]
    types: Mapping[str, int]


class SqlEventLog:
    """Events, users and tombstones of one database."""

    def __init__(self, readers: Readers, writer: Writer, scrubber: Scrubber, key: bytes) -> None:
        self._readers = readers
        self._writer = writer
        self._scrubber = scrubber
        self._key = key

    def append(self, events: Sequence[Event]) -> Appended:
        """Store events that carry ids, once each, all or none; durable when it returns."""
        refuse_unstorable(events)
        try:
            return self._writer.run(lambda connection: append_events(connection, events, self._key))
        except UnicodeEncodeError as error:
            raise InvalidEventError(f"text that is not Unicode: {error.reason}") from error

    def scan(self, after: Cursor = START) -> Iterator[tuple[Cursor, Event]]:
        """Every event after `after`, in log order, including those appended meanwhile."""
        while chunk := self._read(_AFTER, after=after):
            yield from chunk
            after = chunk[-1][0]

    def scan_since(self, time_s: float) -> Iterator[Event]:
        """Events of `time_s` and later in fold order, (time, cursor)."""
        after = START
        while True:
            chunk = self._read(_SAME_TIME, time_s=time_s, after=after)
            if not chunk:
                chunk = self._read(_LATER, time_s=time_s)
            if not chunk:
                return
            yield from (event for _, event in chunk)
            after, time_s = chunk[-1][0], chunk[-1][1].time_s

    def history(self, user: UserId) -> tuple[Head, Sequence[Event]]:
        """One user's events in fold order: (time, cursor)."""
        with self._readers.reading() as connection:
            found = connection.execute(_USER, {"user_id": user}).one_or_none()
            if found is None:
                return Head(START, 0), []
            rows = connection.execute(_OF_USER, {"uid": found.uid}).all()
        head = Head(Cursor(found.last_cursor), found.revision)
        return head, [_event(row)[1] for row in rows]

    def head(self, user: UserId) -> Head:
        """Where that user's history stands; the beginning for a stranger."""
        with self._readers.reading() as connection:
            found = connection.execute(_USER, {"user_id": user}).one_or_none()
        return Head(START, 0) if found is None else Head(Cursor(found.last_cursor), found.revision)

    def get(self, event: EventId) -> Event | None:
        """The event, or None."""
        found = self._read(_BY_ID, event_id=event)
        return found[0][1] if found else None

    def cursor(self) -> Cursor:
        """The highest cursor ever given."""
        with self._readers.reading() as connection:
            return Cursor(last_cursor(connection))

    def has_undone(self) -> bool:
        """Whether any event was ever undone."""
        with self._readers.reading() as connection:
            return bool(connection.execute(_UNDONE).all())

    def check(self) -> None:
        """Raise `StorageError` where the log cannot be read, or is not written any more."""
        self._writer.check()
        with self._readers.reading() as connection:
            connection.execute(_ANY).all()

    def remove(self, event: EventId) -> UserId | None:
        """Undo: take the event out for good and say whose it was; None: no such event."""
        return self._writer.run(lambda connection: _remove(connection, event, self._key))

    def erase(self, user: UserId, artifacts: Sequence[ArtifactId] = ()) -> Receipt:
        """Leave no byte of the user in the file or its write-ahead log.

        The caller has the states that it holds in memory forgotten, and names the `artifacts`
        that were trained with the user's events.
        """
        count, kept = self._writer.run(lambda connection: _erase(connection, user, self._key))
        return Receipt(user, count, kept, artifacts, self._scrubbed())

    def finish_erasures(self) -> Sequence[str] | None:
        """Clean where an erasure could not, or was cut off; what is left of it, None: none was."""
        query = select(meta.c.value).where(meta.c.key == OWED)
        with self._readers.reading() as connection:
            owed = connection.execute(query).scalar() is not None
        return self._scrubbed() if owed else None

    def users(self, limit: int = 100, offset: int = 0) -> Sequence[UserCount]:
        """Users with events, most events first."""
        query = (
            select(users.c.user_id, users.c.events, users.c.newest_s)
            .where(users.c.events > 0)
            .order_by(users.c.events.desc(), users.c.uid)
            .limit(limit)
            .offset(offset)
        )
        with self._readers.reading() as connection:
            return [UserCount(*row) for row in connection.execute(query)]

    def totals(self, exclude_flags: frozenset[str] = frozenset()) -> Totals:
        """The log in numbers; events with any of `exclude_flags` count, but not for the times."""
        with self._readers.reading() as connection:
            met, known = connection.execute(
                select(
                    select(func.count()).where(users.c.events > 0).scalar_subquery(),
                    select(func.count(items.c.iid)).scalar_subquery(),
                )
            ).one()
            times = (func.min(table.c.time_s), func.max(table.c.time_s))
            groups = connection.execute(
                select(table.c.type, table.c.flags, func.count(), *times).group_by(
                    table.c.type, table.c.flags
                )
            ).all()
        flags: dict[str, int] = {}
        types: dict[str, int] = {}
        span_s: list[float] = []
        for name, flagged, count, first_s, last_s in groups:
            if exclude_flags.isdisjoint(flagged.split()):
                span_s += [first_s, last_s]
            types[name] = types.get(name, 0) + count
            for flag in flagged.split():
                flags[flag] = flags.get(flag, 0) + count
        total = sum(types.values())
        oldest_s, newest_s = min(span_s, default=None), max(span_s, default=None)
        return Totals(total, met, known, oldest_s, newest_s, flags, types)

    def columns(
        self, exclude_flags: frozenset[str] = frozenset(), until_s: float | None = None
    ) -> EventColumns:
        """All events at or before `until_s` without any of `exclude_flags`, in fold order.

        `items` is the whole catalogue by row; `users` are those with an event here.
        """
        with self._readers.reading() as connection:
            return read_columns(connection, exclude_flags, until_s)

    def _scrubbed(self) -> Sequence[str]:
        remains: Sequence[str] = ()
        for _ in range(_SCRUBS):  # with appends between them, while a long read is in the way
            remains = self._writer.run_alone(self._scrubber.scrub)
            if not remains:
                break
        return remains

    def _read(self, query: Select[Any], **values: object) -> Sequence[tuple[Cursor, Event]]:
        with self._readers.reading() as connection:
            rows = connection.execute(query, values).all()
        return [_event(row) for row in rows]


def _event(row: Sequence[Any]) -> tuple[Cursor, Event]:
    cursor, user, kind, time_s, item, value, event_id, words, context, flags = row
    event = Event(
        user=UserId(user),
        type=kind,
        time_s=time_s,
        item=None if item is None else ItemId(item),
        value=value,
        id=EventId(event_id),
        words=words,
        context=_CONTEXT.decode(context) if context else {},
        flags=tuple(flags.split(" ")) if flags else (),
    )
    return Cursor(cursor), event


def _remove(connection: Connection, event: EventId, key: bytes) -> UserId | None:
    found = connection.execute(
        select(table.c.cursor, users.c.uid, users.c.user_id)
        .join(users)
        .where(table.c.event_id == event)
    ).one_or_none()
    if found is None:
        return None
    connection.execute(delete(table).where(table.c.cursor == found.cursor))
    connection.execute(insert(tombstones).values(digest=seal(key, event), reason="undone"))
    newest_s = select(func.max(table.c.time_s)).where(table.c.uid == found.uid).scalar_subquery()
    connection.execute(
        update(users)
        .where(users.c.uid == found.uid)
        .values(
            revision=users.c.revision + 1,
            events=users.c.events - 1,
            newest_s=newest_s,
        )
    )
    return UserId(found.user_id)


def _erase(connection: Connection, user: UserId, key: bytes) -> tuple[int, int]:
    """Delete what is the user's, and owe a cleaning; how many events and states that were."""
    uid = connection.execute(select(users.c.uid).where(users.c.user_id == user)).scalar()
    if uid is None:
        return 0, 0
    ids = connection.execute(select(table.c.event_id).where(table.c.uid == uid)).scalars().all()
    if ids:
        seals: Sequence[Mapping[str, Any]] = [
            {"digest": seal(key, event), "reason": "erased"} for event in ids
        ]
        connection.execute(insert(tombstones), seals)
    connection.execute(delete(table).where(table.c.uid == uid))
    kept = connection.execute(delete(states).where(states.c.uid == uid)).rowcount
    connection.execute(delete(users).where(users.c.uid == uid))
    connection.execute(insert(meta).prefix_with("OR REPLACE").values(key=OWED, value="1"))
    return len(ids), kept
