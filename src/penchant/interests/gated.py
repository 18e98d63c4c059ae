"""GRU and LSTM: gated cells over item vectors, one NumPy step per event."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from penchant.core.contracts import EventFeatures
from penchant.core.interests import Interests, Vector
from penchant.interests.event_input import EventInput, Weights, later, normed, sigmoid
from penchant.interests.fading import Fading

_ONE = np.ones(1, np.float32)


class GatedConfig(BaseModel):
    """Sizes of a GRU or an LSTM, and the step size that suits it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector."""
    state: int = Field(default=64, ge=4, le=512)
    """Length of each layer's state; an LSTM keeps two of them."""
    layers: int = Field(default=1, ge=1, le=8)
    """Layers of cells, each beside a residual path."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations dropped while training."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """Highest step size; rises over 100 steps or a fifth of all, then falls to a twentieth."""
    query_time: bool = True
    """Whether the time since the latest event counts when interests are read."""


class GatedState(NamedTuple):
    """What is kept per user."""

    layers: Vector  # (L, S) of a GRU, (L, 2 S) of an LSTM: what it says, then what it keeps
    latest: Vector  # (D,) output after the latest event, normalised
    time_s: float  # of the latest event; NaN for a stranger


class LayerWeights(NamedTuple):
    """Arrays of one layer."""

    norm: Vector
    into: Vector
    into_bias: Vector
    again: Vector
    again_bias: Vector
    out: Vector


Cell = Callable[[Vector, Vector, "LayerWeights"], Vector]
"""Input's part of the gates (G S,) and the layer's state -> the layer's state after the event."""


def gru_cell(made: Vector, before: Vector, layer: LayerWeights) -> Vector:
    """h' = z h + (1 - z) n, n = tanh(W x + r (U h + c)) (Cho et al. 2014, reset after the product).

    (3 S,), (S,) -> (S,); the gates stand in the order r, z, n.
    """
    size = len(before)
    kept = before @ layer.again + layer.again_bias
    gates = sigmoid(made[: 2 * size] + kept[: 2 * size])
    new = np.tanh(made[2 * size :] + gates[:size] * kept[2 * size :])
    return np.asarray(new + gates[size:] * (before - new), np.float32)


def lstm_cell(made: Vector, before: Vector, layer: LayerWeights) -> Vector:
    """c' = f c + i g, h' = o tanh(c') (Hochreiter and Schmidhuber 1997; f: Gers et al. 2000).

    (4 S,), (2 S,) -> (2 S,) h and c; the gates stand in the order i, f, o, g.
    """
    size = len(before) // 2
    gates = made + before[:size] @ layer.again + layer.again_bias
    opened = sigmoid(gates[: 3 * size])
    kept = opened[size : 2 * size] * before[size:] + opened[:size] * np.tanh(gates[3 * size :])
    return np.asarray(np.concatenate([opened[2 * size :] * np.tanh(kept), kept]), np.float32)


class Gated:
    """Serves what `GatedNet` was trained to compute, bound to it by the contract test."""

    def __init__(self, weights: Weights, config: GatedConfig, cell: Cell, width: int) -> None:
        """`weights` as named by `GatedNet.state_dict`; a layer keeps `width` states."""
        self._hear = EventInput(weights)
        self._fading = Fading(weights)
        self._norm = weights["norm.weight"]
        self._layers = [layer_weights(weights, f"layers.{n}.") for n in range(config.layers)]
        self._cell, self._kept = cell, width * config.state
        self._size, self._dim = config.state, config.dim
        self._query_time = config.query_time

    def start(self) -> GatedState:
        """A stranger."""
        return GatedState(
            np.zeros((len(self._layers), self._kept), np.float32),
            np.zeros(self._dim, np.float32),
            float("nan"),
        )

    def step(self, state: GatedState, event: EventFeatures) -> GatedState:
        """One event; one without a vector is not heard."""
        if event.vector is None:
            return state
        x = self._hear(event, event.vector, event.time_s - state.time_s)
        states = np.empty_like(state.layers)
        for n, layer in enumerate(self._layers):
            made = normed(x, layer.norm) @ layer.into + layer.into_bias  # (D,) @ (D, G S)
            states[n] = self._cell(made, state.layers[n], layer)
            x = np.asarray(x + states[n, : self._size] @ layer.out, np.float32)
        return GatedState(states, normed(x, self._norm), later(state.time_s, event.time_s))

    def fold(self, state: GatedState, events: Sequence[EventFeatures]) -> GatedState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: GatedState, now_s: float) -> Interests:
        """The latest interest, faded by the time since towards the long-term one."""
        if state.time_s != state.time_s:
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        elapsed_s = now_s - state.time_s if self._query_time else float("nan")
        faded = self._fading(state.latest, state.layers.reshape(-1), elapsed_s)
        return Interests(faded[None], _ONE)

    def dump(self, state: GatedState) -> bytes:
        """Little-endian: the time (8 bytes), then float32 layers and output."""
        return (
            np.array([state.time_s], "<f8").tobytes()
            + state.layers.astype("<f4").tobytes()
            + state.latest.astype("<f4").tobytes()
        )

    def load(self, data: bytes) -> GatedState:
        """Back from `dump`."""
        time_s = float(np.frombuffer(data, "<f8", 1)[0])
        numbers = np.frombuffer(data, "<f4", offset=8).astype(np.float32)
        kept = len(self._layers) * self._kept
        return GatedState(numbers[:kept].reshape(-1, self._kept), numbers[kept:], time_s)


def gru(weights: Weights, config: GatedConfig) -> Gated:
    """Serves a trained GRU."""
    return Gated(weights, config, gru_cell, 1)


def lstm(weights: Weights, config: GatedConfig) -> Gated:
    """Serves a trained LSTM."""
    return Gated(weights, config, lstm_cell, 2)


def layer_weights(weights: Weights, at: str) -> LayerWeights:
    """Of the layer whose arrays are named `at`..., laid out for the step."""
    return LayerWeights(
        weights[at + "norm.weight"],
        weights[at + "into.weight"].T.copy(),
        weights[at + "into.bias"],
        weights[at + "again.weight"].T.copy(),
        weights[at + "again.bias"],
        weights[at + "out.weight"].T.copy(),
    )
