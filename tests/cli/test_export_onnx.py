"""`penchant export-onnx` writes one folder, or says in one sentence why it does not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.engine.learned import load_learned, save_learned

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_it_writes_two_graphs_and_what_they_mean_with_the_signals_of_the_settings(
    run: Run, ask: Ask, trained: Callable[[], Path], tmp_path: Path
) -> None:
    db = trained()
    name = Path(f"{db}.artifacts", "current").read_text().strip()
    (tmp_path / "penchant.toml").write_text("[signals.rating]\nthreshold = 6.0\n")
    told = ask("export-onnx", f"{db}.artifacts/{name}", "to/model")
    folder = tmp_path / "to" / "model"
    files = {"step.onnx", "read.onnx", "items.safetensors", "items.json", "model.json"}
    assert {path.name for path in folder.iterdir()} == files
    assert told == {"folder": "to/model", **json.loads((folder / "model.json").read_text())}
    assert told["artifact"] == name
    assert told["types"]["rating"]["threshold"] == 6.0
    said = run("export-onnx", f"{db}.artifacts/{name}", "to/model").stdout
    items = f"{told['items']['biases'][0]:,} items"
    assert f"to/model: step and read of {name} (recurrent), vectors of {items}" in said


@pytest.mark.slow
def test_a_model_that_cannot_be_written_is_refused_and_leaves_no_file(
    run: Run, trained: Callable[[], Path], tmp_path: Path
) -> None:
    artifacts = Path(f"{trained()}.artifacts")
    learned = load_learned(artifacts / (artifacts / "current").read_text().strip())
    (tmp_path / "other").mkdir()
    save_learned(replace(learned, model="transformer"), tmp_path / "other")
    said = run("export-onnx", "other", "model", code=1).stderr
    assert "a 'transformer' model cannot be written as ONNX" in said
    assert "recurrent, lru, gru, lstm" in said
    assert not (tmp_path / "model").exists()


def test_where_there_is_no_artifact_it_says_what_is_one(run: Run) -> None:
    said = run("export-onnx", "nowhere", "model", code=1).stderr
    assert "there is no artifact at nowhere; allowed is a folder" in said
