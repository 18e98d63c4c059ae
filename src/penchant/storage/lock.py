"""One process per file: a lock that names its holder and dies with it."""

import fcntl
import os
import weakref
from pathlib import Path

from penchant.core.errors import StorageError, StorageLockedError


class FileLock:
    """Holds `<db>.lock` from construction to `release`; the kernel drops it after kill -9."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file: int | None = _locked(self._path, database)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        mine = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _leave_to_parent(mine))

    def release(self) -> None:
        """Remove the file and let the next process in."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)  # before the unlock: never remove another's lock
            os.close(self._file)
            self._file = None

    def leave_to_parent(self) -> None:
        """In a forked child: let go of the copy, or the lock would outlive the parent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _leave_to_parent(held: "weakref.ref[FileLock]") -> None:
    lock = held()
    if lock is not None:
        lock.leave_to_parent()


def _locked(path: Path, database: Path) -> int:
    """A descriptor of `path` with the lock held."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be created: {error.strerror}; "
                "the folder of the database must be writable"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise StorageLockedError(
                f"{database} is in use by process {holder}; "
                "ask that process (a running server answers over HTTP), or stop it first"
            ) from None
        if _is_at(file, path):
            return file
        os.close(file)  # its holder removed it between our open and our lock


def _is_at(file: int, path: Path) -> bool:
    """Whether `path` still names the open `file`."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
