from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penchant.core.errors import ArtifactCorruptError, ArtifactError, DivergedError
from penchant.features.reader import FeatureColumns
from penchant.interests.event_input import SIGNAL
from penchant.training import sequence
from penchant.training.config import (
    AugmentConfig,
    ContrastConfig,
    LruConfig,
    ModelName,
    RecurrentConfig,
    ScheduleConfig,
    TransformerConfig,
)
from penchant.training.following import Task
from penchant.training.sequence import Trained, refresh_sequence, train_sequence
from penchant.training.streams import histories
from penchant.training.validation import Held

ITEMS = 20
SIZES = RecurrentConfig(dim=8, state=8, hidden=16)
SMALL = ScheduleConfig(epochs=5, lanes=8, length=16, checkpoint_minutes=0.0)


def log(seed: int = 0, n: int = 900) -> FeatureColumns:
    """Users who walk through the catalogue in steps of one: there is something to learn."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, 30, n).astype(np.int32)
    order = np.argsort(np.argsort(user, kind="stable"))
    return FeatureColumns(
        user,
        ((order + user * 7) % ITEMS).astype(np.int32),
        rng.integers(1, 3, n),
        np.ones(n, np.float32),
        rng.normal(size=n).astype(np.float32),
        np.arange(n) * 600.0,
    )


def trained(epochs: int | None = None, checkpoint: Path | None = None, **how: object) -> Trained:
    columns = log()
    held = None
    if how.pop("held", False):
        met = np.ones(ITEMS, bool)
        held = Held.make(columns, np.arange(len(columns.row)) >= 780, met, repeats=True)
        columns = columns.take(np.arange(len(columns.row)) < 780)
    sizes = SIZES.model_copy(update={"learning_rate": how.pop("learning_rate", 5e-3)})
    config = SMALL.model_copy(update=how)
    known = histories(columns)
    return train_sequence(
        Task(known, ITEMS, 2, "recurrent", sizes, config, 3, held, epochs, checkpoint)
    )


def same(one: Trained, two: Trained) -> bool:
    return one.weights.keys() == two.weights.keys() and all(
        np.array_equal(one.weights[name], two.weights[name]) for name in one.weights
    )


@pytest.mark.parametrize("model", ["recurrent", "transformer", "lru"])
def test_how_loud_all_weights_are_changes_nothing_that_is_learned(model: ModelName) -> None:
    sizes = {
        "recurrent": SIZES,
        "transformer": TransformerConfig(dim=8, layers=1, heads=2, window=16),
        "lru": LruConfig(dim=8, state=8),
    }[model]
    runs = []
    for loud in (1.0, 32.0):  # a power of two, so that nothing is rounded
        columns = log()
        weight = np.where(np.arange(len(columns.weight)) % 3, 1.0, -0.5) * loud
        known = histories(columns._replace(weight=weight.astype(np.float32)))
        schedule = SMALL.model_copy(update={"epochs": 2})
        begun = train_sequence(Task(known, ITEMS, 2, model, sizes, schedule, 3))
        runs.append(refresh_sequence(begun.weights, known, 2, model, sizes, schedule, 4))
    quiet, loud_one = runs
    assert np.abs(quiet[SIGNAL][:, 0]).max() > 0.01
    loud_one[SIGNAL][:, 0] *= 32.0
    for name, array in quiet.items():
        np.testing.assert_array_equal(loud_one[name], array, err_msg=name)


@pytest.mark.parametrize(
    "how",
    [
        {"loss": "full"},
        {"loss": "sampled", "negatives": 16},
        {"loss": "sampled", "negatives": 16, "negatives_from": "popular"},
        {"loss": "sampled", "negatives": 16, "negatives_from": "mixed"},
    ],
)
def test_the_same_seed_gives_the_same_weights_bit_by_bit(how: dict[str, Any]) -> None:
    how = {**how, "epochs": 10}
    one = trained(**how)
    torch.rand(7)  # whoever else draws from torch does not disturb
    assert same(one, trained(**how))
    assert one.losses[-1] < one.losses[0]


@pytest.mark.parametrize(
    ("events", "passes", "waits"),
    [
        (0, 100, 16),
        (14_000, 100, 16),
        (35_000, 40, 6),
        (60_000, 24, 4),
        (150_000, 24, 4),
        (300_000, 12, 4),
        (9**9, 6, 4),
    ],
)
def test_small_logs_are_read_more_often(events: int, passes: int, waits: int) -> None:
    assert ScheduleConfig().passes(events) == passes
    assert ScheduleConfig(epochs=3).passes(events) == 3
    assert ScheduleConfig().waits(passes) == waits
    assert ScheduleConfig(patience=2).waits(passes) == 2


@pytest.mark.parametrize("held", [False, True])
def test_a_run_cut_off_and_resumed_ends_as_the_uninterrupted_one(
    tmp_path: Path, held: bool
) -> None:
    whole = trained(epochs=4, held=held, patience=4)
    path = tmp_path / "run.safetensors"
    trained(epochs=1, checkpoint=path, held=held, patience=4)
    assert path.exists()
    trained(epochs=3, checkpoint=path, held=held, patience=4)
    resumed = trained(epochs=4, checkpoint=path, held=held, patience=4)
    assert same(whole, resumed)
    assert (whole.losses, whole.ndcgs) == (resumed.losses, resumed.ndcgs)
    assert (whole.epochs, whole.ndcg) == (resumed.epochs, resumed.ndcg)


def test_a_run_with_augmented_histories_resumes_to_the_same_result(tmp_path: Path) -> None:
    how = {
        "augment": AugmentConfig(crop=0.5, leave_out=0.5, mask=0.5, reorder=0.5, noise=0.5),
        "contrast": ContrastConfig(weight=0.1, kind="same_next", histories=8),
    }
    whole, plain = trained(epochs=2, **how), trained(epochs=2)
    path = tmp_path / "run.safetensors"
    trained(epochs=1, checkpoint=path, **how)
    assert same(whole, trained(epochs=2, checkpoint=path, **how))
    assert not same(whole, plain)


def test_the_step_size_falls_to_its_end_where_histories_are_cropped_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates = []

    def noted(highest: float, step: int, steps: int) -> float:
        rates.append(rate(highest, step, steps) / highest)
        return rates[-1] * highest

    rate = sequence._rate
    monkeypatch.setattr(sequence, "_rate", noted)
    trained(augment=AugmentConfig(crop=1.0, crop_share=0.3), lanes=2, length=8)
    assert max(rates) > 0.8
    assert rates[-1] < 0.15


def test_a_run_resumed_when_it_was_done_is_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    whole = trained(epochs=2, checkpoint=path)
    again = trained(epochs=2, checkpoint=path)
    assert same(whole, again)
    assert again.events_per_s == whole.events_per_s > 0


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    trained(epochs=1, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArtifactCorruptError, match=r"run\.safetensors is damaged"):
        trained(epochs=2, checkpoint=path)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"learning_rate": 1e-3}, "its sizes differ"),
        ({"lanes": 4}, "its schedule differ"),
        ({"held": True}, "its events, targets differ"),
    ],
)
def test_a_checkpoint_of_another_training_is_not_gone_on_from(
    tmp_path: Path, how: dict[str, Any], says: str
) -> None:
    path = tmp_path / "run.safetensors"
    trained(epochs=1, checkpoint=path)
    with pytest.raises(ArtifactError, match=f"run.safetensors is of another training: {says}"):
        trained(epochs=2, checkpoint=path, **how)


def test_a_loss_that_is_no_number_ends_training_and_says_what_to_do() -> None:
    begun = trained(epochs=1).weights
    begun["norm.weight"] = np.full_like(begun["norm.weight"], np.nan)
    with pytest.raises(
        DivergedError, match=r"no finite number in pass 1, at a learning_rate of 0."
    ):
        train_sequence(Task(histories(log()), ITEMS, 2, "recurrent", SIZES, SMALL, 3, begun=begun))


def test_training_stops_when_later_events_stop_improving_and_gives_the_best_pass() -> None:
    run = trained(held=True, patience=1, epochs=40, learning_rate=0.05)
    assert len(run.ndcgs) < 40
    assert run.ndcg == max(run.ndcgs) == run.ndcgs[run.epochs - 1]
    assert run.ndcg > 0.3


def test_where_no_later_event_can_be_predicted_training_makes_all_its_passes() -> None:
    columns = log()
    held = Held.make(columns, np.zeros(len(columns.row), bool), np.ones(ITEMS, bool), repeats=True)
    run = train_sequence(
        Task(histories(columns), ITEMS, 2, "recurrent", SIZES, SMALL, 3, held=held)
    )
    assert (run.epochs, run.ndcgs) == (5, ())
    assert same(run, trained())
