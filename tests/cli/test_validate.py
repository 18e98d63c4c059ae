"""`penchant validate` says what data is worth; its exit code says whether it is enough."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

from penchant.cli.validate import NOT_ENOUGH

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def test_real_films_are_enough(ask: Ask, films: Path) -> None:
    told = ask("validate", films)
    assert told["events"] == 9_999
    assert told["completeness"]["item_title"] == 1.0
    assert told["enough"]["enough"] is True
    assert told["first_rejected"] == []


def test_six_events_are_not_and_the_reason_says_by_how_much(run: Run, small: Path) -> None:
    told = run("validate", small, code=NOT_ENOUGH).stdout
    assert "not enough to train on" in told
    assert "4 positive events after a user's first; 1,000 are needed, 996 more" in told


def test_other_columns_are_named_with_map(run: Run, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text("who,itemid,ts\n7,1,1714564800\n7,2,1714564801\n")
    assert "--map FIELD=COLUMN" in run("validate", file, code=1).stderr
    told = ask("validate", file, "--map", "user_id=who", "--type", "view", code=NOT_ENOUGH)
    assert told["events"] == 2


def test_types_without_signal_are_reported(run: Run, ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("user,item,type,time\n1,a,tap,5\n1,b,view,6\n")
    told = ask("validate", file, code=NOT_ENOUGH)
    assert told["consistency"]["types_without_signal"] == ["tap"]
    told = run("validate", file, code=NOT_ENOUGH).stdout.replace("\n", " ")
    assert "leaves out events of type tap until the config has [signals.tap]" in told
    assert "the newest event is of 1970" in told


def test_a_missing_file_says_what_may_stand_there(run: Run) -> None:
    assert "none.csv does not exist" in run("validate", "none.csv", code=1).stderr
    told = run("validate", "movietweets", code=1).stderr
    assert "did you mean 'movietweetings'?" in told


def test_what_training_refuses_for_its_one_instant_is_not_called_enough(
    run: Run, tmp_path: Path
) -> None:
    rows = [f"u{n % 80},i{n // 80},view,2024-01-01" for n in range(4_000)]
    file = tmp_path / "day.csv"
    file.write_text("\n".join(["user_id,item_id,event_type,timestamp", *rows]))
    told = run("validate", file, code=NOT_ENOUGH).stdout.replace("\n", " ")
    reason = "100% of 4,000 events have the earliest time there is"
    assert f"not enough to train on: {reason}" in told
    assert reason in run("evaluate", file, code=1).stderr
