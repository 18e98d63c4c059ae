"""A model learns from a teacher that is trained first, on the same events."""

import numpy as np
import pytest

from penchant.features.reader import FeatureColumns
from penchant.training.config import (
    DistilConfig,
    GatedConfig,
    RecurrentConfig,
    ScheduleConfig,
    TrainingConfig,
)
from penchant.training.distil import train_model
from penchant.training.following import Task
from penchant.training.sequence import Progress, Trained, train_sequence
from penchant.training.streams import Histories, histories
from penchant.training.validation import Held

ITEMS = 20
CONFIG = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=16),
    gru=GatedConfig(dim=8),
    schedule=ScheduleConfig(epochs=4, lanes=8, length=16),
)


def walk(n: int = 900, step: int = 1) -> FeatureColumns:
    """Users who walk through the catalogue: there is something to learn."""
    user = np.random.default_rng(0).integers(0, 30, n).astype(np.int32)
    nth = np.zeros(n, int)
    for who in range(30):
        nth[user == who] = np.arange((user == who).sum())
    return FeatureColumns(
        user,
        ((nth * step + user * 7) % ITEMS).astype(np.int32),
        np.ones(n, np.int64),
        np.ones(n, np.float32),
        np.zeros(n, np.float32),
        np.arange(n) * 600.0,
    )


def taught(weight: float = 0.5, **how: object) -> TrainingConfig:
    schedule = CONFIG.schedule.model_copy(update=how)
    return CONFIG.model_copy(
        update={"distil": DistilConfig(teacher="gru", weight=weight), "schedule": schedule}
    )


def known() -> Histories:
    f = walk()
    return histories(f.take(np.arange(len(f.row)) < 780))


def held() -> Held:
    f = walk()
    return Held.make(f, np.arange(len(f.row)) >= 780, np.ones(ITEMS, bool), repeats=True)


def same(one: Trained, two: Trained) -> bool:
    return one.weights.keys() == two.weights.keys() and all(
        np.array_equal(one.weights[name], two.weights[name]) for name in one.weights
    )


def test_without_a_teacher_it_is_plain_training() -> None:
    plain = train_sequence(
        Task(known(), ITEMS, 1, "recurrent", CONFIG.recurrent, CONFIG.schedule, 3, held())
    )
    one = train_model(known(), ITEMS, 1, CONFIG, 3, held())
    assert same(one, plain)
    assert one.teacher is None


def test_a_teacher_whose_answers_weigh_nothing_changes_nothing() -> None:
    plain = train_model(known(), ITEMS, 1, CONFIG, 3)
    assert plain.losses == pytest.approx(
        train_model(known(), ITEMS, 1, taught(weight=0.0), 3).losses, abs=1e-5
    )


@pytest.mark.parametrize("loss", ["full", "sampled"])
def test_the_teacher_is_trained_first_and_the_same_seed_gives_the_same_student(loss: str) -> None:
    stages: list[str] = []

    def watch(at: Progress) -> None:
        if at.stage not in stages:
            stages.append(at.stage)

    config = taught(loss=loss, negatives=16)
    one = train_model(known(), ITEMS, 1, config, 3, held(), watch=watch)
    alone = train_sequence(Task(known(), ITEMS, 1, "gru", config.gru, config.schedule, 3, held()))
    assert stages == ["teacher:gru", "train"]
    assert one.teacher is not None
    assert same(one.teacher, alone)
    assert same(one, train_model(known(), ITEMS, 1, config, 3, held()))
    assert not same(one, train_model(known(), ITEMS, 1, CONFIG, 3, held()))


def test_a_student_of_a_teacher_alone_learns_what_the_events_said_to_the_teacher() -> None:
    one = train_model(known(), ITEMS, 1, taught(weight=1.0, epochs=24), 3, held())
    assert one.teacher is not None
    assert one.teacher.ndcg > 0.6
    assert one.ndcg > 0.7  # of chance: 0.23


def test_a_second_training_takes_the_passes_of_both_from_the_first() -> None:
    first = train_model(known(), ITEMS, 1, taught(), 3, held())
    assert first.teacher is not None
    again = train_model(histories(walk()), ITEMS, 1, taught(), 3, chosen=first)
    assert again.teacher is not None
    assert len(again.losses) == first.epochs
    assert len(again.teacher.losses) == first.teacher.epochs
