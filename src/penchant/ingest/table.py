"""Many events as a polars table: between a file and Event objects or EventColumns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl

from penchant.core.events import ContextValue, Event, EventColumns, as_float32
from penchant.core.ids import EventId, ItemId, UserId
from penchant.ingest.event_ids import Ordinals

SCHEMA: Final[Mapping[str, type[pl.DataType] | pl.DataType]] = {
    "line": pl.Int64,  # of the file, from 1
    "user": pl.String,
    "item": pl.String,
    "type": pl.String,
    "time_s": pl.Float64,
    "value": pl.Float64,
    "id": pl.String,
    "words": pl.String,
    "context": pl.String,  # a JSON object
    "flags": pl.List(pl.String),
}
"""The columns of an event table."""

_decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode


def table_of(events: Iterable[Event]) -> pl.DataFrame:
    """The table of `events`, in their order."""
    rows = [
        (
            line,
            event.user,
            event.item,
            event.type,
            event.time_s,
            event.value,
            event.id,
            event.words,
            msgspec.json.encode(event.context).decode() if event.context else None,
            list(event.flags),
        )
        for line, event in enumerate(events, 1)
    ]
    return pl.DataFrame(rows, schema=dict(SCHEMA), orient="row")


def events_of(table: pl.DataFrame) -> list[Event]:
    """The events of `table`, in its order."""
    names = ("user", "type", "time_s", "item", "value", "id", "words", "context", "flags")
    return [
        Event(
            UserId(user),
            kind,
            time_s,
            None if item is None else ItemId(item),
            value,
            None if given is None else EventId(given),
            words,
            _facts(context),
            tuple(flags) if flags else (),
        )
        for user, kind, time_s, item, value, given, words, context, flags in zip(
            *(table[name].to_list() for name in names), strict=True
        )
    ]


def event_batches(table: pl.DataFrame, batch_size: int) -> Iterator[list[Event]]:
    """The events of `table` with ids, `batch_size` at a time."""
    ordinals = Ordinals()
    for part in table.iter_slices(batch_size):
        yield events_of(with_ids(part, ordinals))


def with_ids(table: pl.DataFrame, ordinals: Ordinals) -> pl.DataFrame:
    """`table` with an id in every row; ids that were given are kept."""
    if not table["id"].null_count():
        return table
    names = ("user", "item", "type", "time_s", "value", "words")
    contexts = map(_facts, table["context"].to_list())
    keys = zip(*(table[name].to_list() for name in names), contexts, strict=True)
    ids = [
        ordinals.learn_one(*key) if given is None else given
        for given, key in zip(table["id"].to_list(), keys, strict=True)
    ]
    return table.with_columns(pl.Series("id", ids, pl.String))


def under_one_id(table: pl.DataFrame) -> pl.DataFrame:
    """The rows whose id an earlier row bears that says something else, with its `first_line`.

    An id names one event: what repeats a row whole is that event again, and is not among them.
    """
    bearers = table.filter(pl.col("id").is_not_null() & pl.col("id").is_duplicated())
    said = pl.struct(*(name for name in SCHEMA if name not in ("line", "id")))
    first = bearers.with_columns(
        first_line=pl.col("line").first().over("id"), first=said.first().over("id"), said=said
    )
    return first.filter(pl.col("said").ne_missing(pl.col("first"))).drop("said", "first")


def moving(table: pl.DataFrame, exclude: frozenset[str]) -> pl.DataFrame:
    """The rows of `table` without those that carry a flag of `exclude`."""
    if not exclude:
        return table
    marked = table["flags"].list.set_intersection(sorted(exclude)).list.len() > 0
    return table.filter(~marked.fill_null(False))


def columns_of(table: pl.DataFrame, catalogue: Sequence[ItemId]) -> EventColumns:
    """The columns of `table`, in its order; `catalogue` names the item rows."""
    users = table["user"].unique(maintain_order=True)
    types = table["type"].unique().sort()
    rows = pl.Series(catalogue, dtype=pl.String)
    return EventColumns(
        user=_codes(table["user"], users).to_numpy().astype(np.int32),
        row=_codes(table["item"], rows).to_numpy().astype(np.int32),
        type=_codes(table["type"], types).to_numpy().astype(np.int16),
        value=as_float32(table["value"].fill_null(float("nan")).to_numpy()),
        time_s=table["time_s"].to_numpy().astype(np.float64),
        users=[UserId(user) for user in users.to_list()],
        items=list(catalogue),
        types=types.to_list(),
    )


def _codes(names: pl.Series, known: pl.Series) -> pl.Series:
    """(T,) place of each name in `known`; -1 for none."""
    places = pl.DataFrame({"name": known}).with_row_index("place")
    joined = names.to_frame("name").join(places, on="name", how="left", maintain_order="left")
    return joined["place"].cast(pl.Int64).fill_null(-1)


def _facts(context: str | None) -> dict[str, ContextValue]:
    """The context out of its JSON, without nulls."""
    if context is None:
        return {}
    return {name: value for name, value in _decode(context).items() if value is not None}
