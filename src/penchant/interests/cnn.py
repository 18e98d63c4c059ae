"""Causal convolutions over a user's latest events, one NumPy step per event."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from penchant.core.contracts import EventFeatures
from penchant.core.interests import Interests, Vector, Vectors
from penchant.interests.event_input import EventInput, Weights, later, normed
from penchant.interests.fading import Fading

_ONE = np.ones(1, np.float32)


class CnnConfig(BaseModel):
    """Sizes of the causal convolutions, and the step size that suits them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector."""
    kernel: int = Field(default=3, ge=2, le=16)
    """Events that each layer puts together."""
    dilations: tuple[PositiveInt, ...] = Field(default=(1, 2, 4), min_length=1, max_length=12)
    """Per layer, how many events apart those are: 1, 2, 4 with a kernel of 3 see 15 events. A
    state keeps (kernel - 1) x dilation inputs of each layer, of 4 x dim bytes."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations dropped while training."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """Highest step size; rises over 100 steps or a fifth of all, then falls to a twentieth."""
    query_time: bool = True
    """Whether the time since the latest event counts when interests are read."""

    @property
    def reaches(self) -> tuple[int, ...]:
        """Earlier inputs that each layer needs."""
        return tuple((self.kernel - 1) * dilation for dilation in self.dilations)


class CnnState(NamedTuple):
    """What is kept per user: (kernel - 1) * dilation inputs of each layer."""

    past: tuple[Vectors, ...]  # per layer (R, D), oldest first; zeros: there was no event
    latest: Vector  # (D,) output after the latest event, normalised
    time_s: float  # of the latest event; NaN for a stranger


class _LayerWeights(NamedTuple):
    norm: Vector
    taps: Vectors  # (K D, D): the event itself, then ever older ones
    bias: Vector


class Cnn:
    """Serves what `CnnNet` was trained to compute, bound to it by the contract test."""

    def __init__(self, weights: Weights, config: CnnConfig) -> None:
        """`weights` as named by `CnnNet.state_dict`."""
        self._hear = EventInput(weights)
        self._fading = Fading(weights)
        self._norm = weights["norm.weight"]
        self._layers = [
            _LayerWeights(
                weights[f"layers.{n}.norm.weight"],
                weights[f"layers.{n}.taps.weight"].T.copy(),
                weights[f"layers.{n}.taps.bias"],
            )
            for n in range(len(config.dilations))
        ]
        self._dilations, self._reaches = config.dilations, config.reaches
        self._dim, self._query_time = config.dim, config.query_time

    def start(self) -> CnnState:
        """A stranger."""
        past = tuple(np.zeros((reach, self._dim), np.float32) for reach in self._reaches)
        return CnnState(past, np.zeros(self._dim, np.float32), float("nan"))

    def step(self, state: CnnState, event: EventFeatures) -> CnnState:
        """One event; one without a vector is not heard."""
        if event.vector is None:
            return state
        x = self._hear(event, event.vector, event.time_s - state.time_s)
        after = []
        for layer, past, dilation in zip(self._layers, state.past, self._dilations, strict=True):
            held = np.concatenate([past, normed(x, layer.norm)[None]])  # (R + 1, D)
            taps = held[::-dilation].reshape(-1)  # (K D,)
            x = np.asarray(x + np.maximum(taps @ layer.taps + layer.bias, 0), np.float32)
            after.append(held[1:])
        latest = normed(x, self._norm)
        return CnnState(tuple(after), latest, later(state.time_s, event.time_s))

    def fold(self, state: CnnState, events: Sequence[EventFeatures]) -> CnnState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: CnnState, now_s: float) -> Interests:
        """The latest interest, faded by the time since towards what of it lasts."""
        if state.time_s != state.time_s:
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        elapsed_s = now_s - state.time_s if self._query_time else float("nan")
        return Interests(self._fading(state.latest, state.latest, elapsed_s)[None], _ONE)

    def dump(self, state: CnnState) -> bytes:
        """Little-endian: the time (8 bytes), then float32 inputs layer by layer, and output."""
        parts = [np.array([state.time_s], "<f8").tobytes()]
        parts += [each.astype("<f4").tobytes() for each in (*state.past, state.latest)]
        return b"".join(parts)

    def load(self, data: bytes) -> CnnState:
        """Back from `dump`."""
        time_s = float(np.frombuffer(data, "<f8", 1)[0])
        rows = np.frombuffer(data, "<f4", offset=8).astype(np.float32).reshape(-1, self._dim)
        ends = np.cumsum(self._reaches)
        *past, latest = np.split(rows, ends)
        return CnnState(tuple(past), latest[0], time_s)
