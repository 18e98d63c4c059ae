"""A data set by name or path: what is in it, in which order, and what was left out."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from penchant.core.errors import InvalidDataError, UnknownColumnError, UnknownComponentError
from penchant.core.signals import SHIPPED
from penchant.ingest.clean_one import CleanConfig
from penchant.ingest.datasets import BUNDLED, Dataset, open_dataset
from penchant.ingest.event_ids import hashed
from penchant.ingest.quality import cut_time, repeats
from penchant.ingest.sources import read_events

DATA = Path(os.environ.get("PENCHANT_DATA", Path(__file__).parents[3] / "shared" / "data"))
TIMED = {  # events without returns, of them at or after the cut, repeat rate before it, order
    "ml-100k": (100_000, 10_003, 0.0, None),
    "ml-1m": (997_333, 99_734, 0.0, "seq_untied"),
    "movietweetings-100k": (100_000, 10_001, 0.0, None),
    "completejourney-sample": (75_000, 7_502, 0.07215, None),
    "online-retail-half": (168_675, 16_890, 0.22528, None),
}
"""As the `successive` baselines compute them."""


@pytest.mark.parametrize("name", TIMED)
def test_a_timed_set_has_the_events_the_baselines_have(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"no copy of {name} in PENCHANT_DATA")
    events, tested, repeated, order = TIMED[name]
    columns = open_dataset(DATA / name, order=order).columns
    positive = columns.take(np.array([kind != "return" for kind in columns.types])[columns.type])
    assert len(positive) == events
    assert int((positive.time_s >= cut_time(positive)).sum()) == tested
    assert round(repeats(positive, SHIPPED).share, 5) == repeated


@pytest.mark.skipif(not (DATA / "ml-1m").is_dir(), reason="no copy of MovieLens 1M here")
def test_an_explicit_order_is_each_users_order() -> None:
    dataset = open_dataset(DATA / "ml-1m", order="seq_untied")
    raw = pl.read_parquet(DATA / "ml-1m" / "events.parquet")
    raw = raw.drop_nulls(["timestamp", "seq_untied"]).sort("user_id", "seq_untied")
    ours = dataset.table.sort("user", maintain_order=True)
    assert ours["item"].equals(raw["item_id"])
    assert ours["time_s"].equals(
        raw.select(pl.col("timestamp").sort().over("user_id")).to_series().cast(pl.Float64)
    )
    assert (dataset.counts["rejected_no_time"], dataset.counts["no_order"]) == (2819, 57)
    assert dataset.ordered


@pytest.mark.parametrize(
    ("name", "events", "users", "items"),
    [("movietweetings", 100_000, 16_554, 10_506), ("online-retail", 172_782, 2_974, 3_525)],
)
def test_a_bundled_set_is_complete_and_may_be_shipped(
    name: str, events: int, users: int, items: int
) -> None:
    dataset = open_dataset(name)
    assert (len(dataset.columns), len(dataset.columns.users)) == (events, users)
    assert len(dataset.items) == items
    assert dataset.rejected == []
    assert {path.name for path in BUNDLED[name].iterdir()} == {
        "LICENSE",
        "README.md",
        "events.parquet",
        "items.parquet",
    }
    titles = [item.title for item in dataset.items if item.title]
    assert not [title for title in titles if "\ufffd" in title or title != title.strip()]


def test_postage_is_in_the_shop_but_never_recommended() -> None:
    hidden = {item.id for item in open_dataset("online-retail").items if not item.available}
    assert hidden == {"AMAZONFEE", "BANK CHARGES", "C2", "D", "DOT", "M", "POST", "S", "m"}


def folder_of(path: Path, events: list[dict[str, object]], items: list[dict[str, object]]) -> Path:
    path.mkdir(exist_ok=True)
    pl.DataFrame(events).write_parquet(path / "events.parquet")
    pl.DataFrame(items).write_parquet(path / "items.parquet")
    return path


def event(user: str, item: str, time: int | None, **more: object) -> dict[str, object]:
    return {"user": user, "item": item, "time": time, **more}


def rows(dataset: Dataset) -> list[tuple[str, str | None, float]]:
    return [(one.user, one.item, one.time_s) for one in next(dataset.events())]


ITEMS: list[dict[str, object]] = [{"item_id": "z", "title": "Zed"}, {"item_id": "y", "title": "Y"}]


def test_order_is_time_then_user_then_place(tmp_path: Path) -> None:
    events = [event("b", "y", 5), event("a", "x", 5), event("b", "z", 5), event("c", "w", 1)]
    dataset = open_dataset(folder_of(tmp_path, events, ITEMS), default_type="view")
    assert rows(dataset) == [("c", "w", 1), ("a", "x", 5), ("b", "y", 5), ("b", "z", 5)]


def test_the_catalogue_is_the_items_file_and_then_what_events_met(tmp_path: Path) -> None:
    events = [event("b", "y", 5), event("a", "x", 6), event("a", "w", 7)]
    dataset = open_dataset(folder_of(tmp_path, events, ITEMS), default_type="view")
    assert [item.id for item in dataset.items] == ["z", "y", "x", "w"]
    assert dataset.columns.row.tolist() == [1, 2, 3]
    assert dataset.counts["items_only_in_events"] == 2


def test_ids_are_those_of_the_file_read_as_a_stream(tmp_path: Path) -> None:
    events = [event("b", "y", 5), event("b", "y", 5), event("a", "x", 4)]
    path = folder_of(tmp_path, events, ITEMS)
    dataset = open_dataset(path, default_type="view")
    stream = [
        one.id
        for batch in read_events(path / "events.parquet", default_type="view")
        for one in batch.events()
    ]
    assert {one.id for one in next(dataset.events())} == set(stream)
    assert len(set(stream)) == 3


def test_ids_asked_for_are_of_what_the_file_says_whatever_order_and_cleaning_make_of_it(
    tmp_path: Path,
) -> None:
    events = [event("a", "x", 9, seq=1, value=-1.0), event("a", "null", 3, seq=2, value=4.0)]
    events += [event("a", f"y{n}", 20 + n, seq=3 + n, value=4.0 + n) for n in range(3)]
    path = folder_of(tmp_path, events, ITEMS)
    dataset = open_dataset(path, order="seq", default_type="view", ids=True)
    found = next(dataset.cleaned(CleanConfig(), now_s=100.0).events())
    assert [(one.item, one.time_s, one.value) for one in found[:2]] == [
        ("x", 3, None),
        (None, 9, 4),
    ]
    said = [hashed("a", "x", "view", 9.0, -1.0), hashed("a", "null", "view", 3.0, 4.0)]
    assert [one.id for one in found[:2]] == said


def test_rows_without_an_order_or_a_time_are_left_out_and_counted(tmp_path: Path) -> None:
    events = [
        event("a", "x", 9, seq=2),
        event("a", "y", 3, seq=1),
        event("a", "z", 5, seq=3),
        event("a", "z", 6, seq=None),
        event("a", "z", None, seq=4),
    ]
    path = folder_of(tmp_path, events, ITEMS)
    dataset = open_dataset(path, order="seq", default_type="view")
    assert rows(dataset) == [("a", "y", 3), ("a", "x", 5), ("a", "z", 9)]
    assert (dataset.counts["no_order"], dataset.counts["rejected_no_time"]) == (1, 1)
    assert dataset.counts["rows"] == 5
    assert all("seq" not in one.context for one in next(dataset.events()))


@pytest.mark.parametrize(
    ("orders", "kept"),
    [
        (pl.Series([2.0, float("nan"), 1.0, None]), ["z", "x"]),
        (pl.Series([True, None, False, True]), ["z", "x", "w"]),
        (pl.Series([date(2024, 5, 2), None, date(2024, 5, 1), date(2024, 5, 3)]), ["z", "x", "w"]),
        (pl.Series(["2", "", "1e0", "3"], dtype=pl.Categorical), ["z", "x", "w"]),
        (pl.Series([Decimal("2.5"), None, Decimal(1), None]), ["z", "x"]),
    ],
)
def test_numbers_and_moments_of_a_typed_column_are_an_order(
    tmp_path: Path, orders: pl.Series, kept: list[str]
) -> None:
    path = tmp_path / "events.parquet"
    events = {"user": ["a"] * 4, "item": list("xyzw"), "time": [5] * 4, "seq": orders}
    pl.DataFrame(events).write_parquet(path)
    dataset = open_dataset(path, order="seq", default_type="view")
    assert [item for _, item, _ in rows(dataset)] == kept
    assert dataset.counts["no_order"] == 4 - len(kept)
    assert dataset.rejected == []


def test_where_no_row_has_a_time_the_order_in_days_is_the_time(tmp_path: Path) -> None:
    events = [event("a", "x", None, seq=2), event("a", "y", None, seq=1)]
    path = folder_of(tmp_path, events, ITEMS)
    dataset = open_dataset(path, order="seq", default_type="view")
    assert rows(dataset) == [("a", "y", 86_400), ("a", "x", 172_800)]


def test_people_of_a_users_file_are_known(tmp_path: Path) -> None:
    path = folder_of(tmp_path, [event("a", "x", 1)], ITEMS)
    pl.DataFrame({"user_id": ["a", "b"], "age": [9, None]}).write_parquet(path / "users.parquet")
    assert open_dataset(path, default_type="view").users == {"a": {"age": 9}}


def test_a_single_file_is_a_data_set(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\na,x,5\n,x,6\n")
    dataset = open_dataset(path, default_type="view")
    assert rows(dataset) == [("a", "x", 5)]
    assert [one.kind for one in dataset.rejected] == ["no_user"]
    assert [item.id for item in dataset.items] == ["x"]


def test_flagged_events_stay_in_the_set_but_not_in_its_columns(tmp_path: Path) -> None:
    events = [event("a", "x", 5), event("a", "x", 10**9)]
    dataset = open_dataset(folder_of(tmp_path, events, ITEMS), default_type="view")
    cleaned = dataset.cleaned(CleanConfig(), now_s=10.0)
    assert [one.flags for one in next(cleaned.events())] == [(), ("future",)]
    assert cleaned.columns.time_s.tolist() == [5.0]
    assert cleaned.counts["flag_future"] == 1


def test_a_set_that_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(UnknownComponentError, match=r"no data set is named 'movietweeting'"):
        open_dataset("movietweeting")
    with pytest.raises(InvalidDataError, match=r"nothing.csv does not exist"):
        open_dataset(tmp_path / "nothing.csv")
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(InvalidDataError, match=r"has no events file; it has notes.md"):
        open_dataset(tmp_path)


def test_a_set_without_any_event_says_why(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\n,x,5\n")
    with pytest.raises(InvalidDataError, match=r"rejected_no_user 1.*user is empty"):
        open_dataset(path, default_type="view")
    with pytest.raises(InvalidDataError, match=r"^log.csv: no row .*1, rows 1\); line 2: user is"):
        open_dataset(path, default_type="view")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("log.csv", "user,item,time\n", "log.csv has only a header; needed is a row of an event"),
        ("log.jsonl", "", "log.jsonl is empty; needed is a row of an event"),
    ],
)
def test_a_file_without_rows_is_named(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidDataError, match=says):
        open_dataset(tmp_path / name, default_type="view")


def test_an_order_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = folder_of(tmp_path, [event("a", "x", 1, seq=1)], ITEMS)
    with pytest.raises(UnknownColumnError, match=r"no column 'sec'.*did you mean 'seq'.*--order C"):
        open_dataset(path, order="sec", default_type="view")


def test_movielens_has_no_other_order_than_its_times(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,11,4.0,5\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n11,X,Drama\n")
    with pytest.raises(UnknownColumnError, match=r"no column 'seq'"):
        open_dataset(tmp_path, order="seq")


def test_rows_that_share_an_id_and_say_different_things_are_rejected_with_the_line_they_met(
    tmp_path: Path,
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(
        "id,user,item,type,time,value\n"
        "o1,ann,i1,purchase,2024-05-01,nan\n"
        "o1,ann,i2,purchase,2024-05-01,0\n"  # another line of the same order
        "o1,ann,i1,purchase,2024-05-01,nan\n"  # the first, sent again
        ",ann,i3,purchase,soon,1\n"
        "o2,bob,i2,purchase,2024-05-02,2\n"
    )
    data = open_dataset(file)
    assert [(one.line, one.kind) for one in data.rejected] == [
        (3, "id_of_another"),
        (5, "impossible_time"),
    ]
    assert "id is 'o1', which line 2 bears" in data.rejected[0].reason
    assert '"item": "i2"' in data.rejected[0].text
    cleaned = data.cleaned(CleanConfig(), now_s=2e9)
    assert [(one["user"], one["item"]) for one in cleaned.table.to_dicts()] == [
        ("ann", "i1"),
        ("bob", "i2"),
    ]
    assert (data.counts["rows"], cleaned.counts["dropped_repeated_id"]) == (5, 1)
    without = open_dataset(file, {"id": ""})
    assert (len(without.table), len(without.rejected)) == (4, 1)


def test_what_is_filled_in_knows_nothing_of_the_events_after_the_cut_that_counts(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ratings.csv"
    said = ["" if n % 3 == 0 else 1 if n < 900 else 5 for n in range(1_000)]
    rows = [
        f"u{n % 20},i{n % 30},rating,{1_700_000_000 + 100 * n},{value}"
        for n, value in enumerate(said)
    ]
    rows += [f"u{n % 20},i1,rating,{4_000_000_000 + n},5" for n in range(150)]  # flagged: future
    file.write_text("user,item,type,time,value\n" + "\n".join(rows) + "\n")
    found = open_dataset(file).cleaned_before(0.1, CleanConfig(impute="mean"), now_s=1_800_000_000)
    filled = found.table.filter(pl.col("line").is_in(range(2, 902)) & (pl.col("line") % 3 == 2))
    assert filled["value"].unique().to_list() == [1.0]
    kept = open_dataset(file).cleaned_before(0.1, CleanConfig(), now_s=1_800_000_000)
    assert kept.table["value"].null_count() == 334
