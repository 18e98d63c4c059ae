"""The default model: a gated linear recurrence over item vectors, one NumPy step per event."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import gap_feature
from penchant.core.interests import Interests, Vector

_ONE = np.ones(1, np.float32)


class RecurrentState(NamedTuple):
    """What is kept per user."""

    layers: Vector  # (L, S) one h per layer
    latest: Vector  # (D,) output after the latest event, normalised
    time_s: float  # of the latest event; NaN for a stranger


class _LayerWeights(NamedTuple):
    norm: Vector
    into: Vector
    into_bias: Vector
    out: Vector
    mix_norm: Vector
    mix_into: Vector
    mix_out: Vector


class Recurrent:
    """Serves what `RecurrentNet` was trained to compute, bound to it by the contract test."""

    def __init__(self, weights: Mapping[str, Vector]) -> None:
        """`weights` as named by `RecurrentNet.state_dict`, without the item table."""
        self._types = weights["types.weight"]
        self._signal = weights["signal.weight"].T.copy()
        self._signal_bias = weights["signal.bias"]
        self._norm = weights["norm.weight"]
        self._long_term = weights["long_term.weight"].T.copy()
        self._long_term_bias = weights["long_term.bias"]
        self._fade = weights["fade.weight"].T.copy()
        self._fade_bias = weights["fade.bias"]
        count = len({name.split(".")[1] for name in weights if name.startswith("layers.")})
        self._layers = [_layer(weights, f"layers.{n}.") for n in range(count)]
        self._size = self._layers[0].out.shape[0]
        self._dim = len(self._norm)

    def start(self) -> RecurrentState:
        """A stranger."""
        return RecurrentState(
            np.zeros((len(self._layers), self._size), np.float32),
            np.zeros(self._dim, np.float32),
            float("nan"),
        )

    def step(self, state: RecurrentState, event: EventFeatures) -> RecurrentState:
        """One event; an item without a vector moves time only."""
        if event.vector is None:
            return state._replace(time_s=_later(state.time_s, event.time_s))
        said = np.empty(2 + len(self._fade), np.float32)
        said[0], said[1] = event.weight, event.value
        said[2:] = gap_feature(event.time_s - state.time_s)
        code = event.type if event.type < len(self._types) else 0
        told = self._types[code] + (said @ self._signal + self._signal_bias)
        x: Vector = np.asarray(event.vector + told, np.float32)
        states = np.empty_like(state.layers)
        for n, layer in enumerate(self._layers):
            x = _advance(layer, x, state.layers[n], states[n], self._size)
        return RecurrentState(states, _normed(x, self._norm), _later(state.time_s, event.time_s))

    def fold(self, state: RecurrentState, events: Sequence[EventFeatures]) -> RecurrentState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: RecurrentState, now_s: float) -> Interests:
        """The latest interest, faded by the time since towards the long-term one."""
        if state.time_s != state.time_s:
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        kept = _sigmoid(gap_feature(now_s - state.time_s) @ self._fade + self._fade_bias)
        lasting = state.layers.reshape(-1) @ self._long_term + self._long_term_bias
        return Interests((kept * state.latest + (1 - kept) * lasting)[None], _ONE)

    def dump(self, state: RecurrentState) -> bytes:
        """Little-endian: the time (8 bytes), then float32 layers and output."""
        return (
            np.array([state.time_s], "<f8").tobytes()
            + state.layers.astype("<f4").tobytes()
            + state.latest.astype("<f4").tobytes()
        )

    def load(self, data: bytes) -> RecurrentState:
        """Back from `dump`."""
        time_s = float(np.frombuffer(data, "<f8", 1)[0])
        numbers = np.frombuffer(data, "<f4", offset=8).astype(np.float32)
        kept = len(self._layers) * self._size
        return RecurrentState(numbers[:kept].reshape(-1, self._size), numbers[kept:], time_s)


def _layer(weights: Mapping[str, Vector], at: str) -> _LayerWeights:
    return _LayerWeights(
        weights[at + "norm.weight"],
        weights[at + "into.weight"].T.copy(),
        weights[at + "into.bias"],
        weights[at + "out.weight"].T.copy(),
        weights[at + "mix_norm.weight"],
        weights[at + "mix.into.weight"].T.copy(),
        weights[at + "mix.out.weight"].T.copy(),
    )


def _advance(layer: _LayerWeights, x: Vector, before: Vector, after: Vector, size: int) -> Vector:
    """One layer of one event: (D,), (S,) -> (D,); writes the new state into `after`."""
    made = _normed(x, layer.norm) @ layer.into + layer.into_bias  # (D,) @ (D, 3S) -> (3S,)
    gate = _sigmoid(made[:size])
    after[:] = gate * before + (1 - gate) * made[size : 2 * size]
    spoken: Vector = np.asarray(x + (after * _silu(made[2 * size :])) @ layer.out, np.float32)
    mixed = _normed(spoken, layer.mix_norm) @ layer.mix_into
    half = len(mixed) // 2
    added = (_silu(mixed[:half]) * mixed[half:]) @ layer.mix_out
    return np.asarray(spoken + added, np.float32)


def _normed(x: Vector, weight: Vector) -> NDArray[np.float32]:
    scale = np.float32(1.0 / np.sqrt(float(x @ x) / len(x) + 1e-6))
    return np.asarray(x * scale * weight, np.float32)


def _sigmoid(x: Vector) -> NDArray[np.float32]:
    # tanh never overflows: sigmoid(x) = (1 + tanh(x / 2)) / 2
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), np.float32)


def _silu(x: Vector) -> NDArray[np.float32]:
    return np.asarray(x * _sigmoid(x), np.float32)


def _later(before_s: float, now_s: float) -> float:
    return now_s if before_s != before_s else max(before_s, now_s)
