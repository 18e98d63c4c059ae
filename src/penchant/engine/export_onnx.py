"""A published interest model for other languages: step and read as ONNX, and how to call them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import save_file

from penchant.core.errors import ArtifactMissingError
from penchant.core.signals import Signal
from penchant.engine.learned import Learned, load_learned
from penchant.features.reader import FURTHEST, EventReader
from penchant.interests.event_input import BIASES
from penchant.interests.onnx_models import Written, read_graph, step_graph
from penchant.interests.onnx_values import BATCH, OPSET

RULES: Final = (
    "Keep layers and latest of each user, zeros for a stranger, and the time of the last event "
    "that was heard.",
    "For each event, in the order of time, run step; layers_after and latest are the new state. "
    "elapsed_s is the event's time minus that of the latest, NaN for the first; below 0 is as 0.",
    "The time of the latest event never goes back: it is the later of the two.",
    "An event without an item, or whose item has no vector, is not heard: do not run step, and "
    "leave the time as it is. "
    "Vectors and biases are in items.safetensors, by row; items.json has the ids of the rows.",
    "type is types[name].code. weight is types[name].weight, and minus its size where the event's "
    "value is below types[name].threshold.",
    "value is (sign(v) * log(1 + |v|) - mean) / deviation of types[name], held between "
    f"-{FURTHEST:g} and {FURTHEST:g}; 0 where the event has no value or code is 0.",
    "A state belongs to one artifact: with another, run a user's events again from zeros.",
    "read gives the directions at a moment and changes nothing. An item's score is the largest "
    "product of its vector with one of the directions, plus its bias.",
)
"""What a caller does around the two graphs."""


def export_onnx(artifact: Path, to: Path, signals: Mapping[str, Signal]) -> dict[str, Any]:
    """Write the two graphs of an artifact's folder into `to`, its items, and `model.json`.

    Gives back what `model.json` says. Raises `ArtifactMissingError` where there is no artifact,
    `ArtifactError` for a model that cannot be written, naming those that can, and
    `UnknownEventTypeError` where training met a type that `signals` lacks.
    """
    if not artifact.is_dir():
        raise ArtifactMissingError(
            f"there is no artifact at {artifact}; allowed is a folder that `penchant train` "
            "published, NAME.db.artifacts/ID; `current` beside it names the one in use"
        )
    learned = load_learned(artifact)
    given = learned.model, learned.sizes, learned.weights
    step, read = step_graph(*given), read_graph(*given)
    met = np.flatnonzero(learned.met)
    told = {
        "artifact": artifact.resolve().name,
        "model": learned.model,
        "opset": OPSET,
        "step": {"file": "step.onnx", **_told(step)},
        "read": {"file": "read.onnx", **_told(read)},
        "rules": list(RULES),
        "types": _types(learned, signals),
        "items": {"vectors": [len(met), learned.vectors.shape[1]], "biases": [len(met)]},
    }
    to.mkdir(parents=True, exist_ok=True)
    (to / "step.onnx").write_bytes(step.content)
    (to / "read.onnx").write_bytes(read.content)
    arrays = {"vectors": learned.vectors[met], "biases": learned.weights[BIASES][met]}
    save_file(arrays, to / "items.safetensors")
    _write(to / "items.json", {"ids": [learned.items[row] for row in met.tolist()]})
    _write(to / "model.json", told)
    return told


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _told(graph: Written) -> dict[str, list[dict[str, Any]]]:
    return {
        side: [{**port._asdict(), "shape": [BATCH, *port.shape]} for port in ports]
        for side, ports in (("inputs", graph.inputs), ("outputs", graph.outputs))
    }


def _types(learned: Learned, signals: Mapping[str, Signal]) -> dict[str, dict[str, Any]]:
    """Every event type with a Signal; first those that training met, by code."""
    reader = EventReader.from_json(signals, learned.reader)
    scales = zip(reader.types, reader.means, reader.deviations, strict=True)
    met = {
        name: {"code": code, **_worth(reader.signal(name)), "mean": mean, "deviation": deviation}
        for code, (name, mean, deviation) in enumerate(scales, 1)
    }
    new = {name: {"code": 0, **_worth(own)} for name, own in signals.items() if name not in met}
    return met | new


def _worth(signal: Signal) -> dict[str, float | None]:
    return {"weight": signal.weight, "threshold": signal.threshold}
