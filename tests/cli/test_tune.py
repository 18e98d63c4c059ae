"""`penchant tune` on the first films; what it finds loads as settings."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from penchant.cli.settings import load_settings

Run = Callable[..., Result]
TINY = """
[training.recurrent]
dim = 8
state = 8
hidden = 8
layers = 1
[training.schedule]
epochs = 1
"""


@pytest.mark.slow
def test_tune_prints_settings_that_train_like_the_best_trial(
    run: Run, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:3_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    result = run("tune", "some.csv", "--trials", 2, "--study", "study.db")
    assert "trial 2: " in result.stderr
    found = result.stdout[result.stdout.index("[training]") :]
    (tmp_path / "best.toml").write_text(found)
    told = json.loads(
        run("tune", "some.csv", "--trials", 2, "--study", "study.db", "--json").stdout
    )
    assert len(told["trials"]) == 2
    assert told["best"]["ndcg"] == max(trial["ndcg"] or 0.0 for trial in told["trials"])
    best = load_settings(tmp_path / "best.toml").training
    assert best.model_dump(mode="json") == told["config"]
    assert tomllib.loads(found)["training"]["recurrent"]["dim"] == told["best"]["settings"]["dim"]


def test_without_data_it_says_what_it_needs(run: Run) -> None:
    assert "a source or --db" in run("tune", code=1).stderr
