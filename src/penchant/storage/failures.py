"""What SQLite reports, said in our words: what, which file, what to do."""

from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from penchant.core.errors import StorageError, StorageFullError

_FULL: Final = frozenset({13, 778, 4874})
"""SQLITE_FULL; SQLITE_IOERR_WRITE (file size limit, quota); SQLITE_IOERR_SHMSIZE."""


def storage_error(error: DBAPIError, path: Path) -> StorageError:
    """The error to raise instead of SQLite's."""
    if getattr(error.orig, "sqlite_errorcode", 0) in _FULL:
        return StorageFullError(
            f"{path} cannot grow: the disk, a quota or a size limit is full ({error.orig}); "
            "nothing of this call was stored; free some space there and send it again"
        )
    return StorageError(f"{path}: {error.orig}; nothing of this call was stored")
