"""The command line as a person uses it: in a folder of its own, on real films."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from penchant.cli.main import build
from penchant.ingest.datasets import BUNDLED

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in `tmp_path` and checks its exit code; a bug is raised, not swallowed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("PENCHANT_DB", "PENCHANT_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def once(*args: object, code: int = 0, typed: str | None = None) -> Result:
        result = CliRunner().invoke(build(), [str(arg) for arg in args], input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return once


@pytest.fixture
def ask(run: Run) -> Callable[..., dict[str, Any]]:
    """Runs a command with --json; stdout must be one JSON object and nothing else."""

    def once(*args: object, code: int = 0) -> dict[str, Any]:
        found = json.loads(run(*args, "--json", code=code).stdout)
        assert isinstance(found, dict)
        return found

    return once


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first 9,999 MovieTweetings ratings as events.csv, and their items."""
    folder = tmp_path_factory.mktemp("films")
    source = BUNDLED["movietweetings"]
    events = pl.read_parquet(source / "events.parquet").head(9_999)
    events.write_csv(folder / "events.csv")
    items = pl.read_parquet(source / "items.parquet")
    items.filter(pl.col("item_id").is_in(events["item_id"].unique().implode())).write_parquet(
        folder / "items.parquet"
    )
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Six events of two users, and titles in Chinese."""
    (tmp_path / "events.csv").write_text(
        "user_id,item_id,event_type,timestamp,value\n"
        "ann,m1,view,1714564800,\n"
        "ann,m2,rating,1714564900,9\n"
        "ann,m3,view,1714565000,\n"
        "bob,m2,view,1714565100,\n"
        "bob,m1,view,1714565200,\n"
        "bob,m4,view,1714565300,\n"
    )
    (tmp_path / "items.csv").write_text(
        "item_id,title,genres\nm1,霸王别姬 (1993),Drama\nm2,Heat [1995],Crime|Drama\n"
        "m3,花样年华 (2000),Drama|Romance\nm4,Alien (1979),Horror\n",
        encoding="utf-8",
    )
    return tmp_path / "events.csv"
