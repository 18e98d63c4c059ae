"""Whatever a training was cut off in, it goes on to the weights that it would have had."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.contracts.test_sequence_nets import SMALL
from tests.training.test_sequence import ITEMS, log, same

from penchant.interests.models import SEQUENCE_MODELS
from penchant.training import sequence
from penchant.training.config import AugmentConfig, ContrastConfig, ModelName, ScheduleConfig
from penchant.training.following import Task
from penchant.training.sequence import Trained, train_sequence
from penchant.training.streams import histories
from penchant.training.validation import Held


def trained(name: ModelName, checkpoint: Path | None = None, **how: object) -> Trained:
    """Two passes of seven batches, activations dropped by chance, judged on later events."""
    columns = log()
    early = np.arange(len(columns.row)) < 780
    held = Held.make(columns, ~early, np.ones(ITEMS, bool), repeats=True)
    sizes: Any = SEQUENCE_MODELS[name].config(**{**SMALL[name], "dropout": 0.3})
    schedule = ScheduleConfig(epochs=2, lanes=8, length=16, checkpoint_minutes=0.0)
    known = histories(columns.take(early))
    schedule = schedule.model_copy(update=how)
    return train_sequence(
        Task(known, ITEMS, 2, name, sizes, schedule, 3, held, checkpoint=checkpoint)
    )


def every_checkpoint(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[Path]:
    """Fills, while something trains, with a copy of each checkpoint that it leaves."""
    kept: list[Path] = []
    write = sequence.save_checkpoint

    def save(path: Path, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        write(path, dict(tensors), dict(facts))
        kept.append(folder / f"{len(kept)}.safetensors")
        shutil.copy(path, kept[-1])

    monkeypatch.setattr(sequence, "save_checkpoint", save)
    return kept


def told(run: Trained) -> tuple[object, ...]:
    return run.losses, run.ndcgs, run.epochs, run.ndcg


@pytest.mark.parametrize("name", SMALL)
def test_a_training_goes_on_from_any_batch_as_if_never_cut_off(
    name: ModelName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(name)
    kept = every_checkpoint(monkeypatch, tmp_path)
    again = trained(name, tmp_path / "run.safetensors")
    assert same(whole, again)  # a second training with the seed; to save changes nothing
    batches = len(kept) // 2 - 1
    assert len(kept) == 2 * (batches + 1) >= 12  # and one after each pass
    for cut in (0, 3, batches, batches + 2, len(kept) - 1):
        resumed = trained(name, kept[cut])
        assert same(whole, resumed), cut
        assert told(whole) == told(resumed)


@pytest.mark.parametrize("kind", ["views", "same_next"])
def test_so_does_one_whose_histories_are_changed_by_chance(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {
        "augment": AugmentConfig(crop=0.5, leave_out=0.5, mask=0.5, reorder=0.5, noise=0.5),
        "contrast": ContrastConfig(weight=0.1, kind=kind, histories=8),  # type: ignore[arg-type]
    }
    kept = every_checkpoint(monkeypatch, tmp_path)
    whole = trained("recurrent", tmp_path / "run.safetensors", **how)
    for cut in (2, len(kept) - 3):
        resumed = trained("recurrent", kept[cut], **how)
        assert same(whole, resumed), cut
        assert told(whole) == told(resumed)
