"""The hot path: events into the log, once each, in a handful of prepared statements."""

import hmac
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from penchant.core.contracts import Appended
from penchant.core.errors import EventTimeError, InvalidEventError
from penchant.core.events import Event
from penchant.core.ids import Cursor, EventId
from penchant.storage.catalogue import met, storable
from penchant.storage.lookups import rows_where_in

_INSERT_EVENT: Final = (
    "INSERT INTO events"
    " (cursor, event_id, uid, iid, type, value, time_s, words, context, flags)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_USER: Final = (
    "UPDATE users SET revision = revision + ?, last_cursor = ?, newest_s = ?, events = events + ?"
    " WHERE uid = ?"
)


@dataclass(slots=True)
class _Touched:
    """One user while events are appended."""

    uid: int
    newest_s: float | None
    last_cursor: int = 0
    late: int = 0
    added: int = 0

    def add(self, cursor: int, time_s: float) -> bool:
        """Count one event; whether it is older than one already there."""
        late = self.newest_s is not None and time_s < self.newest_s
        self.newest_s = time_s if self.newest_s is None else max(self.newest_s, time_s)
        self.last_cursor = cursor
        self.late += late
        self.added += 1
        return late


def seal(key: bytes, event: str) -> bytes:
    """What a tombstone keeps of an event id: enough to know it again, not to name it."""
    return hmac.digest(key, event.encode(), "sha256")


def refuse_unstorable(events: Iterable[Event]) -> None:
    """Raise for what could not be read back as it was written."""
    for event in events:
        if not event.id:
            raise InvalidEventError(f"an event of type {event.type!r} has no id; ingest gives ids")
        if not math.isfinite(event.time_s):
            raise EventTimeError(f"event {event.id!r} has time {event.time_s}; it must be finite")
        if event.value is not None and not math.isfinite(event.value):
            raise InvalidEventError(
                f"event {event.id!r} has value {event.value}; it must be finite"
            )
        for name, fact in event.context.items():
            if not storable(fact):
                raise InvalidEventError(
                    f"event {event.id!r} has context {name!r} = {fact!r}; allowed are text, "
                    "finite numbers, true and false"
                )


def append_events(connection: Connection, events: Sequence[Event], key: bytes) -> Appended:
    """Store what is new of `events`; the caller commits."""
    ids = [EventId(event.id or "") for event in events]
    cursor = last_cursor(connection)
    seen = _stored(connection, ids)
    barred = _barred(connection, ids, key)
    new: list[bool] = []
    for each in ids:
        new.append(each not in seen and each not in barred)
        seen.add(each)
    fresh = [event for event, is_new in zip(events, new, strict=True) if is_new]
    late = iter(_insert(connection, fresh, cursor) if fresh else ())
    return Appended(
        ids=ids,
        new=new,
        undone=[each in barred for each in ids],
        late=[is_new and next(late) for is_new in new],
        cursor=Cursor(cursor + len(fresh)),
    )


def last_cursor(connection: Connection) -> int:
    """The highest cursor ever given, whether its event still exists or not."""
    found = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
    return int(found.scalar() or 0)


def _stored(connection: Connection, ids: Sequence[EventId]) -> set[str]:
    select = "SELECT event_id FROM events WHERE event_id IN"
    return {event for (event,) in rows_where_in(connection, select, ids)}


def _barred(connection: Connection, ids: Sequence[EventId], key: bytes) -> set[str]:
    """The ids among `ids` that have a tombstone."""
    if not connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM tombstones)").scalar():
        return set()
    by_digest = {seal(key, event): event for event in ids}
    select = "SELECT digest FROM tombstones WHERE digest IN"
    return {by_digest[digest] for (digest,) in rows_where_in(connection, select, list(by_digest))}


def _insert(connection: Connection, events: Sequence[Event], cursor: int) -> Sequence[bool]:
    """Write events known to be new after `cursor`; whether each is late."""
    users = _users(connection, events)
    named = (event.item for event in events if event.item is not None)
    items: Mapping[str | None, int] = met(connection, named)
    late: list[bool] = []
    rows: list[tuple[Any, ...]] = []
    for number, event in enumerate(events, start=cursor + 1):
        user = users[event.user]
        late.append(user.add(number, event.time_s))
        rows.append(
            (
                number,
                event.id,
                user.uid,
                items.get(event.item),
                event.type,
                event.value,
                event.time_s,
                event.words,
                msgspec.json.encode(event.context).decode() if event.context else None,
                " ".join(event.flags),
            )
        )
    connection.exec_driver_sql(_INSERT_EVENT, rows)
    connection.exec_driver_sql(
        _UPDATE_USER,
        [(u.late, u.last_cursor, u.newest_s, u.added, u.uid) for u in users.values()],
    )
    return late


def _users(connection: Connection, events: Sequence[Event]) -> dict[str, _Touched]:
    """The users of `events`, met now if never before."""
    wanted = list(dict.fromkeys(event.user for event in events))
    found = _known_users(connection, wanted)
    missing = [user for user in wanted if user not in found]
    if missing:
        connection.exec_driver_sql(
            "INSERT INTO users (user_id) VALUES (?)", [(user,) for user in missing]
        )
        found |= _known_users(connection, missing)
    return found


def _known_users(connection: Connection, users: Sequence[str]) -> dict[str, _Touched]:
    select = "SELECT user_id, uid, newest_s FROM users WHERE user_id IN"
    rows = rows_where_in(connection, select, users)
    return {user: _Touched(uid, newest_s) for user, uid, newest_s in rows}
