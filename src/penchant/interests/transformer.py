"""A causal Transformer over a user's latest events, one NumPy step per event from kept keys."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import KNOTS_S, gap_feature
from penchant.core.interests import Interests, Vector
from penchant.interests.event_input import EventInput, Weights, later, normed, sigmoid, silu

_ONE = np.ones(1, np.float32)
_LOGS: Final = np.log1p(np.array(KNOTS_S))


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
    """Highest step size; rises over 100 steps, then falls along a cosine to a twentieth."""
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

    time_s: float  # of the latest event, with or without a vector; NaN for a stranger
    waiting_s: float  # of the event that waits; NaN: none does
    waiting: Vector  # (D,) as heard
    times_s: NDArray[np.float64]  # (n,) of the events before it, oldest first, n < window
    kept: NDArray[np.float32]  # (L, 2, n, D) their keys and values


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
        self._places = weights["places"][:, :, ::-1].copy()  # (L, H, W), oldest first
        self._heads, self._before, self._dim = config.heads, config.window - 1, config.dim
        self._query_time = config.query_time

    def start(self) -> TransformerState:
        """A stranger."""
        nan = float("nan")
        return TransformerState(
            nan,
            nan,
            np.zeros(self._dim, np.float32),
            np.zeros(0),
            np.zeros((len(self._layers), 2, 0, self._dim), np.float32),
        )

    def step(self, state: TransformerState, event: EventFeatures) -> TransformerState:
        """One event; an item without a vector only keeps later queries from being before it."""
        time_s = later(state.time_s, event.time_s)
        if event.vector is None:
            return state._replace(time_s=time_s)
        heard = self._hear(event, event.vector, time_s - state.waiting_s)
        if state.waiting_s != state.waiting_s:
            return state._replace(time_s=time_s, waiting_s=time_s, waiting=heard)
        _, fresh = self._finish(state, time_s)  # (L, 2, D)
        dropped = int(len(state.times_s) == self._before)
        kept = np.concatenate([state.kept[:, :, dropped:], fresh[:, :, None]], 2)
        times_s = np.append(state.times_s[dropped:], state.waiting_s)
        return TransformerState(time_s, time_s, heard, times_s, kept)

    def fold(self, state: TransformerState, events: Sequence[EventFeatures]) -> TransformerState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: TransformerState, now_s: float) -> Interests:
        """What the latest event and those before it come to, as far back as they are now."""
        if state.waiting_s != state.waiting_s:
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        x, _ = self._finish(state, later(state.time_s, now_s))
        return Interests(normed(x, self._norm)[None], _ONE)

    def dump(self, state: TransformerState) -> bytes:
        """Little-endian: times (8 bytes each), then float32: what waits, keys and values."""
        times_s = np.concatenate([[state.time_s, state.waiting_s], state.times_s])
        return (
            times_s.astype("<f8").tobytes()
            + state.waiting.astype("<f4").tobytes()
            + state.kept.astype("<f4").tobytes()
        )

    def load(self, data: bytes) -> TransformerState:
        """Back from `dump`."""
        each = 8 + 4 * 2 * len(self._layers) * self._dim
        size = (len(data) - 16 - 4 * self._dim) // each
        times_s = np.frombuffer(data, "<f8", 2 + size).astype(np.float64)
        numbers = np.frombuffer(data, "<f4", offset=16 + 8 * size).astype(np.float32)
        kept = numbers[self._dim :].reshape(len(self._layers), 2, size, self._dim)
        return TransformerState(
            float(times_s[0]), float(times_s[1]), numbers[: self._dim], times_s[2:], kept
        )

    def _finish(
        self, state: TransformerState, query_s: float
    ) -> tuple[Vector, NDArray[np.float32]]:
        """Of the event that waits, asked at `query_s`: output (D,), keys and values (L, 2, D)."""
        x = state.waiting
        if self._query_time:
            x = x + gap_feature(query_s - state.waiting_s) @ self._ahead
        else:
            query_s = state.waiting_s
        bias = self._bias(state, query_s)
        fresh = np.empty((len(self._layers), 2, self._dim), np.float32)
        for n, layer in enumerate(self._layers):
            x = _advance(layer, x, state.kept[n], fresh[n], bias[n])
        return x, fresh

    def _bias(self, state: TransformerState, query_s: float) -> NDArray[np.float32]:
        """(L, H, n + 1) what is added to the scores of events so long and so many events ago."""
        elapsed = query_s - np.append(state.times_s, state.waiting_s)
        logs = np.log1p(np.clip(elapsed, 0.0, KNOTS_S[-1]))
        bias = self._places[:, :, -len(logs) :].copy()
        for row, values in zip(bias.reshape(-1, len(logs)), self._times, strict=True):
            row += np.interp(logs, _LOGS, values)
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
    x: Vector,
    kept: NDArray[np.float32],
    fresh: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> Vector:
    """One layer of one event: (D,), (2, n, D), (2, D), (H, n + 1) -> (D,); writes into `fresh`."""
    dim = len(x)
    made = normed(x, layer.norm) @ layer.into  # (D,) @ (D, 3D or 4D)
    fresh[:] = made[dim : 3 * dim].reshape(2, dim)
    pointwise = len(made) > 3 * dim
    found = normed(_attend(made[:dim], kept, fresh, bias, pointwise), layer.out_norm)
    if pointwise:
        found = found * silu(made[3 * dim :])
    gate = sigmoid(x @ layer.attended + layer.attended_bias)
    x = x + gate * (found @ layer.out)
    mixed = normed(x, layer.mix_norm) @ layer.mix_into
    half = len(mixed) // 2
    added = (silu(mixed[:half]) * mixed[half:]) @ layer.mix_out
    gate = sigmoid(x @ layer.mixed + layer.mixed_bias)
    return np.asarray(x + gate * added, np.float32)


def _attend(
    query: Vector,
    kept: NDArray[np.float32],
    fresh: NDArray[np.float32],
    bias: NDArray[np.float32],
    pointwise: bool,
) -> Vector:
    """(D,), (2, n, D), (2, D), (H, n + 1) -> (D,): a mean of values, each head by its scores."""
    heads, size = bias.shape
    apart = query.reshape(heads, -1)  # (H, d)
    each = kept.reshape(2, size - 1, *apart.shape)
    keys, values = each.transpose(0, 2, 1, 3)  # (H, n, d) each
    scores = np.empty((heads, size), np.float32)
    scores[:, :-1] = (keys @ apart[..., None])[..., 0]
    scores[:, -1] = (fresh[0].reshape(heads, -1) * apart).sum(1)
    scores += bias
    if pointwise:
        shares = silu(scores) / np.float32(size)
    else:
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
    found = (shares[:, None, :-1] @ values)[:, 0]  # (H, 1, n) @ (H, n, d)
    found += shares[:, -1:] * fresh[1].reshape(heads, -1)
    return np.asarray(found.reshape(-1), np.float32)
