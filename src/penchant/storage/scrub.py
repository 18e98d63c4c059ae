"""Erasure to the last byte: empty the write-ahead log and zero what SQLite left between cells.

`secure_delete` zeroes what is deleted, but a page that SQLite rebuilt while balancing a tree may
keep old copies of cells in its unallocated space, the gap between the cell pointers and the cells
(measured 2026-07: about 1 entry of 4,000, SQLite 3.40). No statement short of VACUUM clears them,
and VACUUM costs the whole file. Nothing reads the gap, so zeroing it changes nothing else.
File format: https://www.sqlite.org/fileformat2.html, section 1.6.
"""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from penchant.storage.writer import truncate_wal

OWED: Final = "scrub_owed"
"""Key of the meta table: from an erasure on until a cleaning has left nothing."""
_READ_BYTES: Final = 4 * 2**20
_TREE_PAGES: Final = {2: 12, 5: 12, 10: 8, 13: 8}
"""Length of the page header by page type: interior index and table, leaf index and table."""
_MOST_PAGES: Final = 2 << 24
"""Below it no other page starts like one of a tree: they start with a page number, big-endian."""


class Scrubber:
    """Cleans one file; the file stays open to the end.

    Closing any descriptor of a file drops all POSIX locks that the process has on it, SQLite's
    among them: `close` comes after the last connection is closed.
    """

    def __init__(self, path: Path) -> None:
        self._wal = path.with_name(path.name + "-wal")
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def scrub(self, connection: sqlite3.Connection) -> Sequence[str]:
        """Clean on the writer's connection; sentences on what could not be cleaned.

        Where there are none, nothing is owed any more.
        """
        try:
            if not truncate_wal(connection, wait_ms=500):
                return [
                    f"{self._wal.name} holds old pages while a long read goes on; erase again "
                    "after it"
                ]
            connection.execute("BEGIN IMMEDIATE").close()  # nobody else may write or checkpoint
            try:
                left = self._zero_gaps(connection)
            finally:
                connection.execute("ROLLBACK").close()
                connection.execute("PRAGMA shrink_memory").close()  # cached pages have old gaps
            if not left:
                connection.execute("DELETE FROM meta WHERE key = ?", (OWED,)).close()
            return left
        except (sqlite3.Error, OSError) as error:
            return [f"unused space inside the database may hold traces, cleaning failed: {error}"]

    def _zero_gaps(self, connection: sqlite3.Connection) -> Sequence[str]:
        ((page_bytes,),) = connection.execute("PRAGMA page_size").fetchall()
        ((vacuum,),) = connection.execute("PRAGMA auto_vacuum").fetchall()
        size = os.fstat(self._file).st_size
        if vacuum or size // page_bytes >= _MOST_PAGES:
            return [
                "unused space inside the database may hold traces until it is rewritten (VACUUM)"
            ]
        if self._wal.stat().st_size:
            return [f"{self._wal.name} was written to by another program while it was emptied"]
        step = _READ_BYTES // page_bytes * page_bytes
        for start in range(0, size, step):
            data = os.pread(self._file, step, start)
            for offset in range(0, len(data) - page_bytes + 1, page_bytes):
                first, last = gap(data, offset, page_bytes, 100 if start + offset == 0 else 0)
                if data.count(0, first, last) != last - first:
                    os.pwrite(self._file, bytes(last - first), start + first)
        os.fsync(self._file)
        return []


def gap(data: bytes, offset: int, page_bytes: int, skip: int = 0) -> tuple[int, int]:
    """Where in `data` the unallocated space of the page at `offset` begins and ends.

    `skip` is the length of the file header on the first page. A page of no tree has none.

    >>> page = bytes([13, 0, 0, 0, 1, 0, 60, 0, 0, 60]) + bytes(54)
    >>> gap(page, 0, 64)
    (10, 60)
    >>> gap(bytes(64), 0, 64)
    (0, 0)
    """
    head = offset + skip
    length = _TREE_PAGES.get(data[head])
    if length is None:
        return offset, offset
    cells = int.from_bytes(data[head + 3 : head + 5], "big")
    content = int.from_bytes(data[head + 5 : head + 7], "big") or 65_536
    first, last = head + length + 2 * cells, offset + content
    return (first, last) if first <= last <= offset + page_bytes else (offset, offset)
