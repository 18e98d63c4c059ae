"""`penchant export` gives everything back, in a form that `penchant ingest` reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.core.events import Event
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


def test_a_format_that_is_none_leaves_no_file(run: Run, small: Path, tmp_path: Path) -> None:
    run("ingest", small)
    told = run("export", "--to", "events.xml", code=1).stderr
    assert "events.xml ends in '.xml'; allowed are .jsonl, .csv, .parquet" in told
    assert not list(tmp_path.glob("*events.xml"))


def test_nothing_to_export_and_no_database_are_errors(run: Run, tmp_path: Path) -> None:
    assert "--to" in run("export", code=1).stderr
    told = run("export", "--to", "e.csv", "--db", "none.db", code=1).stderr
    assert "none.db does not exist; make it with `penchant init`" in told
    assert list(tmp_path.iterdir()) == []
