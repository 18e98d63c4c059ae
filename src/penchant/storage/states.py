"""States by user: in memory, and in SQL."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from penchant.core.contracts import Head, Stored
from penchant.core.ids import ArtifactId, Cursor, UserId
from penchant.storage.connections import Readers
from penchant.storage.schema import states, users
from penchant.storage.writer import Writer

_READ: Final = (
    select(states.c.artifact, states.c.cursor, states.c.revision, states.c.payload)
    .join(users)
    .where(users.c.user_id == bindparam("user_id"))
)
_WRITE: Final = (
    "INSERT INTO states (uid, artifact, cursor, revision, payload)"
    " SELECT uid, ?, ?, ?, ? FROM users WHERE user_id = ?"
    " ON CONFLICT (uid) DO UPDATE SET artifact = excluded.artifact, cursor = excluded.cursor,"
    " revision = excluded.revision, payload = excluded.payload"
)


class MemoryStates:
    """States that live as long as the process."""

    def __init__(self) -> None:
        self._kept: dict[UserId, Stored] = {}
        self._lock = threading.Lock()

    def read(self, user: UserId) -> Stored | None:
        """The state kept, or None."""
        return self._kept.get(user)

    def write(self, user: UserId, new: Stored, expected: Head | None) -> bool:
        """Keep `new` if the kept head is `expected`."""
        with self._lock:
            if head_of(self._kept.get(user)) != expected:
                return False
            self._kept[user] = new
            return True

    def forget(self, user: UserId) -> None:
        """Drop the state."""
        with self._lock:
            self._kept.pop(user, None)


class SqlStates:
    """States beside the log.

    A user whom the log does not know keeps none: a write that comes after an erasure must not
    bring the user back.
    """

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    def read(self, user: UserId) -> Stored | None:
        """The state kept, or None."""
        with self._readers.reading() as connection:
            return _read(connection, user)

    def write(self, user: UserId, new: Stored, expected: Head | None) -> bool:
        """Keep `new` if the kept head is `expected`; False also for a user without events."""

        def work(connection: Connection) -> bool:
            if head_of(_read(connection, user)) != expected:
                return False
            return _write(connection, [(user, new)]) == 1

        return self._writer.run(work)

    def write_all(
        self, waiting: Callable[[], Sequence[tuple[UserId, Stored]]]
    ) -> Sequence[tuple[UserId, Stored]]:
        """Keep what `waiting` gives when the writer gets there, whatever was kept before."""

        def work(connection: Connection) -> Sequence[tuple[UserId, Stored]]:
            batch = waiting()
            if batch:
                _write(connection, batch)
            return batch

        return self._writer.run(work)

    def forget(self, user: UserId) -> None:
        """Drop the state."""
        uid = select(users.c.uid).where(users.c.user_id == user).scalar_subquery()
        self._writer.run(
            lambda connection: connection.execute(delete(states).where(states.c.uid == uid))
        )


def head_of(stored: Stored | None) -> Head | None:
    """The head of a state that may be absent."""
    return None if stored is None else stored.head


def _read(connection: Connection, user: UserId) -> Stored | None:
    found = connection.execute(_READ, {"user_id": user}).one_or_none()
    if found is None:
        return None
    artifact = None if found.artifact is None else ArtifactId(found.artifact)
    return Stored(artifact, Head(Cursor(found.cursor), found.revision), found.payload)


def _write(connection: Connection, batch: Sequence[tuple[UserId, Stored]]) -> int:
    return connection.exec_driver_sql(
        _WRITE,
        [
            (new.artifact, new.head.cursor, new.head.revision, new.payload, user)
            for user, new in batch
        ],
    ).rowcount
