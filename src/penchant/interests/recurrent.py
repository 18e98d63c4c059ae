"""The default model: a gated linear recurrence over item vectors, one NumPy step per event."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from penchant.core.contracts import EventFeatures
from penchant.core.interests import Interests, Vector, Vectors
from penchant.interests.event_input import (
    HALF,
    ONE,
    EventInput,
    Heard,
    Weights,
    later,
    normed,
    scaled,
    scaled_each,
    silu_of_twice,
)
from penchant.interests.fading import Fading
from penchant.interests.next_behaviour import Behaviour, NextBehaviour


class RecurrentConfig(BaseModel):
    """Sizes of the gated linear recurrence, and the step size that suits it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector."""
    state: int = Field(default=64, ge=4, le=512)
    """Length of each layer's state; two layers of 64 and an output of 64 are 776 bytes a user."""
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


class RecurrentState(NamedTuple):
    """What is kept per user."""

    layers: Vector  # (L, S) one h per layer
    latest: Vector  # (D,) output after the latest event, normalised
    time_s: float  # of the latest event; NaN for a stranger


class LayerWeights(NamedTuple):
    """Arrays of one layer."""

    norm: Vector
    into: Vector
    into_bias: Vector
    out: Vector
    mix_norm: Vector
    mix_into: Vector
    mix_out: Vector


class _Laid(NamedTuple):
    """Arrays of one layer, laid out for the step."""

    into: Vector  # (D, 3S) gate, opening, offer
    into_bias: Vector
    out: Vector
    mix_into: Vector
    mix_out: Vector


class Recurrent:
    """Serves what `RecurrentNet` was trained to compute, bound to it by the contract test."""

    def __init__(self, weights: Weights, config: RecurrentConfig) -> None:
        """`weights` as named by `RecurrentNet.state_dict`."""
        self._hear = EventInput(weights)
        self._fading = Fading(weights)
        self._behaviour = NextBehaviour.of(weights)
        self._norm = weights["norm.weight"]
        named = [layer_weights(weights, f"layers.{n}.") for n in range(config.layers)]
        self._layers = [_laid_out(layer) for layer in named]
        self._size, self._dim = config.state, config.dim
        self._each = np.ones(config.interests, np.float32)
        self._query_time = config.query_time

    def start(self) -> RecurrentState:
        """A stranger."""
        return RecurrentState(
            np.zeros((len(self._layers), self._size), np.float32),
            np.zeros(self._dim, np.float32),
            float("nan"),
        )

    def step(self, state: RecurrentState, event: EventFeatures) -> RecurrentState:
        """One event; one without a vector is not heard."""
        if event.vector is None:
            return state
        x = self._hear(event, event.vector, event.time_s - state.time_s)
        states = np.empty_like(state.layers)
        for n, layer in enumerate(self._layers):
            x = _advance(layer, x, state.layers[n], states[n])
        return RecurrentState(states, normed(x, self._norm), later(state.time_s, event.time_s))

    def fold(self, state: RecurrentState, events: Sequence[EventFeatures]) -> RecurrentState:
        """Many steps: a layer's gates do not wait for its state, so that they are made at once."""
        heard = Heard.of(events)
        if not heard.events:
            return state
        at_s = np.fmax.accumulate(np.r_[state.time_s, heard.times_s])
        x = self._hear.each(heard, heard.times_s - at_s[:-1])
        states = np.empty_like(state.layers)
        for n, layer in enumerate(self._layers):
            x = _advance_through(layer, x, state.layers[n], states[n])
        return RecurrentState(states, normed(x[-1], self._norm), float(at_s[-1]))

    def read(self, state: RecurrentState, now_s: float) -> Interests:
        """The latest interest, faded by the time since towards the long-term one: (K, D)."""
        if state.time_s != state.time_s:
            return Interests(np.zeros((len(self._each), self._dim), np.float32), self._each)
        elapsed_s = now_s - state.time_s if self._query_time else float("nan")
        faded = self._fading.each(state.latest, state.layers.reshape(-1), elapsed_s)
        return Interests(faded, self._each)

    @property
    def foretells(self) -> bool:
        """Whether it was trained to tell the next behaviour."""
        return self._behaviour is not None

    def next_behaviour(self, state: RecurrentState) -> Behaviour | None:
        """What the user will do next, and when; None for a stranger, and where it was not learned.

        It is foretold at the latest event and does not change until the next.
        """
        if self._behaviour is None or state.time_s != state.time_s:
            return None
        return self._behaviour(state.latest)

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


def layer_weights(weights: Weights, at: str) -> LayerWeights:
    """Of the layer whose arrays are named `at`..., turned to be multiplied from the left."""
    return LayerWeights(
        weights[at + "norm.weight"],
        weights[at + "into.weight"].T.copy(),
        weights[at + "into.bias"],
        weights[at + "out.weight"].T.copy(),
        weights[at + "mix_norm.weight"],
        weights[at + "mix.into.weight"].T.copy(),
        weights[at + "mix.out.weight"].T.copy(),
    )


def _laid_out(layer: LayerWeights) -> _Laid:
    """For the step: what scales an input is in the matrix, what a tanh halves is halved there."""
    gate, offered, opening = np.split(layer.norm[:, None] * layer.into, 3, axis=1)
    gate_bias, offered_bias, opening_bias = np.split(layer.into_bias, 3)
    opened, added = np.split(layer.mix_norm[:, None] * layer.mix_into, 2, axis=1)
    return _Laid(
        np.concatenate([gate / 2, opening / 2, offered], axis=1),
        np.concatenate([gate_bias / 2, opening_bias / 2, offered_bias]),
        layer.out,
        np.concatenate([opened / 2, added], axis=1),
        layer.mix_out,
    )


def _advance(layer: _Laid, x: Vector, before: Vector, after: Vector) -> Vector:
    """One layer of one event: (D,), (S,) -> (D,); writes the new state into `after`."""
    size = len(before)
    made = scaled(x).dot(layer.into)  # (D,) (D, 3S) -> (3S,)
    made += layer.into_bias
    opening, offered = made[size : 2 * size], made[2 * size :]
    opened = np.tanh(made[: 2 * size])
    opened += ONE  # sigmoid(a) = (1 + tanh(a / 2)) / 2
    np.subtract(before, offered, after)  # h = o + g (h - o)
    after *= opened[:size]
    after *= HALF
    after += offered
    opening *= opened[size:]  # silu(a) = a / 2 * (1 + tanh(a / 2))
    opening *= after
    spoken: Vector = opening.dot(layer.out)
    spoken += x
    mixed = scaled(spoken).dot(layer.mix_into)
    half = len(mixed) // 2
    added = silu_of_twice(mixed[:half])
    added *= mixed[half:]
    spoken += added.dot(layer.mix_out)
    return spoken


def _advance_through(layer: _Laid, x: Vectors, before: Vector, after: Vector) -> Vectors:
    """One layer of many events: (T, D), (S,) -> (T, D); writes the last state into `after`."""
    size = len(before)
    made = scaled_each(x) @ layer.into + layer.into_bias  # (T, 3S)
    gates = (1 + np.tanh(made[:, :size])) / 2
    states = (1 - gates) * made[:, 2 * size :]
    for gate, now in zip(gates, states, strict=True):
        now += gate * before
        before = now
    after[:] = before
    spoken: Vectors = x + (states * silu_of_twice(made[:, size : 2 * size])) @ layer.out
    mixed = scaled_each(spoken) @ layer.mix_into
    half = mixed.shape[1] // 2
    spoken += (silu_of_twice(mixed[:, :half]) * mixed[:, half:]) @ layer.mix_out
    return spoken
