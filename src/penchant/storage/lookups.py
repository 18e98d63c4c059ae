"""Rows by many keys: a few statements of fixed sizes, which the driver keeps prepared."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

Key = TypeVar("Key", str, int, bytes)

_SIZES: Final = (1, 8, 64, 512)


def rows_where_in(
    connection: Connection, select: str, keys: Sequence[Key]
) -> Iterator[tuple[Any, ...]]:
    """Rows of `select`, which ends before its list of keys, as in `... WHERE item_id IN`."""
    remaining = iter(keys)
    while chunk := list(islice(remaining, _SIZES[-1])):
        size = next(size for size in _SIZES if len(chunk) <= size)
        chunk += [chunk[-1]] * (size - len(chunk))  # a key named twice finds its row once
        marks = ",".join("?" * size)
        for row in connection.exec_driver_sql(f"{select} ({marks})", tuple(chunk)):
            yield tuple(row)
