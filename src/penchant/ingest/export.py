"""Events and items written to JSONL, CSV or Parquet, such that reading them gives them back."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from penchant.core.errors import InvalidDataError
from penchant.core.events import Event
from penchant.core.items import Item
from penchant.ingest.sources import Progress

FORMATS: Final = (".jsonl", ".csv", ".parquet")
BATCH: Final = 10_000

EVENT_SCHEMA: Final[Mapping[str, type[pl.DataType] | pl.DataType]] = {
    "event_id": pl.String,
    "user_id": pl.String,
    "item_id": pl.String,
    "event_type": pl.String,
    "value": pl.Float64,
    "timestamp": pl.Float64,  # unix seconds, UTC
    "words": pl.String,
    "context": pl.String,  # a JSON object
    "flags": pl.String,  # a JSON list
}
"""The columns of exported events. A file with exactly these, in this order, and an id in every row
is taken for an export: reading it, nothing is cleaned again."""
ITEM_SCHEMA: Final[Mapping[str, type[pl.DataType] | pl.DataType]] = {
    "item_id": pl.String,
    "title": pl.String,
    "categories": pl.String,  # a JSON list
    "description": pl.String,
    "available": pl.Boolean,
    "expires_s": pl.Float64,  # unix seconds, UTC
    "attributes": pl.String,  # a JSON object
}


def write_events(events: Iterable[Event], path: Path, progress: Progress | None = None) -> int:
    """Write `events` in the format that the name of `path` says; how many there were."""
    return _write((_event_row(event) for event in events), path, EVENT_SCHEMA, progress)


def write_items(items: Iterable[Item], path: Path, progress: Progress | None = None) -> int:
    """Write `items` in the format that the name of `path` says; how many there were."""
    return _write((_item_row(item) for item in items), path, ITEM_SCHEMA, progress)


Row = dict[str, Any]
_Schema = Mapping[str, type[pl.DataType] | pl.DataType]


def _event_row(event: Event) -> Row:
    """The columns of one event; nested ones as they are."""
    return {
        "event_id": event.id,
        "user_id": event.user,
        "item_id": event.item,
        "event_type": event.type,
        "value": event.value,
        "timestamp": event.time_s,
        "words": event.words,
        "context": dict(event.context) or None,
        "flags": list(event.flags) or None,
    }


def _item_row(item: Item) -> Row:
    """The columns of one item; nested ones as they are."""
    return {
        "item_id": item.id,
        "title": item.title,
        "categories": list(item.categories) or None,
        "description": item.description,
        "available": item.available,
        "expires_s": item.expires_s,
        "attributes": dict(item.attributes) or None,
    }


def _write(rows: Iterator[Row], path: Path, schema: _Schema, progress: Progress | None) -> int:
    """Write in one of the formats."""
    writers: Mapping[str, Callable[[Iterator[Row], Path, _Schema], int]] = {
        ".jsonl": _write_jsonl,
        ".csv": _write_csv,
        ".parquet": _write_parquet,
    }
    if path.suffix not in writers:
        raise InvalidDataError(
            f"{path.name} ends in {path.suffix!r}; allowed are {', '.join(FORMATS)}"
        )
    return writers[path.suffix](_watched(rows, progress), path, schema)


def _watched(rows: Iterator[Row], progress: Progress | None) -> Iterator[Row]:
    """`rows`, telling now and then, and at the end, how many have passed."""
    passed = 0
    for row in rows:
        yield row
        passed += 1
        if progress is not None and passed % BATCH == 0:
            progress(passed, None)
    if progress is not None:
        progress(passed, passed)


def _write_jsonl(rows: Iterator[Row], path: Path, schema: _Schema) -> int:
    """One object per line, without what is missing; the first names every column."""
    written = 0
    with path.open("wb") as file:
        for row in rows:
            given = {name: row[name] for name in schema if not written or row[name] is not None}
            file.write(msgspec.json.encode(given) + b"\n")
            written += 1
    return written


def _write_csv(rows: Iterator[Row], path: Path, schema: _Schema) -> int:
    """A header and one record per row; nested values are JSON."""
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(schema)
        for row in rows:
            writer.writerow(_flat(value) for value in row.values())
            written += 1
    return written


def _write_parquet(rows: Iterator[Row], path: Path, schema: _Schema) -> int:
    """Columns; nested values are JSON."""
    parts = [pl.DataFrame(schema=dict(schema))]
    while batch := list(islice(rows, BATCH)):
        flat = [tuple(_flat(value) for value in row.values()) for row in batch]
        parts.append(pl.DataFrame(flat, schema=dict(schema), orient="row"))
    whole = pl.concat(parts)
    whole.write_parquet(path)
    return len(whole)


def _flat(value: Any) -> Any:
    """A nested value as JSON, any other as it is."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value
