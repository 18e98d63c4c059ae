"""One thread per process, for spinning threads steal from each other; a database really trained."""

# ruff: noqa: E402, PLC0415  threads are counted at import; fast tests never load torch
import os

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(library, "1")

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings

# a busy machine is no failure: nothing is gated on wall time
settings.register_profile("penchant", deadline=None)
settings.load_profile("penchant")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that none is left alone at the end of a run."""
    longest = ("journeys", "test_docs.py", "test_ranks.py")
    items.sort(key=lambda item: not any(part in longest for part in item.path.parts))


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with films.db, trained by whichever process of the run needs it first."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "trained"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            begun = tmp_path_factory.mktemp("training")
            train_films(begun)
            begun.rename(folder)
    return folder


def train_films(folder: Path) -> None:
    """Write films.db: 5,000 real events and a tiny model, really trained on them.

    In its blend every source has a say, so that whatever one of them gets wrong shows in slates.
    """
    from penchant.engine.config import EngineConfig
    from penchant.engine.engine import Engine
    from penchant.ingest.datasets import open_dataset
    from penchant.training.config import RecurrentConfig, ScheduleConfig
    from penchant.training.fit import TrainingConfig, fit

    dataset = open_dataset("movietweetings")
    events = next(dataset.events(5_000))
    met = {event.item for event in events}
    small = RecurrentConfig(dim=16, state=16, hidden=32, behaviour=0.2)
    with Engine.open(folder / "films.db", EngineConfig(clock="log")) as engine:
        engine.put_items(item for item in dataset.items if item.id in met)
        engine.observe_many(events)
        learned = fit(
            engine.columns(),
            engine.items(),
            engine.config.signals,
            TrainingConfig(recurrent=small, schedule=ScheduleConfig(epochs=2)),
            seed=1,
        )
        blend = replace(learned.blend, base=np.zeros_like(learned.blend.base), chosen="blend")
        engine.publish(replace(learned, blend=blend))


@pytest.fixture
def trained(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Path]:
    """Gives the path of a database of one's own, a copy of the trained one."""
    numbers = itertools.count()

    def copy() -> Path:
        folder = tmp_path / f"trained-{next(numbers)}"
        shutil.copytree(request.getfixturevalue("trained_once"), folder)
        return folder / "films.db"

    return copy


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Runs `penchant serve` as a process of its own while a block runs; gives its address."""
    return serving


@contextmanager
def serving(db: Path, *options: str, **environ: str) -> Iterator[str]:
    """`penchant serve` on `db` at a port that is free."""
    command = [sys.executable, "-m", "penchant", "serve", "--db", str(db), "--clock", "log"]
    clean = {name: value for name, value in os.environ.items() if "PENCHANT_" not in name}
    process = subprocess.Popen(
        [*command, "--port", "0", "--json", *options],
        cwd=db.parent,
        env={**clean, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        code = process.wait(30)
        process.stdout.close()
    assert code == 0
