"""`penchant train` publishes an artifact, shows how it goes, and says when there is too little."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import penchant.training.train as training
from penchant.engine.engine import Engine

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
TINY = """
[training]
ease_items = 100
[training.recurrent]
dim = 8
state = 8
hidden = 8
[training.schedule]
epochs = 1
"""


@pytest.mark.slow
def test_train_publishes_what_the_next_slate_is_made_with(
    run: Run, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:3_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    run("ingest", "some.csv")
    result = run("train", "--seed", 3, "--json")
    told = json.loads(result.stdout)
    assert told["card"]["seed"] == 3
    assert told["card"]["passes"] == 1
    assert told["card"]["config"]["recurrent"]["dim"] == 8
    assert (tmp_path / "penchant.db.artifacts" / told["artifact"]).is_dir()
    assert "EASE\nhow far to trust each source\n" in result.stderr
    assert result.stderr.count(f"training on {told['card']['hardware']}\n") == 1
    slate = json.loads(run("recommend", 1, "--clock", "log", "--json").stdout)
    assert slate["artifact"] == told["artifact"]
    begun = json.loads(
        run("train", "--from", f"penchant.db.artifacts/{told['artifact']}", "--json").stdout
    )
    assert begun["card"]["config"]["begin"].endswith(told["artifact"])
    assert begun["card"]["losses"] != told["card"]["losses"]
    assert (
        "no artifact to begin training from at nowhere"
        in run("train", "--from", "nowhere", code=1).stderr
    )
    shown = run("train").stdout
    assert ["events", "2,999"] in [line.split() for line in shown.splitlines()]
    assert "NDCG@10" in shown


def test_too_little_says_how_much_is_needed(run: Run, small: Path) -> None:
    run("ingest", small)
    told = run("train", code=1).stderr
    assert "4 positive events follow another of their user; training needs at least 100" in told


def test_of_some_hundred_events_counts_serve_alike_and_it_says_so(
    run: Run, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:900]
    (tmp_path / "some.csv").write_text("".join(lines))
    run("ingest", "some.csv")
    shown = run("train").stdout
    assert ["serves", "counts", "alike"] in [line.split() for line in shown.splitlines()]
    assert "too few held-out events to weigh the sources by" in shown
    slate = json.loads(run("recommend", 1, "--clock", "log", "--json").stdout)
    parts = [one["parts"] for one in slate["items"]]
    assert all(abs(one["recurrent"]) < 1e-9 for one in parts)
    assert all(one["trending_30d"] > 0 for one in parts)


def test_ctrl_c_says_what_is_kept(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stopped)
    run("ingest", small)
    assert "no checkpoint was due yet" in run("train", code=130).stderr
    folder = tmp_path / "penchant.db.training"
    folder.mkdir()
    (folder / "choose-run.safetensors").touch()
    told = run("train", code=130).stderr
    assert "`penchant train --resume` goes on" in told
    assert "the engine serves as before, with no trained model" in told
    with Engine.open("penchant.db") as engine:
        assert engine.facts()["events"] == 6


@pytest.mark.slow
def test_a_run_folder_holds_settings_curves_and_the_card(
    run: Run, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:2_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    run("ingest", "some.csv")
    told = json.loads(run("train", "--run-folder", "runs/one", "--json").stdout)
    folder = tmp_path / "runs" / "one"
    assert json.loads((folder / "card.json").read_text()) == told["card"]
    assert json.loads((folder / "config.json").read_text())["training"]["ease_items"] == 100
    assert {"choose", "train"} == {
        line.split(",")[0] for line in (folder / "curves.csv").read_text().splitlines()[1:]
    }
    assert (folder / "curves.png").stat().st_size > 1_000


@pytest.mark.slow
def test_a_model_with_a_teacher_is_served_alone_and_leaves_no_checkpoint(
    run: Run, films: Path, tmp_path: Path
) -> None:
    distil = '[training.distil]\nteacher = "gru"\n[training.gru]\ndim = 8\n'
    often = TINY.replace("[training.schedule]", "[training.schedule]\ncheckpoint_minutes = 0.0")
    (tmp_path / "penchant.toml").write_text(often + distil)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:2_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    run("ingest", "some.csv")
    told = json.loads(run("train", "--json").stdout)
    card = told["card"]
    assert len(card["teacher_held_out_ndcg10_by_pass"]) >= 1
    assert card["config"]["distil"]["teacher"] == "gru"
    assert not [*tmp_path.glob("penchant.db.training/*.safetensors")]
    slate = json.loads(run("recommend", 1, "--clock", "log", "--json").stdout)
    assert slate["artifact"] == told["artifact"]
