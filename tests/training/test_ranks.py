"""Two real processes (gloo) learn what one learns."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.training.test_sequence import ITEMS, log

from penchant.training.config import (
    DistilConfig,
    GatedConfig,
    RecurrentConfig,
    ScheduleConfig,
    TrainingConfig,
)
from penchant.training.distil import train_model
from penchant.training.following import Task
from penchant.training.sequence import Trained, train_sequence
from penchant.training.streams import histories
from penchant.training.validation import Held

SIZES = RecurrentConfig(dim=8, state=8, hidden=16, dropout=0.0)
SCHEDULE = ScheduleConfig(epochs=2, lanes=8, length=16, precision="float32")
PROGRAM = """
import shutil
from pathlib import Path
import numpy as np
from penchant.training.following import dismiss
import torch
from penchant.training import sequence
from penchant.training.ranks import agree, joined, ranks
from penchant.training.sequence import follow
from tests.training.test_ranks import dropping, trained

write, saved = sequence.save_checkpoint, []

def save(path, *what):
    write(path, *what)
    saved.append(shutil.copy(path, f"{len(saved)}.safetensors"))

sequence.save_checkpoint = save
with joined() as rank:
    assert ranks() == 2
    measured = torch.tensor([2.0 * rank, 7.0])
    agree([measured])
    assert measured.tolist() == [1.0, 7.0]
    if rank:
        follow()
    else:
        runs = {"alone": trained(), "taught": trained("gru"), "begun": dropping(1)}
        begun = runs["begun"].weights
        runs["whole"] = dropping(3, begun)
        dropping(2, begun, Path("run.safetensors"))
        batches = len(saved) // 2 - 1
        assert batches > 4
        within, ended = Path(saved[batches + 3]), Path(saved[-1])
        runs["resumed within"], runs["resumed"] = (dropping(3, begun, at) for at in (within, ended))
        dismiss()
        for name, run in runs.items():
            np.savez(name, ndcgs=run.ndcgs, losses=run.losses, **run.weights)
threads = [(at / "comm").read_text() for at in Path("/proc/self/task").glob("*")]
assert not [name for name in threads if "gloo" in name], threads
"""


def dropping(
    epochs: int,
    begun: Mapping[str, NDArray[np.float32]] | None = None,
    checkpoint: Path | None = None,
) -> Trained:
    """Of three passes the first `epochs`, with activations that are dropped by chance."""
    sizes = SIZES.model_copy(update={"dropout": 0.3})
    schedule = SCHEDULE.model_copy(update={"epochs": 3, "checkpoint_minutes": 0.0})
    known = histories(log())
    return train_sequence(
        Task(
            known,
            ITEMS,
            2,
            "recurrent",
            sizes,
            schedule,
            3,
            epochs=epochs,
            checkpoint=checkpoint,
            begun=begun,
        )
    )


def trained(teacher: Any = None) -> Trained:
    columns = log()
    held = Held.make(columns, np.arange(900) >= 780, np.ones(ITEMS, bool), repeats=True)
    early = histories(columns.take(np.arange(900) < 780))
    config = TrainingConfig(
        recurrent=SIZES,
        gru=GatedConfig(dim=8, state=8, dropout=0.0),
        schedule=SCHEDULE,
        distil=DistilConfig(teacher=teacher),
    )
    return train_model(early, ITEMS, 2, config, 3, held)


def torchrun(*args: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*command, "--nproc-per-node", "2", *map(str, args)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """What two processes learned, by the name of the training: one start of both for all."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "program.py").write_text(PROGRAM)
    done = torchrun("program.py", folder=folder)
    assert done.returncode == 0, done.stderr[:5000]
    return {path.stem: dict(np.load(path)) for path in folder.glob("*.npz")}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "teacher"), [("alone", None), ("taught", "gru")])
def test_two_processes_learn_what_one_does(
    together: Mapping[str, Mapping[str, Any]], name: str, teacher: str | None
) -> None:
    alone = trained(teacher)
    np.testing.assert_allclose(together[name]["ndcgs"], alone.ndcgs, atol=1e-3)
    for part, weights in alone.weights.items():
        np.testing.assert_allclose(together[name][part], weights, atol=2e-3, err_msg=part)


@pytest.mark.slow
@pytest.mark.parametrize("cut", ["resumed", "resumed within"], ids=["after", "within a pass"])
def test_two_processes_cut_off_and_resumed_end_as_if_never_stopped(
    together: Mapping[str, Mapping[str, Any]], cut: str
) -> None:
    begun, whole, resumed = together["begun"], together["whole"], together[cut]
    learned = whole.keys() - {"ndcgs", "losses"}
    assert learned
    assert np.array_equal(whole["losses"], resumed["losses"])
    assert all(np.array_equal(whole[name], resumed[name]) for name in learned)
    assert any(not np.array_equal(whole[name], begun[name]) for name in learned)


def ingested(folder: Path, lanes: int) -> None:
    """Some views in `folder`, and settings of a tiny training in so many lanes."""
    (folder / "penchant.toml").write_text(
        "[training]\nease_items = 50\n[training.recurrent]\ndim = 8\nstate = 8\nhidden = 8\n"
        f"[training.schedule]\nepochs = 1\nlanes = {lanes}\nlength = 16\n"
    )
    rows = [f"u{n % 40},i{(n * 7 + n // 40) % 50},view,{1.6e9 + 60 * n:.0f}" for n in range(2_000)]
    (folder / "views.csv").write_text("\n".join(["user_id,item_id,event_type,timestamp", *rows]))
    penchant = [sys.executable, "-m", "penchant"]
    subprocess.run([*penchant, "ingest", "views.csv"], cwd=folder, check=True)


@pytest.mark.slow
def test_penchant_train_under_torchrun_publishes_one_artifact(tmp_path: Path) -> None:
    ingested(tmp_path, lanes=4)
    done = torchrun("-m", "penchant", "train", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr[:5000]
    told = json.loads(done.stdout)
    folders = [f.name for f in (tmp_path / "penchant.db.artifacts").iterdir() if f.is_dir()]
    assert folders == [told["artifact"]]


@pytest.mark.slow
def test_what_stops_two_processes_is_said_and_leaves_none_waiting(tmp_path: Path) -> None:
    ingested(tmp_path, lanes=1)
    done = torchrun("-m", "penchant", "train", folder=tmp_path)
    assert done.returncode != 0
    assert "error: 1 lanes cannot be shared by 2 processes; raise lanes" in done.stderr
    assert "Connection closed by peer" not in done.stderr
