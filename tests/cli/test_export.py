"""`penchant export` gives everything back, in a form that `penchant ingest` reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.engine.engine import Engine

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def content(db: str) -> tuple[list[Event], list[Item]]:
    with Engine.open(db) as engine:
        return list(engine.events()), list(engine.items())


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_export_and_ingest_are_inverse(run: Run, ask: Ask, small: Path, suffix: str) -> None:
    run("ingest", small, "--items", "items.csv", "--db", "a.db")
    to, items = f"out.{suffix}", f"out-items.{suffix}"
    told = ask("export", "--db", "a.db", "--to", to, "--items", items)
    assert told == {"db": "a.db", "events": 6, "items": 4}
    run("ingest", to, "--items", items, "--db", "b.db")
    assert content("b.db") == content("a.db")


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_what_cleaning_would_touch_comes_back_from_an_export_as_it_was(
    ask: Ask, tmp_path: Path, suffix: str
) -> None:
    Path("penchant.toml").write_text('[clean]\nimpute = "mean"\n')
    values = [99.0, 1.0, 2.0, 3.0, None]
    rows = [
        Event(UserId("null"), "rating", 1.7e9 + n, ItemId("nan"), value, EventId(f"e{n}"))
        for n, value in enumerate(values)
    ]
    search = Event(UserId("nil"), "search", 1.7e9 + 9, ItemId("n/a"), words="x" * 200_000)
    with Engine.open("a.db") as engine:
        engine.observe_many([*rows, search])
    ask("export", "--db", "a.db", "--to", f"out.{suffix}")
    told = ask("ingest", f"out.{suffix}", "--db", "b.db")
    assert (told["rows"], told["new"]) == (6, 6)
    assert content("b.db") == content("a.db")


def test_flags_of_an_export_come_back_counted_and_are_not_judged_again(
    ask: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        "user,item,type,time\nann,m1,view,2024-05-01T12:00:00Z\nann,m2,view,2099-01-01T00:00:00Z\n"
    )
    ask("ingest", file, "--db", "a.db")
    ask("export", "--db", "a.db", "--to", "out.jsonl")
    assert ask("ingest", "out.jsonl", "--db", "b.db")["counts"]["flag_future"] == 1
    assert content("b.db") == content("a.db")
    assert [event.flags for event in content("b.db")[0]] == [(), ("future",)]


def test_a_file_of_somebody_else_with_ids_is_cleaned(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        "event_id,user_id,item_id,event_type,timestamp\n1,null,m1,view,5\n2,ann,m1,view,6\n"
    )
    told = ask("ingest", file)
    assert (told["new"], told["counts"]["dropped_no_user"]) == (1, 1)


def test_a_format_that_is_none_leaves_no_file(run: Run, small: Path, tmp_path: Path) -> None:
    run("ingest", small)
    told = run("export", "--to", "events.xml", code=1).stderr
    assert "events.xml ends in '.xml'; allowed are .jsonl, .csv, .parquet" in told
    assert not list(tmp_path.glob("*events.xml"))


def test_events_and_items_do_not_share_a_file(run: Run, small: Path, tmp_path: Path) -> None:
    run("ingest", small)
    told = run("export", "--to", "all.jsonl", "--items", "./all.jsonl", code=1).stderr
    assert "--to and --items are both all.jsonl; allowed are two files" in told
    assert not (tmp_path / "all.jsonl").exists()


def test_nothing_to_export_and_no_database_are_errors(run: Run, tmp_path: Path) -> None:
    assert "--to" in run("export", code=1).stderr
    told = run("export", "--to", "e.csv", "--db", "none.db", code=1).stderr
    assert "none.db does not exist; make it with `penchant init`" in told
    assert list(tmp_path.iterdir()) == []
