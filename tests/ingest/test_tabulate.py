"""Columns and single rows are one definition: what the columns take, the wire takes alike."""

from collections import Counter
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.errors import PenchantError
from penchant.core.signals import SHIPPED
from penchant.ingest.table import events_of
from penchant.ingest.tabulate import NULL_WORDS, Reader
from penchant.ingest.wire import event_from

COLUMNS = {name: name for name in ("user", "item", "type", "time", "value", "words", "id")}
TEXTS = st.none() | st.text(max_size=4) | st.sampled_from([" ", "\x1c", "\u00a0", "7", "ann"])
TIMES = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.floats().map(str),
    st.integers(-5, 2**62).map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.sampled_from(["2024-02-30T00:00:00", "2024-05-01T12:00:60Z", "2024-05-01T24:00:00", " 5"]),
)
VALUES = TEXTS.filter(lambda text: (text or "").strip().lower() not in NULL_WORDS)
ROWS = st.fixed_dictionaries(
    {
        "user": TEXTS,
        "item": TEXTS,
        "type": st.sampled_from([None, "view", "rating", "purr", "", " "]),
        "time": TIMES,
        "value": VALUES | st.integers().map(str) | st.floats(-9, 9).map(str),
        "words": TEXTS,
        "id": TEXTS,
    }
)


def taken_by_the_wire(row: dict[str, Any]) -> Any:
    try:
        return event_from(row, SHIPPED)
    except PenchantError as error:
        return str(error)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=5))
def test_columns_say_of_a_row_what_the_wire_says(rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    reader = Reader(tuple(COLUMNS), COLUMNS, None, SHIPPED)
    lines = list(range(1, len(rows) + 1))
    table, rejected = reader.table(frame, lines, None, Counter())
    found: dict[int, Any] = dict(zip(table["line"].to_list(), events_of(table), strict=True))
    found.update({one.line: one.reason for one in rejected})
    assert [found[line] for line in lines] == [taken_by_the_wire(row) for row in rows]


@settings(deadline=None)
@given(
    st.lists(st.none() | st.floats() | st.integers(-3, 9).map(float), min_size=1, max_size=5),
    st.lists(st.none() | st.floats(width=32), min_size=5, max_size=5),
)
def test_numbers_of_a_table_are_read_as_single_numbers_are(
    users: list[float | None], times: list[float | None]
) -> None:
    frame = pl.DataFrame(
        {"user": users, "time": times[: len(users)]},
        schema={"user": pl.Float64, "time": pl.Float32},
    )
    reader = Reader(("user", "time"), {"user": "user", "time": "time"}, "view", SHIPPED)
    table, rejected = reader.table(frame, range(len(users)), None, Counter())
    rows = [{**row, "type": "view"} for row in frame.iter_rows(named=True)]
    expected = [taken_by_the_wire(row) for row in rows]
    assert events_of(table) == [event for event in expected if not isinstance(event, str)]
    assert len(rejected) == sum(isinstance(event, str) for event in expected)
