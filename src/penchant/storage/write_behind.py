"""States answered from memory and written to disk later, in batches."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from penchant.core.contracts import Head, Stored
from penchant.core.errors import StorageError
from penchant.core.ids import UserId
from penchant.storage.states import SqlStates, head_of

_log: Final = logging.getLogger(__name__)

_ENTRY_BYTES: Final = 600
"""What an entry takes beside its payload; measured with tracemalloc, CPython 3.11."""
_FLUSH_MOST: Final = 2_000
"""States written in one transaction: bounds how long an append waits behind them."""


@dataclass(slots=True)
class _Entry:
    stored: Stored
    dirty: bool


class WriteBehindStates:
    """The least recently used states leave memory when they exceed `limit_bytes`.

    What kill -9 takes was only a cache: a state that comes back from disk carries its head, and
    one that is behind is folded again.
    """

    def __init__(
        self, kept: SqlStates, limit_bytes: int = 256 * 2**20, flush_every_s: float = 1.0
    ) -> None:
        self._kept = kept
        self._limit_bytes = limit_bytes
        self._flush_every_s = flush_every_s
        self._entries: OrderedDict[UserId, _Entry] = OrderedDict()
        self._bytes = 0
        self._dirty: dict[UserId, None] = {}
        self._forgotten = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._flush_now_and_then, name="penchant-states", daemon=True
        )
        self._thread.start()

    def read(self, user: UserId) -> Stored | None:
        """The state kept, or None."""
        with self._lock:
            entry = self._entries.get(user)
            if entry is not None:
                self._entries.move_to_end(user)
                return entry.stored
            forgotten = self._forgotten
        stored = self._kept.read(user)
        with self._lock:
            entry = self._entries.get(user)
            if entry is not None:
                return entry.stored
            if stored is None or forgotten != self._forgotten:
                return None
            self._hold(user, stored, dirty=False)
            self._evict()
        return stored

    def write(self, user: UserId, new: Stored, expected: Head | None) -> bool:
        """Keep `new` if the kept head is `expected`; on disk within about a second."""
        self.read(user)  # what is on disk counts too
        with self._lock:
            entry = self._entries.get(user)
            if head_of(entry.stored if entry else None) != expected:
                return False
            self._hold(user, new, dirty=True)
            self._evict()
            full = self._bytes > self._limit_bytes
        if full:  # of states that no disk has yet
            self._try_to_flush()
        return True

    def forget(self, user: UserId) -> None:
        """Drop the state from memory and disk."""
        self._drop(user)
        self._kept.forget(user)
        self._drop(user)

    def flush(self) -> None:
        """Put every state that is only in memory on disk."""
        for _ in range(1 + len(self._dirty) // _FLUSH_MOST):  # not for ever, while others write
            written = self._kept.write_all(self._waiting)
            with self._lock:
                for user, stored in written:
                    entry = self._entries.get(user)
                    if entry is not None and entry.stored is stored:
                        entry.dirty = False
                        self._dirty.pop(user, None)
                self._evict()

    def close(self) -> None:
        """Stop the background thread and flush."""
        self._stop.set()
        self._thread.join()
        self._try_to_flush()

    def _flush_now_and_then(self) -> None:
        while not self._stop.wait(self._flush_every_s):
            if self._dirty:
                self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except StorageError as error:  # they stay in memory, and are tried again or folded again
            _log.warning("states_not_flushed reason=%s", error)

    def _waiting(self) -> Sequence[tuple[UserId, Stored]]:
        """Some of the states to write; asked by the writer when it is their turn."""
        with self._lock:
            users = [user for user, _ in zip(self._dirty, range(_FLUSH_MOST), strict=False)]
            return [(user, self._entries[user].stored) for user in users]

    def _hold(self, user: UserId, stored: Stored, *, dirty: bool) -> None:
        before = self._entries.get(user)
        self._bytes += _size(user, stored) - (_size(user, before.stored) if before else 0)
        self._entries[user] = _Entry(stored, dirty)
        self._entries.move_to_end(user)
        if dirty:
            self._dirty[user] = None

    def _drop(self, user: UserId) -> None:
        with self._lock:
            self._forgotten += 1
            entry = self._entries.pop(user, None)
            self._dirty.pop(user, None)
            if entry is not None:
                self._bytes -= _size(user, entry.stored)

    def _evict(self) -> None:
        """Let the oldest clean states go until the rest fits."""
        if self._bytes <= self._limit_bytes:
            return
        leaving: list[UserId] = []
        for user, entry in self._entries.items():
            if self._bytes <= self._limit_bytes:
                break
            if not entry.dirty:
                leaving.append(user)
                self._bytes -= _size(user, entry.stored)
        for user in leaving:
            del self._entries[user]


def _size(user: UserId, stored: Stored) -> int:
    return len(stored.payload) + len(user) + _ENTRY_BYTES
