"""What process 0 of several is about to train, handed to the others, which then do the same."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from penchant.features.reader import FeatureColumns
from penchant.interests.models import SEQUENCE_MODELS
from penchant.training.config import ModelName, ScheduleConfig, SequenceConfig
from penchant.training.ranks import to_all
from penchant.training.streams import Histories
from penchant.training.teacher import Teaching
from penchant.training.validation import Held

Arrays = dict[str, NDArray[Any]]


class Task(NamedTuple):
    """What a training is of: on the same hardware, the same task gives the same weights."""

    events: Histories
    items: int
    """Rows of the item table; the last stands for those without a vector."""
    types: int
    model: ModelName
    sizes: SequenceConfig
    schedule: ScheduleConfig
    seed: int
    held: Held | None = None
    """Later events, on which passes are judged."""
    epochs: int | None = None
    """Passes at most; None: as many as the schedule plans for so many events."""
    checkpoint: Path | None = None
    """Gone on from where the file is there, and written while it runs."""
    begun: Mapping[str, NDArray[np.float32]] | None = None
    """Weights to begin with, instead of drawn ones."""
    teacher: Teaching | None = None
    """A model whose answers count beside the events."""

    def told(self) -> dict[str, str]:
        """What it is of, part by part, as text: what another one left is not gone on from."""
        held, begun, teacher = self.held, self.begun or {}, self.teacher
        return {
            "model": self.model,
            "sizes": self.sizes.model_dump_json(),
            "schedule": self.schedule.model_dump_json(exclude={"checkpoint_minutes"}),
            "seed": str(self.seed),
            "weights": "in units of the largest",
            "catalogue": f"{self.items} items, {self.types} types",
            "events": _digest((*self.events.events, self.events.begins)),
            "beginning": _digest(begun[name] for name in sorted(begun)),
            "teacher": "none"
            if teacher is None
            else f"{teacher.model} {teacher.weight:g} {teacher.sizes.model_dump_json()}",
            "targets": "none" if held is None else f"{len(held.target)}, repeats {held.repeats}",
        }


def differing(now: Mapping[str, str], left: Mapping[str, str]) -> str:
    """Which parts of what was `left` are of another task; nothing where none is."""
    return ", ".join(name for name, text in now.items() if left.get(name) != text)


def _digest(arrays: Iterable[NDArray[Any]]) -> str:
    found = hashlib.sha256()
    for each in arrays:
        found.update(each.tobytes())
    return found.hexdigest()


def hand_out(task: Task) -> None:
    """By process 0, before it begins."""
    arrays = {f"events.{name}": each for name, each in _arrays(task.events).items()}
    facts: dict[str, Any] = {
        "items": task.items,
        "types": task.types,
        "model": task.model,
        "sizes": task.sizes.model_dump(mode="json"),
        "schedule": task.schedule.model_dump(mode="json"),
        "ordered": task.events.ordered,
        "seed": task.seed,
        "epochs": task.epochs,
        "held": None,
        "teacher": None,
    }
    if task.held is not None:
        held = {**_arrays(task.held.events), "target": task.held.target, "met": task.held.met}
        arrays |= {f"held.{name}": each for name, each in held.items()}
        facts["held"] = {"missed": task.held.missed, "repeats": task.held.repeats}
    arrays |= {f"begun.{name}": each for name, each in (task.begun or {}).items()}
    if task.teacher is not None:
        model, sizes, weights, weight = task.teacher
        arrays |= {f"teacher.{name}": each for name, each in weights.items()}
        facts["teacher"] = (model, sizes.model_dump(mode="json"), weight)
    if task.checkpoint is not None and task.checkpoint.exists():
        arrays["checkpoint"] = np.frombuffer(task.checkpoint.read_bytes(), np.uint8)
    solid = {name: np.ascontiguousarray(each) for name, each in arrays.items()}
    to_all(msgspec.msgpack.encode((facts, save(solid))))


def dismiss() -> None:
    """By process 0, when there is nothing more to train."""
    to_all(b"")


def taken_up(folder: Path) -> Task | None:
    """By the others: the next task, its checkpoint in `folder`; None when dismissed."""
    data = to_all(None)
    if not data:
        return None
    facts, packed = msgspec.msgpack.decode(data)
    arrays = load(packed)
    held = None
    if facts["held"] is not None:
        held = Held(
            _histories(arrays, "held.", ordered=True),
            arrays["held.target"],
            arrays["held.met"],
            facts["held"]["missed"],
            facts["held"]["repeats"],
        )
    checkpoint = None
    if "checkpoint" in arrays:
        checkpoint = folder / "run.safetensors"
        checkpoint.write_bytes(arrays["checkpoint"].tobytes())
    teacher = None
    if facts["teacher"] is not None:
        model, sizes, weight = facts["teacher"]
        teacher = Teaching(model, _sizes(model, sizes), _under(arrays, "teacher."), weight)
    return Task(
        _histories(arrays, "events.", facts["ordered"]),
        facts["items"],
        facts["types"],
        facts["model"],
        _sizes(facts["model"], facts["sizes"]),
        ScheduleConfig(**facts["schedule"]),
        facts["seed"],
        held,
        facts["epochs"],
        checkpoint,
        _under(arrays, "begun.") or None,
        teacher,
    )


def _sizes(model: ModelName, told: Mapping[str, Any]) -> SequenceConfig:
    return cast(SequenceConfig, SEQUENCE_MODELS[model].config(**told))


def _under(arrays: Arrays, at: str) -> Arrays:
    return {name.removeprefix(at): each for name, each in arrays.items() if name.startswith(at)}


def _arrays(events: Histories) -> Arrays:
    return {**events.events._asdict(), "begins": events.begins, "lengths": events.lengths}


def _histories(arrays: Arrays, at: str, ordered: bool) -> Histories:
    columns = FeatureColumns(*(arrays[at + name] for name in FeatureColumns._fields))
    return Histories(columns, arrays[at + "begins"], arrays[at + "lengths"], ordered=ordered)
