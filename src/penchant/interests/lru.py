"""LRU: a complex recurrence whose memory fades with real time, one NumPy step per event."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import gap_feature
from penchant.core.interests import Interests, Vector
from penchant.interests.event_input import EventInput, Weights, later, normed, sigmoid, silu
from penchant.interests.fading import Fading
from penchant.interests.next_behaviour import Behaviour, NextBehaviour

FADING_BEGINS: Final = -4.0
"""Added before the softplus of the fading: an untrained state loses 2 % at any gap."""


class LruConfig(BaseModel):
    """Sizes of the complex diagonal recurrence, and the step size that suits it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector."""
    state: int = Field(default=64, ge=4, le=512)
    """Complex numbers in each layer's state; two layers of 64 and an output of 64 are 1,288 bytes
    a user."""
    hidden: int = Field(default=128, ge=4, le=4096)
    """Width of the feed-forward part."""
    layers: int = Field(default=2, ge=1, le=8)
    """Layers of recurrence."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations dropped while training."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """Highest step size; rises over 100 steps or a fifth of all, then falls to a twentieth."""
    interests: int = Field(default=1, ge=1, le=4)
    """Directions that a user's interests have when they are read: an item is as near as it is to
    the nearest of them."""
    behaviour: float = Field(default=0.0, ge=0)
    """Weight, beside the next item, of learning the next event's type and the time until then; 0:
    not learned."""
    query_time: bool = True
    """Whether the time since the latest event counts when interests are read."""


class LruState(NamedTuple):
    """What is kept per user."""

    layers: NDArray[np.complex64]  # (L, S) one h per layer
    latest: Vector  # (D,) output after the latest event, normalised
    time_s: float  # of the latest event; NaN for a stranger


class LayerWeights(NamedTuple):
    """Arrays of one layer."""

    norm: Vector
    into: Vector
    into_bias: Vector
    rate: Vector
    turn: NDArray[np.complex64]
    scale: Vector
    fading: Vector
    gates: Vector
    out: Vector
    mix_norm: Vector
    mix_into: Vector
    mix_out: Vector


class Lru:
    """Serves what `LruNet` was trained to compute, bound to it by the contract test."""

    def __init__(self, weights: Weights, config: LruConfig) -> None:
        """`weights` as named by `LruNet.state_dict`."""
        self._hear = EventInput(weights)
        self._fading = Fading(weights)
        self._behaviour = NextBehaviour.of(weights)
        self._norm = weights["norm.weight"]
        self._layers = [layer_weights(weights, f"layers.{n}.") for n in range(config.layers)]
        self._size, self._dim = config.state, config.dim
        self._each = np.ones(config.interests, np.float32)
        self._query_time = config.query_time

    def start(self) -> LruState:
        """A stranger."""
        return LruState(
            np.zeros((len(self._layers), self._size), np.complex64),
            np.zeros(self._dim, np.float32),
            float("nan"),
        )

    def step(self, state: LruState, event: EventFeatures) -> LruState:
        """One event; one without a vector is not heard."""
        if event.vector is None:
            return state
        elapsed_s = event.time_s - state.time_s
        x, gap = self._hear(event, event.vector, elapsed_s), gap_feature(elapsed_s)
        states = np.empty_like(state.layers)
        for n, layer in enumerate(self._layers):
            x = _advance(layer, x, gap, event.type, state.layers[n], states[n])
        return LruState(states, normed(x, self._norm), later(state.time_s, event.time_s))

    def fold(self, state: LruState, events: Sequence[EventFeatures]) -> LruState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: LruState, now_s: float) -> Interests:
        """The latest interest, faded by the time since towards the long-term one: (K, D)."""
        if state.time_s != state.time_s:
            return Interests(np.zeros((len(self._each), self._dim), np.float32), self._each)
        elapsed_s = now_s - state.time_s if self._query_time else float("nan")
        faded = self._fading.each(
            state.latest, state.layers.view(np.float32).reshape(-1), elapsed_s
        )
        return Interests(faded, self._each)

    @property
    def foretells(self) -> bool:
        """Whether it was trained to tell the next behaviour."""
        return self._behaviour is not None

    def next_behaviour(self, state: LruState) -> Behaviour | None:
        """What the user will do next, and when; None for a stranger, and where it was not learned.

        It is foretold at the latest event and does not change until the next.
        """
        if self._behaviour is None or state.time_s != state.time_s:
            return None
        return self._behaviour(state.latest)

    def dump(self, state: LruState) -> bytes:
        """Little-endian: the time (8 bytes), then complex64 layers and float32 output."""
        return (
            np.array([state.time_s], "<f8").tobytes()
            + state.layers.astype("<c8").tobytes()
            + state.latest.astype("<f4").tobytes()
        )

    def load(self, data: bytes) -> LruState:
        """Back from `dump`."""
        time_s = float(np.frombuffer(data, "<f8", 1)[0])
        kept = len(self._layers) * self._size
        layers = np.frombuffer(data, "<c8", kept, offset=8).astype(np.complex64)
        latest = np.frombuffer(data, "<f4", offset=8 + 8 * kept).astype(np.float32)
        return LruState(layers.reshape(-1, self._size), latest, time_s)


def layer_weights(weights: Weights, at: str) -> LayerWeights:
    """Of the layer whose arrays are named `at`..., laid out for the step."""
    return LayerWeights(
        weights[at + "norm.weight"],
        weights[at + "into.weight"].T.copy(),
        weights[at + "into.bias"],
        np.exp(weights[at + "nu"]),
        np.exp(1j * np.exp(weights[at + "theta"])).astype(np.complex64),
        np.exp(weights[at + "gamma"]),
        np.logaddexp(0, weights[at + "fading"] + FADING_BEGINS).astype(np.float32),
        2 * sigmoid(weights[at + "gates.weight"]),
        weights[at + "out.weight"].T.copy(),
        weights[at + "mix_norm.weight"],
        weights[at + "mix.into.weight"].T.copy(),
        weights[at + "mix.out.weight"].T.copy(),
    )


def _advance(
    layer: LayerWeights,
    x: Vector,
    gap: Vector,
    kind: int,
    before: NDArray[np.complex64],
    after: NDArray[np.complex64],
) -> Vector:
    """One layer of one event: (D,), (G,), (S,) -> (D,); writes the new state into `after`."""
    size = len(before)
    made = normed(x, layer.norm) @ layer.into + layer.into_bias  # (D,) @ (D, 2S + D)
    gates = layer.gates[kind if kind < len(layer.gates) else 0]
    kept = np.exp(-(layer.rate * gates[:size] + gap @ layer.fading))
    heard = made[: 2 * size].view(np.complex64)
    after[:] = kept * layer.turn * before + layer.scale * gates[size:] * heard
    spoken = (after.view(np.float32) @ layer.out) * silu(made[2 * size :])
    x = np.asarray(x + spoken, np.float32)
    mixed = normed(x, layer.mix_norm) @ layer.mix_into
    half = len(mixed) // 2
    added = (silu(mixed[:half]) * mixed[half:]) @ layer.mix_out
    return np.asarray(x + added, np.float32)
