"""Users in SQL: what is told of them, and the events that speak of them in numbers."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from penchant.core.events import ContextValue
from penchant.core.ids import Cursor, UserId
from penchant.storage.connections import Readers
from penchant.storage.schema import events, users
from penchant.storage.writer import Writer

_DECODE: Final[Callable[[str], dict[str, ContextValue]]] = msgspec.json.Decoder(
    dict[str, ContextValue]
).decode
_PUT: Final = (
    "INSERT INTO users (user_id, attributes) VALUES (?, ?)"
    " ON CONFLICT (user_id) DO UPDATE SET attributes = excluded.attributes"
)
_GET: Final = select(
    users.c.attributes,
    users.c.events,
    select(func.min(events.c.time_s)).where(events.c.uid == users.c.uid).scalar_subquery(),
    users.c.newest_s,
    users.c.last_cursor,
).where(users.c.user_id == bindparam("user_id"))


class Person(NamedTuple):
    """One user who was met in an event, or told of."""

    attributes: Mapping[str, ContextValue] | None
    """None: nobody told of any."""
    events: int
    oldest_s: float | None
    newest_s: float | None
    cursor: Cursor


class SqlPeople:
    """What is told of users beside their events; erased with the user by the log."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    def put(self, user: UserId, attributes: Mapping[str, ContextValue]) -> None:
        """What is known of `user` from now on, in place of what was; durable when it returns."""
        told = msgspec.json.encode(attributes).decode()

        def work(connection: Connection) -> None:
            connection.exec_driver_sql(_PUT, (user, told))

        self._writer.run(work)

    def get(self, user: UserId) -> Person | None:
        """The user; None: never met, or erased."""
        with self._readers.reading() as connection:
            found = connection.execute(_GET, {"user_id": user}).one_or_none()
        if found is None:
            return None
        told, count, oldest_s, newest_s, cursor = found
        attributes = None if told is None else _DECODE(told)
        return Person(attributes, count, oldest_s, newest_s, Cursor(cursor))
