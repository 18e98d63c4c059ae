"""A program that has onnxruntime and what was exported, and nothing of ours, knows interests."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file

from penchant.core.errors import ArtifactMissingError, UnknownEventTypeError
from penchant.core.events import Event
from penchant.core.ids import ItemId
from penchant.core.signals import SHIPPED, Signal
from penchant.engine.compress import compressed
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.engine.export_onnx import export_onnx
from penchant.engine.learned import load_learned

DAY_S = 86_400.0
SIGNALS = {**SHIPPED, "rating": Signal(weight=1.5, threshold=6.0)}
CONFIG = EngineConfig(clock="log", signals=SIGNALS)


class Kept(NamedTuple):
    """What the program keeps of its users."""

    layers: np.ndarray
    latest: np.ndarray
    time_s: np.ndarray


class Caller:
    """Follows the rules of `model.json`."""

    def __init__(self, folder: Path) -> None:
        self.told = json.loads((folder / "model.json").read_text())
        self._step = onnxruntime.InferenceSession(folder / self.told["step"]["file"])
        self._read = onnxruntime.InferenceSession(folder / self.told["read"]["file"])
        ids = json.loads((folder / "items.json").read_text())["ids"]
        self._items = load_file(folder / "items.safetensors")
        self._vectors = dict(zip(ids, self._items["vectors"], strict=True))

    def strangers(self, users: int) -> Kept:
        layers, latest, _ = (port["shape"][1:] for port in self.told["read"]["inputs"])
        zeros = (np.zeros((users, *shape), np.float32) for shape in (layers, latest))
        return Kept(*zeros, np.full(users, np.nan))

    def hear(self, kept: Kept, events: list[tuple[int, Event]]) -> None:
        """The next event of some users."""
        with_vector = [(user, event) for user, event in events if event.item in self._vectors]
        if with_vector:
            on = [user for user, _ in with_vector]
            said = [self._said(event) for _, event in with_vector]
            given = {
                "layers": kept.layers[on],
                "vector": np.stack([self._vectors[event.item] for _, event in with_vector]),
                "type": np.array([code for code, _, _ in said], np.int32),
                "weight": np.array([weight for _, weight, _ in said], np.float32),
                "value": np.array([value for _, _, value in said], np.float32),
                "elapsed_s": np.array([e.time_s for _, e in with_vector]) - kept.time_s[on],
            }
            kept.layers[on], kept.latest[on] = self._step.run(["layers_after", "latest"], given)
        for user, event in with_vector:
            kept.time_s[user] = np.fmax(kept.time_s[user], event.time_s)

    def read(self, kept: Kept, now_s: float) -> np.ndarray:
        given = {"layers": kept.layers, "latest": kept.latest, "elapsed_s": now_s - kept.time_s}
        return self._read.run(["directions"], given)[0]

    def _said(self, event: Event) -> tuple[int, float, float]:
        of_type, v = self.told["types"][event.type], event.value
        weight, threshold = of_type["weight"], of_type["threshold"]
        if threshold is not None and v is not None and v < threshold:
            weight = -abs(weight)
        if v is None or of_type["code"] == 0:
            return of_type["code"], weight, 0.0
        value = (math.copysign(math.log(1 + abs(v)), v) - of_type["mean"]) / of_type["deviation"]
        return of_type["code"], weight, min(max(value, -5.0), 5.0)


@pytest.fixture
def exported(
    trained: Callable[[], Path], tmp_path: Path, request: pytest.FixtureRequest
) -> tuple[Path, Path, Path]:
    """The database, its artifact and what was exported of that; a parameter compresses it first."""
    db = trained()
    kind = getattr(request, "param", None)
    with Engine.open(db, CONFIG) as engine:
        if kind is not None:
            assert engine._learned is not None
            engine.publish(compressed(engine._learned, kind))
        artifact = Path(f"{db}.artifacts") / str(engine.artifact)
    export_onnx(artifact, tmp_path / "model", SIGNALS)
    return db, artifact, tmp_path / "model"


def histories(engine: Engine) -> list[list[Event]]:
    """Real ones of four users; with them go a type that training did not meet, an item without a
    vector, an event without an item, one out of order, a low rating and one without a value.
    """
    real = [list(engine.history(user)) for user, _, _ in engine.users(4)]
    last = real[0][-1]
    after = [
        ("purchase", last.item, 3.0, 60.0),
        ("view", ItemId("nowhere"), None, DAY_S),
        ("search", None, None, 2 * DAY_S),
        ("rating", last.item, 1.0, DAY_S),
        ("rating", last.item, None, 400 * DAY_S),
    ]
    made = [
        Event(last.user, kind, last.time_s + wait_s, item, value)
        for kind, item, value, wait_s in after
    ]
    return [real[0] + made, *real[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("exported", [None, "int8", "pq"], indirect=True)
def test_a_foreign_program_follows_real_users_as_the_engine_does(
    exported: tuple[Path, Path, Path],
) -> None:
    db, _, folder = exported
    caller = Caller(folder)
    with Engine.open(db, CONFIG) as engine:
        users, stages, shelf = histories(engine), engine._memory.stages, engine._memory.shelf
        model = stages.models["recurrent"]
        states, kept = [model.start() for _ in users], caller.strangers(len(users))
        lengths = [len(events) for events in users]
        assert min(lengths) > 5
        for n in range(max(lengths)):
            heard = [(user, events[n]) for user, events in enumerate(users) if n < len(events)]
            now_s = max(event.time_s for _, event in heard) + DAY_S
            for user, event in heard:
                features = stages.features(event, shelf.row_of_event(event))
                states[user] = model.step(states[user], features)
            caller.hear(kept, heard)
            wanted = [model.read(state, now_s).directions for state in states]
            np.testing.assert_allclose(caller.read(kept, now_s), wanted, rtol=0, atol=1e-5)
        assert np.abs(wanted).max() > 0.1


@pytest.mark.slow
def test_the_folder_says_what_a_caller_must_know(exported: tuple[Path, Path, Path]) -> None:
    _, artifact, folder = exported
    told: Any = json.loads((folder / "model.json").read_text())
    assert told["artifact"] == artifact.name
    assert (told["model"], told["opset"]) == ("recurrent", 17)
    for graph in (told["step"], told["read"]):
        session = onnxruntime.InferenceSession(folder / graph["file"])
        named = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int32)": "int32"}
        for side, ports in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
            wanted = [(port.name, named[port.type], port.shape) for port in ports]
            assert [(p["name"], p["dtype"], p["shape"]) for p in graph[side]] == wanted
            assert all(port["meaning"] for port in graph[side])
    learned, items = load_learned(artifact), load_file(folder / "items.safetensors")
    assert {name: list(array.shape) for name, array in items.items()} == told["items"]
    ids = json.loads((folder / "items.json").read_text())["ids"]
    rows = [learned.items.index(item) for item in ids]
    assert rows == np.flatnonzero(learned.met).tolist()
    np.testing.assert_array_equal(items["biases"], learned.weights["events.item_bias"][rows])
    reader = json.loads((artifact / "reader.json").read_text())
    assert told["types"]["rating"] == {
        "code": 1,
        "weight": 1.5,
        "threshold": 6.0,
        "mean": reader["means"][0],
        "deviation": reader["deviations"][0],
    }
    assert told["types"]["purchase"] == {"code": 0, "weight": 3.0, "threshold": None}
    assert set(told["types"]) == set(SHIPPED)


@pytest.mark.slow
def test_a_type_without_a_signal_and_a_folder_without_an_artifact_are_errors(
    exported: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    _, artifact, _ = exported
    with pytest.raises(UnknownEventTypeError, match="rating"):
        export_onnx(artifact, tmp_path / "other", {"view": SHIPPED["view"]})
    with pytest.raises(ArtifactMissingError, match="nowhere"):
        export_onnx(tmp_path / "nowhere", tmp_path / "other", SHIPPED)
    assert not (tmp_path / "other").exists()
