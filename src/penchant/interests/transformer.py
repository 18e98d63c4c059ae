"""A causal Transformer over a user's latest events, one NumPy step per event from kept keys."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import KNOTS_LOG, KNOTS_S, gap_features
from penchant.core.errors import ShapeError
from penchant.core.interests import Interests, Vector, Vectors
from penchant.interests.event_input import (
    EventInput,
    Heard,
    Weights,
    later,
    normed_each,
    sigmoid,
    silu,
)

BLOCK: Final = 64
"""Events of a history that are taken at once."""
FAR: Final = np.float32(-1e9)
"""Score of what must not be seen."""
_ONE = np.ones(1, np.float32)


class TransformerConfig(BaseModel):
    """Sizes of the causal Transformer, and the step size that suits it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector; a multiple of `heads`."""
    heads: int = Field(default=2, ge=1, le=16)
    """Heads of attention in each layer."""
    hidden: int = Field(default=128, ge=4, le=4096)
    """Width of the feed-forward part."""
    layers: int = Field(default=2, ge=1, le=8)
    """Layers of attention and feed-forward."""
    window: int = Field(default=200, ge=2, le=2048)
    """Latest events of a user that each layer attends to, the newest among them. A state keeps keys
    and values of `window` - 1: 206 kB at the default sizes once a user has that many."""
    attention: Literal["softmax", "pointwise"] = "softmax"
    """Weights of the events that add up to 1, or each by itself (HSTU)."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations dropped while training."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """Highest step size; rises over 100 steps or a fifth of all, then falls to a twentieth."""
    query_time: bool = True
    """Whether the time of reading counts: how long ago each event is then."""

    @model_validator(mode="after")
    def _heads_are_equal(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is no multiple of heads {self.heads}")
        return self


class TransformerState(NamedTuple):
    """What is kept per user.

    What an event means to attention depends on when the next query comes, so that the latest event
    waits, as it was heard, until the next one tells its time.
    """

    waiting_s: float  # of the event that waits; NaN: a stranger, of whom none does
    waiting: Vector  # (D,) as heard
    times_s: NDArray[np.float64]  # (n,) of the events before it, oldest first, n < window
    kept: NDArray[np.float32]  # (L, 2, n, D) their keys and values


class _Kept(NamedTuple):
    """Keys and values that later events attend to."""

    times_s: NDArray[np.float64]  # (n,)
    each: NDArray[np.float32]  # (L, 2, n, D)

    def then(self, times_s: NDArray[np.float64], fresh: NDArray[np.float32], most: int) -> "_Kept":
        """With those of (R,) more events, at most the last `most`."""
        return _Kept(
            np.concatenate([self.times_s, times_s])[-most:],
            np.concatenate([self.each, fresh], 2)[:, :, -most:],
        )


class _Waiting(NamedTuple):
    """Events whose queries have come."""

    x: Vectors  # (R, D) as heard
    times_s: NDArray[np.float64]  # (R,)
    queries_s: NDArray[np.float64]  # (R,)

    def part(self, rows: slice) -> "_Waiting":
        """Some of them."""
        return _Waiting(self.x[rows], self.times_s[rows], self.queries_s[rows])


class _LayerWeights(NamedTuple):
    norm: Vector
    into: Vector
    out_norm: Vector
    out: Vector
    attended: Vector
    attended_bias: Vector
    mix_norm: Vector
    mix_into: Vector
    mix_out: Vector
    mixed: Vector
    mixed_bias: Vector


class Transformer:
    """Serves what `TransformerNet` was trained to compute, bound to it by the contract test."""

    def __init__(self, weights: Weights, config: TransformerConfig) -> None:
        """`weights` as named by `TransformerNet.state_dict`."""
        self._hear = EventInput(weights)
        self._ahead = weights["ahead.weight"].T.copy()
        self._norm = weights["norm.weight"]
        self._layers = [_layer(weights, f"layers.{n}.", config.heads) for n in range(config.layers)]
        self._times = weights["times"].reshape(-1, len(KNOTS_S)).astype(np.float64)  # (L H, G)
        self._places = weights["places"]  # (L, H, W), newest first
        self._heads, self._before, self._dim = config.heads, config.window - 1, config.dim
        self._query_time = config.query_time

    def start(self) -> TransformerState:
        """A stranger."""
        return TransformerState(
            float("nan"),
            np.zeros(self._dim, np.float32),
            np.zeros(0),
            np.zeros((len(self._layers), 2, 0, self._dim), np.float32),
        )

    def step(self, state: TransformerState, event: EventFeatures) -> TransformerState:
        """One event; one without a vector is not heard."""
        if event.vector is None:
            return state
        time_s = later(state.waiting_s, event.time_s)
        heard = self._hear(event, event.vector, time_s - state.waiting_s)
        return self._heard(state, heard[None], np.array([time_s]))

    def fold(self, state: TransformerState, events: Sequence[EventFeatures]) -> TransformerState:
        """Many steps, a block of events at a time."""
        heard = Heard.of(events)
        if not heard.events:
            return state
        at_s = np.fmax.accumulate(np.r_[state.waiting_s, heard.times_s])
        x = self._hear.each(heard, np.diff(at_s))
        return self._heard(state, x, at_s[1:])

    def _heard(
        self,
        state: TransformerState,
        heard: Vectors,  # (T, D)
        heard_s: NDArray[np.float64],  # (T,)
    ) -> TransformerState:
        """The last one waits now; those before it, and what waited so far, know their queries.

        What is kept of an event depends, layer by layer, on `window` - 1 events before it: of a
        long history the end suffices.
        """
        first = int(state.waiting_s != state.waiting_s)  # of a stranger nothing waits
        x = np.concatenate([state.waiting[None], heard])[first:]
        at_s = np.concatenate([[state.waiting_s], heard_s])[first:]
        asked = _Waiting(x[:-1], at_s[:-1], at_s[1:])
        kept = _Kept(state.times_s, state.kept)
        enough = len(self._layers) * self._before
        if len(asked.x) > enough:
            asked, kept = asked.part(slice(-enough, None)), _Kept(*self.start()[2:])
        for at in range(0, len(asked.x), BLOCK):
            block = asked.part(slice(at, at + BLOCK))
            _, fresh = self._finish(kept, block)
            kept = kept.then(block.times_s, fresh, self._before)
        return TransformerState(float(at_s[-1]), x[-1], *kept)

    def read(self, state: TransformerState, now_s: float) -> Interests:
        """What the latest event and those before it come to, as far back as they are now."""
        if state.waiting_s != state.waiting_s:
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        asked = _Waiting(
            state.waiting[None],
            np.array([state.waiting_s]),
            np.array([later(state.waiting_s, now_s)]),
        )
        x, _ = self._finish(_Kept(state.times_s, state.kept), asked)
        return Interests(normed_each(x, self._norm), _ONE)

    def dump(self, state: TransformerState) -> bytes:
        """Little-endian: times (8 bytes each), then float32: what waits, keys and values."""
        times_s = np.concatenate([[state.waiting_s], state.times_s])
        return (
            times_s.astype("<f8").tobytes()
            + state.waiting.astype("<f4").tobytes()
            + state.kept.astype("<f4").tobytes()
        )

    def load(self, data: bytes) -> TransformerState:
        """Back from `dump`."""
        each = 8 + 4 * 2 * len(self._layers) * self._dim
        size, rest = divmod(len(data) - 8 - 4 * self._dim, each)
        if rest:
            raise ShapeError(f"a state of {len(data)} bytes does not fit events of {each}")
        times_s = np.frombuffer(data, "<f8", 1 + size).astype(np.float64)
        numbers = np.frombuffer(data, "<f4", offset=8 + 8 * size).astype(np.float32)
        kept = numbers[self._dim :].reshape(len(self._layers), 2, size, self._dim)
        return TransformerState(float(times_s[0]), numbers[: self._dim], times_s[1:], kept)

    def _finish(self, kept: _Kept, asked: _Waiting) -> tuple[Vectors, NDArray[np.float32]]:
        """Events, R at once: outputs (R, D), keys and values (L, 2, R, D)."""
        x, times_s, queries_s = asked
        if self._query_time:
            x = x + gap_features(queries_s - times_s) @ self._ahead
        else:
            queries_s = times_s
        bias = self._bias(np.concatenate([kept.times_s, times_s]), queries_s)
        fresh = np.empty((len(self._layers), 2, *x.shape), np.float32)
        for n, layer in enumerate(self._layers):
            x = _advance(layer, x, kept.each[n], fresh[n], bias[n])
        return x, fresh

    def _bias(
        self, times_s: NDArray[np.float64], queries_s: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """What is added to scores by how long and how many events ago; `FAR` out of the window.

        (n + R,) times, of which the last R ask at (R,) -> (L, H, R, n + R).
        """
        rows, size = len(queries_s), len(times_s)
        logs = np.log1p(np.minimum(np.maximum(queries_s[:, None] - times_s, 0.0), KNOTS_S[-1]))
        if rows == 1:  # it sees all that is kept, and itself
            bias = self._places[:, :, None, size - 1 :: -1].copy()
        else:
            back = np.arange(size - rows, size)[:, None] - np.arange(size)  # events, (R, n + R)
            unseen = (back < 0) | (back > self._before)
            bias = np.take(self._places, np.where(unseen, 0, back), axis=2)
            bias[:, :, unseen] = FAR
        for each, values in zip(bias.reshape(-1, rows, size), self._times, strict=True):
            each += np.interp(logs, KNOTS_LOG, values)
        return bias


def _layer(weights: Weights, at: str, heads: int) -> _LayerWeights:
    def turned(name: str) -> Vector:
        return weights[at + name + ".weight"].T.copy()

    into = turned("attention.into")
    dim = len(into)
    into[:, :dim] *= (dim // heads) ** -0.5
    return _LayerWeights(
        weights[at + "norm.weight"],
        into,
        weights[at + "attention.norm.weight"],
        turned("attention.out"),
        turned("attended.gate"),
        weights[at + "attended.gate.bias"],
        weights[at + "mix_norm.weight"],
        turned("mix.into"),
        turned("mix.out"),
        turned("mixed.gate"),
        weights[at + "mixed.gate.bias"],
    )


def _advance(
    layer: _LayerWeights,
    x: Vectors,
    kept: NDArray[np.float32],
    fresh: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> Vectors:
    """One layer: (R, D), (2, n, D), (2, R, D), (H, R, n + R) -> (R, D); writes into `fresh`."""
    dim = x.shape[1]
    made = normed_each(x, layer.norm).dot(layer.into)  # (R, D) (D, 3D or 4D)
    fresh[0], fresh[1] = made[:, dim : 2 * dim], made[:, 2 * dim : 3 * dim]
    pointwise = made.shape[1] > 3 * dim
    every = np.concatenate([kept, fresh], 1)
    found = normed_each(_attend(made[:, :dim], every, bias, pointwise), layer.out_norm)
    if pointwise:
        found *= silu(made[:, 3 * dim :])
    gate = x.dot(layer.attended)
    gate += layer.attended_bias
    said: Vectors = found.dot(layer.out)
    said *= sigmoid(gate)
    said += x
    mixed = normed_each(said, layer.mix_norm).dot(layer.mix_into)
    half = mixed.shape[1] // 2
    added = silu(mixed[:, :half])
    added *= mixed[:, half:]
    gate = said.dot(layer.mixed)
    gate += layer.mixed_bias
    said += added.dot(layer.mix_out) * sigmoid(gate)
    return said


def _attend(
    queries: Vectors, every: NDArray[np.float32], bias: NDArray[np.float32], pointwise: bool
) -> Vectors:
    """(R, D), (2, n + R, D), (H, R, n + R) -> (R, D): means of values, each head by its scores."""
    heads, rows, size = bias.shape
    apart = queries.reshape(rows, heads, -1).transpose(1, 0, 2)  # (H, R, d)
    keys, values = every.reshape(2, size, heads, -1).transpose(0, 2, 1, 3)  # (H, n + R, d) each
    scores = apart @ keys.transpose(0, 2, 1)
    scores += bias
    if pointwise:
        shares = silu(scores) / (bias > FAR / 2).sum(-1, keepdims=True, dtype=np.float32)
    else:
        scores -= scores.max(-1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(-1, keepdims=True)
    found = shares @ values  # (H, R, d)
    return np.asarray(found.transpose(1, 0, 2).reshape(rows, -1), np.float32)
