"""Train the chosen model; where it has a teacher, that one first, on the same events."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penchant.training.config import TrainingConfig
from penchant.training.following import Task
from penchant.training.sequence import Trained, Watch, train_sequence
from penchant.training.streams import Histories
from penchant.training.teacher import Teaching
from penchant.training.validation import Held


def train_model(  # noqa: PLR0913  what a `Task` is made of
    events: Histories,
    items: int,
    types: int,
    config: TrainingConfig,
    seed: int,
    held: Held | None = None,
    chosen: Trained | None = None,
    stage: str = "train",
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    begun: Mapping[str, NDArray[np.float32]] | None = None,
) -> Trained:
    """As `train_sequence`, with what `config` says of the model, its teacher and the schedule.

    `chosen` is an earlier training that tells the number of passes, of the teacher too. The teacher
    sees the events its student sees and no others, so that nothing later reaches the student
    through it.
    """
    if chosen is not None:  # a log that has grown a little keeps the curve of the step size
        schedule = config.schedule.model_copy(update={"epochs": chosen.planned})
        config = config.model_copy(update={"schedule": schedule})
    told = None if chosen is None or chosen.teacher is None else chosen.teacher.epochs
    kept = None if checkpoint is None else checkpoint.with_name("teacher-" + checkpoint.name)
    begins = "teacher" if chosen is None else "teacher-final"
    first, teacher = train_teacher(
        events, items, types, config, seed, held, told, begins, watch, kept
    )
    task = Task(
        events,
        items,
        types,
        config.model,
        config.sizes,
        config.schedule,
        seed,
        held,
        None if chosen is None else chosen.epochs,
        checkpoint,
        begun,
        teacher,
    )
    return replace(train_sequence(task, stage, watch), teacher=first)


def train_teacher(  # noqa: PLR0913  what a `Task` is made of
    events: Histories,
    items: int,
    types: int,
    config: TrainingConfig,
    seed: int,
    held: Held | None = None,
    epochs: int | None = None,
    stage: str = "teacher",
    watch: Watch | None = None,
    checkpoint: Path | None = None,
) -> tuple[Trained, Teaching] | tuple[None, None]:
    """The teacher that `config` names, trained, and what a student needs; nothing without one."""
    name = config.distil.teacher
    if name is None:
        return None, None
    sizes = config.model_copy(update={"model": name}).sizes
    sizes = sizes.model_copy(update={"query_time": config.sizes.query_time})
    task = Task(events, items, types, name, sizes, config.schedule, seed, held, epochs, checkpoint)
    trained = train_sequence(task, f"{stage}:{name}", watch)
    return trained, Teaching(name, sizes, trained.weights, config.distil.weight)
