"""One file, opened: the log, the catalogue, the states and the artifacts that belong together."""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, insert, select

from penchant.core.contracts import Receipt
from penchant.core.ids import ArtifactId, UserId
from penchant.storage.artifacts import ArtifactStore
from penchant.storage.catalogue import SqlCatalogue
from penchant.storage.connections import Readers
from penchant.storage.lock import FileLock
from penchant.storage.log import SqlEventLog
from penchant.storage.migrate import bring_to_head, refuse_foreign
from penchant.storage.people import SqlPeople
from penchant.storage.schema import meta
from penchant.storage.scrub import Scrubber
from penchant.storage.states import SqlStates
from penchant.storage.write_behind import WriteBehindStates
from penchant.storage.writer import Writer

_KEY: Final = "tombstone_key"


@dataclass(frozen=True)
class Database:
    """Everything durable of one engine; close it, or use it in a `with`."""

    path: Path
    log: SqlEventLog
    catalogue: SqlCatalogue
    people: SqlPeople
    states: WriteBehindStates
    artifacts: ArtifactStore
    _opened: ExitStack = field(repr=False)

    def erase(self, user: UserId, artifacts: Sequence[ArtifactId] = ()) -> Receipt:
        """Erase the user from the log, and the state from memory and disk."""
        held = self.states.read(user) is not None
        self.states.forget(user)
        receipt = self.log.erase(user, artifacts)
        return receipt._replace(states=max(receipt.states, int(held)))

    def close(self) -> None:
        """Flush, fold the write-ahead log into the file, and let the next process in."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_database(
    path: Path, state_bytes: int = 256 * 2**20, flush_every_s: float = 1.0
) -> Database:
    """Open the database at `path`, making it if there is none; at most one process may.

    `state_bytes` bounds the states held in memory, `flush_every_s` is how often they are written.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opening:
        lock = FileLock(path)
        opening.callback(lock.release)
        refuse_foreign(path)
        path.touch()
        scrubber = Scrubber(path)
        opening.callback(scrubber.close)
        writer = Writer(path)
        opening.callback(writer.close)
        key = writer.run(lambda connection: _prepared(connection, path))
        readers = Readers(path)
        opening.callback(readers.close)
        states = WriteBehindStates(SqlStates(readers, writer), state_bytes, flush_every_s)
        opening.callback(states.close)
        log = SqlEventLog(readers, writer, scrubber, key)
        log.finish_erasures()
        return Database(
            path=path,
            log=log,
            catalogue=SqlCatalogue(readers, writer),
            people=SqlPeople(readers, writer),
            states=states,
            artifacts=ArtifactStore(path.with_name(path.name + ".artifacts")),
            _opened=opening.pop_all(),
        )


def _prepared(connection: Connection, path: Path) -> bytes:
    """Migrate; the key of the tombstones, made once."""
    bring_to_head(connection, path)
    key = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    if key is None:
        key = secrets.token_hex(32)
        connection.execute(insert(meta).values(key=_KEY, value=key))
    return bytes.fromhex(key)
