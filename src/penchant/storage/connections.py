"""Connections to one file: a pool that reads and one that writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from penchant.storage.failures import storage_error

_SHARED: Final = ("busy_timeout = 10000", "foreign_keys = ON", "temp_store = MEMORY")
_WRITER: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "wal_autocheckpoint = 0",  # the writer checkpoints itself, between answers
    "cache_size = -16384",  # 16 MiB; beyond it the system's own cache answers in microseconds
)
_READER: Final = ("query_only = ON", "cache_size = -8192")


def writing_engine(path: Path) -> Engine:
    """For the one connection that writes."""
    return _engine(path, (*_SHARED, *_WRITER), "BEGIN IMMEDIATE", pool_size=1, max_overflow=0)


class Readers:
    """Short reads, each on one snapshot; a long scan is many of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _engine(path, (*_SHARED, *_READER), "BEGIN", pool_size=8, max_overflow=56)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose statements all see the same moment."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise storage_error(error, self._path) from error

    def close(self) -> None:
        """Close the pool."""
        self._engine.dispose()


def _engine(
    path: Path, pragmas: tuple[str, ...], begin: str, *, pool_size: int, max_overflow: int
) -> Engine:
    """An engine that says BEGIN itself: pysqlite would begin late, and never for reads."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=None,  # whoever comes when all are in use waits for the first that is not
    )

    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine
