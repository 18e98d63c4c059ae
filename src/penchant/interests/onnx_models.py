"""Step and read of the recurrent models as ONNX graphs, for many users at once."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.elapsed import KNOTS_S, WIDTH
from penchant.core.errors import ArtifactError
from penchant.core.interests import Vector
from penchant.interests import gated, lru, recurrent
from penchant.interests.event_input import SIGNAL, TYPES, Weights
from penchant.interests.models import SEQUENCE_MODELS
from penchant.interests.onnx_values import Graph, Port, Value, concatenated


class Heard(NamedTuple):
    """What layers may know of an event beside x."""

    gap: Value  # (B, G)
    code: Value  # (B,) of the event's type


class Form(NamedTuple):
    """How one kind of model moves a layer of its state."""

    advance: Callable[[Weights, str, Value, Value, Heard], tuple[Value, Value]]
    """Weights, where the layer's are, x (B, D), its state (B, W S) -> both after the event."""
    width: int
    """float32 numbers in a layer for each unit of `state`: W."""


class Written(NamedTuple):
    """A graph as a file's content, and what goes in and comes out."""

    content: bytes
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class _Plan(NamedTuple):
    """What a model's settings say of its graphs."""

    form: Form
    layers: int
    kept: int  # float32 numbers in a layer
    dim: int
    query_time: bool


def step_graph(model: str, sizes: Mapping[str, Any], weights: Weights) -> Written:
    """`step` of each user's next event: the model's settings and arrays, as of an artifact.

    Raises `ArtifactError` for a model that has no such graph.
    """
    plan = _plan(model, sizes)
    inputs = (
        _layers(plan, "layers", "the state's layers before the event"),
        Port("vector", "float32", (plan.dim,), "the item's vector"),
        Port("type", "int32", (), "the event type's code; 0: a type that training did not meet"),
        Port("weight", "float32", (), "the event's signed weight"),
        Port("value", "float32", (), "its standardised value; 0: none"),
        _elapsed("seconds since the user's latest event", "there is none"),
    )
    graph = Graph(inputs)
    layers, vector, kind, weight, value, elapsed_s = graph.inputs()
    gap, _ = _gap_feature(elapsed_s)
    code = _known_code(kind, len(weights[TYPES]))
    said = concatenated([_column(weight), _column(value), gap])  # (B, 2 + G)
    told = said @ weights[SIGNAL].T + weights["events.signal.bias"]
    x = vector + (graph.constant(weights[TYPES]).op("Gather", code) + told)
    before = layers.shaped(plan.layers * plan.kept).split([plan.kept] * plan.layers)
    after = []
    for n, layer in enumerate(before):
        x, state = plan.form.advance(weights, f"layers.{n}.", x, layer, Heard(gap, code))
        after.append(state)
    moved = concatenated(after).shaped(plan.layers, plan.kept)
    outputs = {
        _layers(plan, "layers_after", "the state's layers after the event"): moved,
        _latest(plan): _normed(x, weights["norm.weight"]),
    }
    return Written(graph.model("step", outputs), inputs, tuple(outputs))


def read_graph(model: str, sizes: Mapping[str, Any], weights: Weights) -> Written:
    """`read` of each user's state; as `step_graph`."""
    plan = _plan(model, sizes)
    inputs = (
        _layers(plan, "layers", "the state's layers"),
        _latest(plan),
        _elapsed("seconds from the user's latest event until now", "a stranger, who reads zeros"),
    )
    graph = Graph(inputs)
    layers, latest, elapsed_s = graph.inputs()
    gap, known = _gap_feature(elapsed_s)
    ahead = gap if plan.query_time else graph.constant(np.zeros((1, WIDTH), np.float32))
    fading = ahead @ weights["fading.fade.weight"].T + weights["fading.fade.bias"]
    share = fading.op("Sigmoid")  # (B, K D)
    long_term, turn = weights["fading.long_term.weight"], weights.get("fading.turn.weight")
    lasting = (
        layers.shaped(plan.layers * plan.kept) @ long_term.T + weights["fading.long_term.bias"]
    )
    now = latest if turn is None else latest @ turn.T
    faded = (share * now + (1 - share) * lasting) * known
    shape = (len(long_term) // plan.dim, plan.dim)  # (K, D)
    meaning = "the user's interests: directions in the space of the item vectors"
    outputs = {Port("directions", "float32", shape, meaning): faded.shaped(*shape)}
    return Written(graph.model("read", outputs), inputs, tuple(outputs))


def _recurrent(weights: Weights, at: str, x: Value, before: Value, _: Heard) -> tuple[Value, Value]:
    """A layer of `Recurrent`."""
    layer = recurrent.layer_weights(weights, at)
    size = len(layer.into_bias) // 3
    made = _normed(x, layer.norm) @ layer.into + layer.into_bias
    gate, value, open_ = made.split([size] * 3)
    gate = gate.op("Sigmoid")
    after = gate * before + (1 - gate) * value
    x = x + (after * _silu(open_)) @ layer.out
    return _mixed(x, layer.mix_norm, layer.mix_into, layer.mix_out), after


def _lru(weights: Weights, at: str, x: Value, before: Value, heard: Heard) -> tuple[Value, Value]:
    """A layer of `Lru`; real and imaginary parts take turns, as in the bytes of complex64."""
    layer = lru.layer_weights(weights, at)
    size, dim = len(layer.rate), len(layer.norm)
    made = _normed(x, layer.norm) @ layer.into + layer.into_bias
    sound, open_ = made.split([2 * size, dim])
    gates = x.graph.constant(_twice(layer.gates)).op("Gather", heard.code)
    fade, hear = gates.split([2 * size, 2 * size])
    lost = fade * _twice(layer.rate) + heard.gap @ _twice(layer.fading)
    other = np.arange(2 * size).reshape(-1, 2)[:, ::-1].reshape(-1)  # 1, 0, 3, 2, ...
    across = _twice(layer.turn.imag) * np.tile(np.array([-1, 1], np.float32), size)
    turned = before * _twice(layer.turn.real) + before.op("Gather", other, axis=1) * across
    after = lost.op("Neg").op("Exp") * turned + hear * _twice(layer.scale) * sound
    x = x + (after @ layer.out) * _silu(open_)
    return _mixed(x, layer.mix_norm, layer.mix_into, layer.mix_out), after


def _gru(weights: Weights, at: str, x: Value, before: Value, _: Heard) -> tuple[Value, Value]:
    """A layer of `Gated` with `gru_cell`."""
    layer = gated.layer_weights(weights, at)
    size = len(layer.out)
    made = _normed(x, layer.norm) @ layer.into + layer.into_bias
    gates_in, new_in = made.split([2 * size, size])
    gates_kept, new_kept = (before @ layer.again + layer.again_bias).split([2 * size, size])
    reset, keep = (gates_in + gates_kept).op("Sigmoid").split([size, size])
    new = (new_in + reset * new_kept).op("Tanh")
    after = new + keep * (before - new)
    return x + after @ layer.out, after


def _lstm(weights: Weights, at: str, x: Value, before: Value, _: Heard) -> tuple[Value, Value]:
    """A layer of `Gated` with `lstm_cell`."""
    layer = gated.layer_weights(weights, at)
    size = len(layer.out)
    made = _normed(x, layer.norm) @ layer.into + layer.into_bias
    said, kept = before.split([size, size])
    into, keep, out, new = (made + said @ layer.again + layer.again_bias).split([size] * 4)
    kept = keep.op("Sigmoid") * kept + into.op("Sigmoid") * new.op("Tanh")
    said = out.op("Sigmoid") * kept.op("Tanh")
    return x + said @ layer.out, concatenated([said, kept])


FORMS: Final[Mapping[str, Form]] = {
    "recurrent": Form(_recurrent, 1),
    "lru": Form(_lru, 2),
    "gru": Form(_gru, 1),
    "lstm": Form(_lstm, 2),
}
"""The models that have graphs: those whose state is a few numbers, whatever the history."""


def _plan(model: str, sizes: Mapping[str, Any]) -> _Plan:
    if model not in FORMS:
        raise ArtifactError(
            f"a {model!r} model cannot be written as ONNX; allowed are {', '.join(FORMS)}: "
            "name one as [training] model and train it with `penchant train`"
        )
    form, c = FORMS[model], SEQUENCE_MODELS[model].config(**sizes)
    assert isinstance(c, recurrent.RecurrentConfig | lru.LruConfig | gated.GatedConfig)
    return _Plan(form, c.layers, form.width * c.state, c.dim, c.query_time)


def _layers(plan: _Plan, name: str, meaning: str) -> Port:
    return Port(name, "float32", (plan.layers, plan.kept), meaning)


def _latest(plan: _Plan) -> Port:
    return Port("latest", "float32", (plan.dim,), "the state's output after the latest event")


def _elapsed(meaning: str, none: str) -> Port:
    return Port("elapsed_s", "float64", (), f"{meaning}; NaN: {none}")


def _column(values: Value) -> Value:
    """(B,) -> (B, 1)."""
    return values.shaped(1)


def _known_code(kind: Value, codes: int) -> Value:
    """(B,) `kind` where it is one of 0 to `codes` - 1, else 0."""
    inside = kind.op("Less", np.int32(codes)).op("And", kind.op("Greater", np.int32(0)))
    return inside.op("Where", kind, np.int32(0))


def _gap_feature(elapsed_s: Value) -> tuple[Value, Value]:
    """`core.elapsed.gap_feature` of (B,) seconds: (B, G); and (B, 1): 1 where they are known, or 0.

    How far x = log(1 + s) has come between each two knots, held between 0 and 1, is what the hat
    of the first one has lost, and that of the second has won.
    """
    given = _column(elapsed_s)
    known = given.op("IsNaN").op("Not")
    seconds = known.op("Where", given, np.float64(0)).op("Max", np.float64(0))
    logs = np.log1p(np.array(KNOTS_S))
    come = ((seconds + np.float64(1)).op("Log") - logs[:-1]) / np.diff(logs)
    come = come.op("Clip", np.float64(0), np.float64(1))  # (B, G - 1)
    moves = np.eye(WIDTH)[1:] - np.eye(WIDTH)[:-1]  # (G - 1, G)
    hats = come @ moves + np.eye(WIDTH)[0]
    told = known.cast("float32")
    return hats.cast("float32") * told, told


def _normed(x: Value, weight: Vector) -> Value:
    """`event_input.normed` of (B, D)."""
    mean = (x * x).op("ReduceMean", axes=[-1], keepdims=1)
    return x / (mean + 1e-6).op("Sqrt") * weight


def _silu(x: Value) -> Value:
    return x * x.op("Sigmoid")


def _mixed(x: Value, norm: Vector, into: Vector, out: Vector) -> Value:
    """The feed-forward part beside its residual path: (B, D) -> (B, D)."""
    half = into.shape[1] // 2
    gate, up = (_normed(x, norm) @ into).split([half, half])
    return x + (_silu(gate) * up) @ out


def _twice(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each number of the last axis for a real and for an imaginary part."""
    return np.repeat(numbers, 2, axis=-1)
