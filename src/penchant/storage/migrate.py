"""Bring a file to this version's schema, or refuse one that is newer or not ours."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from penchant.core.errors import StorageError, StorageVersionError

APPLICATION_ID: Final = 0x50454E43
"""`PENC` in the header of the file: what makes it ours."""
HEAD: Final = "0002"
"""The schema that this version reads and writes."""
_CHOOSE: Final = "name another file, or move this one away"


def refuse_foreign(path: Path) -> None:
    """Raise StorageVersionError unless the file at `path` is absent, empty, or ours."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            (mark,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        raise StorageError(f"{path} cannot be opened: {error}; {_CHOOSE}") from error
    except sqlite3.DatabaseError as error:
        raise StorageVersionError(f"{path} is not a SQLite database; {_CHOOSE}") from error
    if tables and mark != APPLICATION_ID:
        raise StorageVersionError(f"{path} is the database of another program; {_CHOOSE}")


def bring_to_head(connection: Connection, path: Path) -> None:
    """Run the missing migrations inside the caller's transaction."""
    present = None
    if inspect(connection).has_table("alembic_version"):
        present = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if present == HEAD:
        return  # as nearly always, and without the library that migrates: a sixth of a start
    from penchant.storage.upgrade import known, upgrade  # noqa: PLC0415

    if present is not None and present not in known():
        raise StorageVersionError(
            f"{path} has schema {present}, this version knows up to {HEAD}; "
            "open it with the newer version that wrote it, or upgrade this one"
        )
    upgrade(connection, HEAD)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
