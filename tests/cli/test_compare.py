"""`penchant compare` leaves a report behind and says which model to serve."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

TINY = """
[training]
ease_items = 100
[training.recurrent]
dim = 8
state = 8
hidden = 8
"""


@pytest.mark.slow
def test_a_quick_comparison_writes_its_folder(
    ask: Callable[..., dict[str, Any]], films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:1_500]
    lines[0] = lines[0].replace("user_id", "who")
    (tmp_path / "some log.csv").write_text("".join(lines))
    how = ("--models", "recurrent", "--repeats", "drop", "--map", "user_id=who", "--quick")
    told = ask("compare", "some log.csv", *how, "--out", "here")
    assert told["serve"]["model"] == "recurrent"
    assert told["folder"] == "here"
    text = (tmp_path / "here" / "report.md").read_text()
    again = "--repeats drop --models recurrent --map user_id=who --seeds 0 --quick"
    assert f"Made by: penchant compare 'some log.csv' {again}" in text
    assert (tmp_path / "here" / "report.html").exists()


def test_a_model_that_does_not_exist_is_refused_before_anything_is_read(
    run: Callable[..., Result],
) -> None:
    said = run("compare", "nowhere.csv", "--models", "sasrec", code=1).stderr
    assert "sasrec" in said
    assert "recurrent" in said


def test_a_folder_that_cannot_be_made_is_an_error_before_anything_is_trained(
    run: Callable[..., Result], films: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    said = run("compare", films / "events.csv", "--out", "file/report", code=1).stderr
    assert "file/report" in said
    assert "training" not in said
    assert (tmp_path / "file").read_text() == "mine"
