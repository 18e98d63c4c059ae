"""An LSTM that re-reads its window of events in both directions whenever interests are read."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from penchant.core.contracts import EventFeatures
from penchant.core.interests import Interests, Vector, Vectors
from penchant.interests.event_input import EventInput, Weights, later, normed, normed_each, sigmoid
from penchant.interests.fading import Fading

_ONE = np.ones(1, np.float32)


class BilstmConfig(BaseModel):
    """Sizes of the LSTM in both directions, and the step size that suits it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector."""
    state: int = Field(default=32, ge=4, le=512)
    """Length of the state in each direction."""
    window: int = Field(default=16, ge=1, le=256)
    """Latest events that are read again each time; older ones are forgotten. Each adds 4 x dim
    bytes to a state."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations dropped while training."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """Highest step size; rises over 100 steps or a fifth of all, then falls to a twentieth."""
    query_time: bool = True
    """Whether the time since the latest event counts when interests are read."""


class BilstmState(NamedTuple):
    """What is kept per user: the window's inputs, for there is nothing smaller to go on from."""

    window: Vectors  # (n, D) inputs of the latest events, oldest first
    time_s: float  # of the latest event; NaN for a stranger


class Bilstm:
    """Serves what `BilstmNet` was trained to compute, bound to it by the contract test.

    The backward direction begins with the latest event, so that every event changes all of it:
    a step only keeps the event, and `read` walks the whole window twice. Its cost is that of the
    window.
    """

    def __init__(self, weights: Weights, config: BilstmConfig) -> None:
        """`weights` as named by `BilstmNet.state_dict`."""
        self._hear = EventInput(weights)
        self._fading = Fading(weights)
        self._into = weights["into.weight"].T.copy()  # (D, 8 S) of both directions
        self._into_bias = weights["into.bias"]
        self._forward = weights["forward_again.weight"].T.copy()  # (S, 4 S)
        self._backward = weights["backward_again.weight"].T.copy()
        self._out = weights["out.weight"].T.copy()
        self._inner_norm, self._norm = weights["inner_norm.weight"], weights["norm.weight"]
        self._dim, self._size, self._most = config.dim, config.state, config.window
        self._query_time = config.query_time

    def start(self) -> BilstmState:
        """A stranger."""
        return BilstmState(np.zeros((0, self._dim), np.float32), float("nan"))

    def step(self, state: BilstmState, event: EventFeatures) -> BilstmState:
        """One event joins the window; one without a vector is not heard."""
        if event.vector is None:
            return state
        x = self._hear(event, event.vector, event.time_s - state.time_s)
        window = np.concatenate([state.window, x[None]])[-self._most :]
        return BilstmState(window, later(state.time_s, event.time_s))

    def fold(self, state: BilstmState, events: Sequence[EventFeatures]) -> BilstmState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: BilstmState, now_s: float) -> Interests:
        """The window read forwards and backwards, faded by the time since the latest event."""
        if not len(state.window):
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        x = state.window  # (n, D)
        made = normed_each(x, self._inner_norm) @ self._into + self._into_bias  # (n, 8 S)
        half = 4 * self._size
        read = np.concatenate(
            [_walked(made[:, :half], self._forward), _walked(made[::-1, half:], self._backward)]
        )
        latest = normed(np.asarray(x[-1] + read @ self._out, np.float32), self._norm)
        elapsed_s = now_s - state.time_s if self._query_time else float("nan")
        return Interests(self._fading(latest, read, elapsed_s)[None], _ONE)

    def dump(self, state: BilstmState) -> bytes:
        """Little-endian: the time (8 bytes), then the window's float32 inputs."""
        return np.array([state.time_s], "<f8").tobytes() + state.window.astype("<f4").tobytes()

    def load(self, data: bytes) -> BilstmState:
        """Back from `dump`."""
        time_s = float(np.frombuffer(data, "<f8", 1)[0])
        rows = np.frombuffer(data, "<f4", offset=8).astype(np.float32)
        return BilstmState(rows.reshape(-1, self._dim), time_s)


def _walked(made: Vectors, again: Vectors) -> Vector:
    """h after all rows of the gates' inputs (n, 4 S), in their order: i, f, o, g -> (S,)."""
    size = len(again)
    h, c = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for row in made:
        gates = row + h @ again
        opened = sigmoid(gates[: 3 * size])
        c = opened[size : 2 * size] * c + opened[:size] * np.tanh(gates[3 * size :])
        h = opened[2 * size :] * np.tanh(c)
    return h
