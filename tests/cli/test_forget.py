"""`penchant forget` asks, erases, and says what remains."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant import Engine

Run = Callable[..., Result]

Ask = Callable[..., dict[str, Any]]
USER = "ann-of-green-gables"


@pytest.fixture
def stored(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "given.csv"
    file.write_text(
        f"user,item,type,time\n{USER},m1,view,5\nbob,m1,view,6\n{USER},m2,veiw,7\n{USER},m2,view,8\n"
    )
    run("ingest", file, code=1)
    file.unlink()


@pytest.mark.usefixtures("stored")
def test_no_byte_of_the_user_is_left_in_any_file(ask: Ask, tmp_path: Path) -> None:
    before = [path for path in tmp_path.iterdir() if USER.encode() in path.read_bytes()]
    assert sorted(path.name for path in before) == ["penchant.db", "penchant.db.rejected.jsonl"]
    receipt = ask("forget", USER, "--yes")
    left = ["the catalogue keeps the ids of items that only they had met (1): m2"]
    assert (receipt["user"], receipt["events"], receipt["remains"]) == (USER, 2, left)
    assert not [path for path in tmp_path.iterdir() if USER.encode() in path.read_bytes()]


@pytest.mark.usefixtures("stored")
def test_it_asks_first_and_no_means_no(run: Run) -> None:
    told = run("forget", USER, typed="n\n", code=1)
    assert "Erase ann-of-green-gables and 2 events for good?" in told.stderr
    assert "2 events and 0 states erased" in run("forget", USER, typed="y\n").stdout


@pytest.mark.usefixtures("stored")
def test_with_json_nobody_is_asked_and_without_yes_nobody_is_erased(run: Run, ask: Ask) -> None:
    told = run("forget", USER, "--json", typed="y\n", code=1)
    error = f"{USER} was not erased: with --json nobody is asked; add --yes to erase them"
    assert json.loads(told.stdout) == {"error": error}
    assert ask("forget", USER, "--yes")["events"] == 2


@pytest.mark.usefixtures("stored")
def test_somebody_unknown_is_an_error(run: Run) -> None:
    assert "no user has the id 'eve'" in run("forget", "eve", "--yes", code=1).stderr


@pytest.mark.usefixtures("stored")
def test_a_user_whose_every_event_was_undone_can_still_be_erased(ask: Ask, tmp_path: Path) -> None:
    with Engine.open(tmp_path / "penchant.db") as engine:
        assert engine.undo(engine.observe("zoe", "m1").event)
    receipt = ask("forget", "zoe", "--yes")
    assert (receipt["user"], receipt["events"]) == ("zoe", 0)
