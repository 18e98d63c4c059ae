"""Files become events; a broken line is one broken line."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from penchant.core.errors import (
    InvalidDataError,
    UnknownColumnError,
    UnknownEventTypeError,
)
from penchant.core.events import Event
from penchant.core.ids import ItemId, UserId
from penchant.core.signals import SHIPPED
from penchant.ingest.event_ids import event_id
from penchant.ingest.rejects import Rejected
from penchant.ingest.sources import read_events, read_items, read_tables

HEADER = "user_id,item_id,event_type,value,timestamp\n"


def written(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def all_of(path: Path, **settings: object) -> tuple[list[Event], list[Rejected]]:
    batches = list(read_events(path, **settings))  # type: ignore[arg-type]
    events = [event for batch in batches for event in batch.events()]
    return events, [one for batch in batches for one in batch.rejected]


def test_a_line_nested_deeply_is_rejected_and_the_others_are_read(tmp_path: Path) -> None:
    row = '{"user": "ann", "item": "tea", "type": "view", "time": 5}'
    text = "\n".join((row, '{"user": ' + "[" * 100_000, row))
    events, rejected = all_of(written(tmp_path, text, "log.jsonl"))
    assert [event.user for event in events] == ["ann", "ann"]
    assert [one.line for one in rejected] == [2]


@pytest.mark.parametrize(
    ("broken", "kind", "says"),
    [
        ("ann,m1,view", "malformed", "the line has 3 fields; the header has 5"),
        ("ann,m1,view,1,2,3", "malformed", "the line has 6 fields"),
        ('"ann,m1,view,1,5', "malformed", "quote that is opened and not closed"),
        (
            f"{'x' * 513},m1,view,1,5",
            "malformed",
            "has 513 bytes as UTF-8; allowed are at most 512",
        ),
        (",m1,view,1,5", "no_user", "user is empty"),
        ("ann,m1,purr,1,5", "unknown_type", "no event type is named 'purr'"),
        ("ann,m1,,1,5", "no_type", "type is missing"),
        ("ann,m1,view,1,", "no_time", "time is missing"),
        ("ann,m1,view,1,-7", "impossible_time", "before 1970"),
        ("ann,m1,view,many,5", "malformed", "value is 'many'"),
    ],
)
def test_line_7341_of_10000_is_broken_and_the_rest_is_read(
    tmp_path: Path, broken: str, kind: str, says: str
) -> None:
    lines = [f"u{n},m{n % 50},view,1,{1000 + n}" for n in range(2, 10_001)]
    lines[7341 - 2] = broken
    path = written(tmp_path, HEADER + "\n".join(lines) + "\n")
    events, rejected = all_of(path, signals=SHIPPED, batch_size=1_000)
    assert len(events) == 9_998
    assert [(one.line, one.text, one.kind) for one in rejected] == [(7341, broken, kind)]
    assert says in rejected[0].reason
    assert [event.user for event in events[7338:7340]] == ["u7340", "u7342"]


def test_a_quoted_line_break_before_a_line_that_is_not_utf_8_joins_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(
        b'user,item,time,type,words\nann,m1,1,view,"one\ncaf\xe9 noir"\nann,m1,2,view,"one\ntwo"\n'
    )
    events, rejected = all_of(path)
    assert [event.words for event in events] == ["one\ntwo"]
    assert [(one.line, one.reason.partition(":")[0][:20]) for one in rejected] == [
        (2, "the line has a quote"),
        (3, "the line is not UTF-"),
    ]


def test_a_line_that_is_not_utf_8_is_rejected_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER.encode() + b"ann,caf\xe9,view,1,5\nbob,m1,view,1,6\n")
    events, rejected = all_of(path)
    assert [event.user for event in events] == ["bob"]
    assert rejected[0].line == 2
    assert "is not UTF-8" in rejected[0].reason


def test_a_quoted_field_may_hold_delimiters_quotes_and_lines(tmp_path: Path) -> None:
    text = 'user,item,type,time,words\nann,m1,search,5,"a, ""b""\nc"\nbob,m2,search,6,d\n'
    events, rejected = all_of(written(tmp_path, text))
    assert [event.words for event in events] == ['a, "b"\nc', "d"]
    assert rejected == []


def test_columns_of_other_shops_are_understood_or_mapped(tmp_path: Path) -> None:
    text = "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
    events, _ = all_of(written(tmp_path, text))
    assert [(e.user, e.item, e.type, e.time_s) for e in events] == [
        ("257597", "355908", "view", 1433221332.117)
    ]
    odd = written(tmp_path, "wer;was;wann;preis\nann;m1;2024-05-01;2.5\n", "odd.csv")
    events, _ = all_of(
        odd, mapping={"user_id": "wer", "item": "was", "time": "wann"}, default_type="view"
    )
    assert events[0].user == "ann"
    assert events[0].context == {"preis": "2.5"}


def test_a_file_without_a_needed_column_says_which_it_has(tmp_path: Path) -> None:
    path = written(tmp_path, "wer,item,type,time\nann,m1,view,5\n")
    with pytest.raises(UnknownColumnError, match=r"no column 'user'.*it has wer, item, type, time"):
        all_of(path)
    with pytest.raises(UnknownColumnError, match=r"no column 'usr'.*it has wer"):
        all_of(path, mapping={"user": "usr"})
    with pytest.raises(InvalidDataError, match=r"no field is named 'usr'.*'user'"):
        all_of(path, mapping={"usr": "wer"})


def test_a_file_without_types_needs_a_default_that_exists(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item,time\nann,m1,5\n")
    with pytest.raises(UnknownColumnError, match=r"no column 'type'.* --type view says it of"):
        all_of(path)
    with pytest.raises(UnknownEventTypeError, match="'purr'"):
        all_of(path, default_type="purr", signals=SHIPPED)
    assert all_of(path, default_type="view", signals=SHIPPED)[0][0].type == "view"


ROW = {"user_id": "ann", "item_id": "m1", "event_type": "rating", "value": 4.5, "timestamp": 9}


def test_every_format_gives_the_same_event(tmp_path: Path) -> None:
    frame = pl.DataFrame([ROW])
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "a.tsv", separator="\t")
    frame.write_ndjson(tmp_path / "a.jsonl")
    frame.write_ndjson(tmp_path / "a.json")
    frame.write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.jsonl"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    found = {path.name: all_of(path) for path in tmp_path.iterdir()}
    expected = Event(UserId("ann"), "rating", 9.0, ItemId("m1"), 4.5)
    expected = Event(UserId("ann"), "rating", 9.0, ItemId("m1"), 4.5, event_id(expected))
    assert len(found) == 7
    assert all(events == [expected] for events, _ in found.values())


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_what_an_object_says_depends_on_no_other_object(tmp_path: Path, batch_size: int) -> None:
    rows = [
        {"user": "ann", "item": "m1", "type": "rating", "rating": 4, "time": 1},
        {"user": "bob", "item": "m1", "type": "rating", "stars": 5, "time": 2},
        {"user": "bob", "item": "m1", "event": "purchase", "value": 9.5, "rating": 3, "time": 3},
        {"user": "bob", "item": "m1", "type": "rating", "value": None, "rating": 2, "time": 4},
        {"userId": "eve", "item": "m1", "type": "rating", "time": 5},
        {"user_id": "", "user": "dan", "item": "m1", "type": "rating", "value": "", "time": 6},
        {"UserID": "eve", "item": "m1", "type": "rating", "time": 7},
    ]
    alone: list[Event] = []
    for row in rows:
        (tmp_path / "one.jsonl").write_text(json.dumps(row))
        alone += all_of(tmp_path / "one.jsonl")[0]
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    together, rejected = all_of(tmp_path / "all.jsonl", batch_size=batch_size)
    assert together == alone
    assert [(e.type, e.value, dict(e.context)) for e in alone] == [
        ("rating", 4.0, {}),
        ("rating", 5.0, {}),
        ("purchase", 9.5, {"rating": 3}),
        ("rating", 2.0, {}),
        *[("rating", None, {})] * 3,
    ]
    assert [e.user for e in alone[4:]] == ["eve", "dan", "eve"]
    assert rejected == []


def test_a_visitor_is_a_user_only_where_a_file_has_no_users(tmp_path: Path) -> None:
    row = {"item": "m1", "type": "view", "time": 1, "session_id": "s1"}
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(row))
    assert [event.user for event in all_of(path)[0]] == ["s1"]
    rows = [{**row, "user_id": "ann"}, {**row, "user_id": None}]
    path.write_text("\n".join(map(json.dumps, rows)))
    events, rejected = all_of(path)
    assert [event.user for event in events] == ["ann"]
    assert [one.line for one in rejected] == [2]


def test_the_column_of_the_order_says_nothing_else(tmp_path: Path) -> None:
    rows = [
        {"user": "ann", "item": "m1", "type": "view", "timestamp": time_s, "ts": place}
        for time_s, place in ((5, 2), (None, 1))
    ]
    path = tmp_path / "ordered.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    (batch,) = read_tables(path, order="ts")
    assert [one.line for one in batch.rejected] == [2]
    assert "time" in batch.rejected[0].reason


def test_a_json_array_is_told_from_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[\n" + json.dumps(ROW) + "]")
    with pytest.raises(InvalidDataError, match=r"a\.json is a JSON array; .* jq -c"):
        all_of(tmp_path / "a.json")


def test_parquet_keeps_the_types_of_the_context(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        [{**ROW, "price": 2.0, "stock": 3, "new": True, "tags": ["a"], "no": None}]
    )
    frame.write_parquet(tmp_path / "a.parquet")
    (event,), _ = all_of(tmp_path / "a.parquet")
    assert event.context == {"price": 2.0, "stock": 3, "new": True, "tags": '["a"]'}
    assert isinstance(event.context["price"], float)
    assert isinstance(event.context["stock"], int)


def test_a_broken_json_line_does_not_stop_the_rest(tmp_path: Path) -> None:
    good = '{"user": "ann", "type": "search", "time": 5, "words": "x"}\n'
    path = written(tmp_path, good + "{oops\n[1]\n" + good, "log.jsonl")
    events, rejected = all_of(path)
    assert [event.words for event in events] == ["x", "x"]
    assert [one.line for one in rejected] == [2, 3]
    assert events[0].id != events[1].id


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_json_line(tmp_path: Path) -> None:
    line = '{"user": "ann", "type": "search", "time": 5}\n'
    events, rejected = all_of(written(tmp_path, "\ufeff" + line + line, "log.jsonl"))
    assert ([event.user for event in events], rejected) == (["ann", "ann"], [])


def test_words_and_nan_that_stand_for_no_value_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,m,view,N/A,5\nb,m,view,,5\nc,m,view,inf,5\n")
    (batch,) = [batch for batch in read_events(path) if len(batch.table)]
    assert [event.value for event in batch.events()] == [None, None, None]
    assert batch.counts == {"value_sentinel": 1, "value_not_finite": 1}


def test_alike_rows_are_two_events_and_reading_again_gives_the_same_ids(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,m,view,1,5\na,m,view,1,5\n")
    events, _ = all_of(path, batch_size=1)
    assert len({event.id for event in events}) == 2
    assert all_of(path)[0] == events


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,m,view,1,5\n" * 10)
    seen: list[tuple[int, int | None]] = []
    all_of(path, batch_size=4, progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    assert seen[-1] == (size, size)


BROKEN_GZIP = gzip.compress(HEADER.encode(), mtime=0)[:10] + b"\xff" * 30


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("log.xlsx", b"", "ends in '.xlsx'; allowed are"),
        ("log.csv", b"", "line 1, is empty"),
        ("log.csv", b"a,a\n", "names column 'a' twice"),
        ("log.parquet", b"PAR1", "no readable Parquet"),
        ("log.csv.gz", b"user", "no whole gzip file"),
        ("log.csv.gz", BROKEN_GZIP, "no whole gzip file: Error -3"),
        ("log.csv", "user,item\nann,茶\n".encode("utf-16"), "is UTF-16.*iconv -f UTF-16 -t UTF-8"),
        ("log.csv", b"\xfe\xff" + "user".encode("utf-16-be"), "is UTF-16.*iconv -f UTF-16"),
        ("log.csv", "用户,item\n".encode("gbk"), "is not UTF-8.*iconv -f GB18030"),
        (
            "log.csv",
            "user，item，type，time\nann，m1，view，5\n".encode(),
            r"line 1, is divided by the full-width '，'; allowed are ',', ';', a tab and '\|'$",
        ),
        ("log.csv", b"user,item\rann,m1\r", "line 1, ends in a CR alone; allowed are LF and CRLF"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidDataError, match=says):
        all_of(tmp_path / name)


def test_a_full_width_comma_in_a_divided_header_is_a_letter_of_a_name(tmp_path: Path) -> None:
    events, _ = all_of(written(tmp_path, "user,item,type,time,店，铺\nann,m1,view,5,x\n"))
    assert events[0].context == {"店，铺": "x"}


def test_items_are_read_with_their_categories_and_broken_ones_rejected(tmp_path: Path) -> None:
    text = 'movieId,title,genres,year\n1,"Heat, The (1995)",Crime|Drama,1995\n,x,,\n'
    (_, batch) = list(read_items(written(tmp_path, text)))
    assert batch.items[0].title == "Heat, The (1995)"
    assert batch.items[0].categories == ("Crime", "Drama")
    assert batch.items[0].attributes == {"year": "1995"}
    assert [one.line for one in batch.rejected] == [3]
