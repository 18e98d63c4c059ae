"""The whole log as columns in fold order: what training and evaluation read."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from penchant.core.events import EventColumns, as_float32
from penchant.core.ids import ItemId, UserId

_CHUNK: Final = 100_000


def read_columns(
    connection: Connection, exclude_flags: frozenset[str], until_s: float | None
) -> EventColumns:
    """Events at or before `until_s` without `exclude_flags`, sorted by (time, cursor)."""
    items = [
        ItemId(item) for (item,) in _rows(connection, "SELECT item_id FROM items ORDER BY iid")
    ]
    names: dict[int, UserId] = dict(_rows(connection, "SELECT uid, user_id FROM users"))
    codes: dict[str, int] = {}
    parts = [
        _part(chunk, codes)
        for chunk in _chunks(connection, *_query(_flag_texts(connection, exclude_flags), until_s))
    ]
    if not parts:
        parts = [_part((), codes)]
    uid, row, kind, value, time_s = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(time_s, kind="stable")  # read by cursor: equal times stay in log order
    present, user = np.unique(uid[order], return_inverse=True)
    return EventColumns(
        user=user.astype(np.int32),
        row=row[order],
        type=kind[order],
        value=value[order],
        time_s=time_s[order],
        users=[names[number] for number in present.tolist()],
        items=items,
        types=list(codes),
    )


def _query(flag_texts: Sequence[str], until_s: float | None) -> tuple[str, tuple[str | float, ...]]:
    """The select and its values; rows whose flags read as one of `flag_texts` are left out."""
    wheres = [f"flags NOT IN ({','.join('?' * len(flag_texts))})"] if flag_texts else []
    wheres += ["time_s <= ?"] if until_s is not None else []
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    values = (*flag_texts, *(() if until_s is None else (until_s,)))
    return (
        "SELECT uid, coalesce(iid, 0) - 1, type, value, time_s FROM events NOT INDEXED"
        f"{where} ORDER BY cursor",
        values,
    )


def _flag_texts(connection: Connection, exclude_flags: frozenset[str]) -> Sequence[str]:
    """Every distinct flags text of the log that names one of `exclude_flags`."""
    if not exclude_flags:
        return ()
    found = _rows(connection, "SELECT DISTINCT flags FROM events")
    return [text for (text,) in found if not exclude_flags.isdisjoint(text.split())]


def _part(
    rows: Sequence[tuple[Any, ...]], codes: dict[str, int]
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int16],
    NDArray[np.float32],
    NDArray[np.float64],
]:
    """Rows as columns; types met for the first time get the next code."""
    uid, row, kinds, value, time_s = zip(*rows, strict=True) if rows else ((),) * 5
    for kind in dict.fromkeys(kinds):
        codes.setdefault(kind, len(codes))
    return (
        np.array(uid, np.int64),
        np.array(row, np.int32),
        np.array([codes[kind] for kind in kinds], np.int16),
        as_float32(np.array(value, np.float64)),  # None becomes NaN
        np.array(time_s, np.float64),
    )


def _chunks(
    connection: Connection, query: str, values: tuple[str | float, ...]
) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Bare tuples in large pieces; SQLAlchemy's rows would take twice the time."""
    cursor = connection.exec_driver_sql(query, values).cursor
    while cursor is not None and (rows := cursor.fetchmany(_CHUNK)):
        yield rows


def _rows(connection: Connection, query: str) -> Sequence[tuple[Any, ...]]:
    return [row for chunk in _chunks(connection, query, ()) for row in chunk]
