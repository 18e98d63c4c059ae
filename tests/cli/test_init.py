"""`penchant init` writes settings and a database, and overwrites nothing unasked."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def test_init_writes_every_key_and_an_empty_database(ask: Ask, tmp_path: Path) -> None:
    told = ask("init", "films")
    assert told == {
        "config": "films/penchant.toml",
        "db": "films/penchant.db",
        "made_db": True,
        "events": 0,
    }
    written = tomllib.loads((tmp_path / "films/penchant.toml").read_text())
    assert written["training"]["held_out"] == 0.1
    assert written["signals"]["dismiss"]["hides"] is True
    assert (tmp_path / "films/penchant.db").stat().st_size > 0


def test_what_init_says_comes_next_works_under_its_settings(run: Run) -> None:
    told = run("init", "films").stdout.splitlines()[-1]
    assert told == (
        "next: penchant ingest movietweetings --db films/penchant.db --config films/penchant.toml"
    )
    told = run("init").stdout.splitlines()[-1]
    assert told == "next: penchant ingest movietweetings --db penchant.db"


def test_init_keeps_settings_that_are_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "penchant.toml").write_text('clock = "log"\n')
    assert "write it anew with --force" in run("init", code=1).stderr
    assert (tmp_path / "penchant.toml").read_text() == 'clock = "log"\n'
    assert not (tmp_path / "penchant.db").exists()


def test_force_writes_settings_anew_and_keeps_the_database(
    run: Run, ask: Ask, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text('clock = "log"\n')
    run("ingest", small)
    told = ask("init", "--force")
    assert (told["made_db"], told["events"]) == (False, 6)
    assert 'clock = "wall"' in (tmp_path / "penchant.toml").read_text()
