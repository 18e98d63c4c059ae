"""What a sequence model hears of one event: its item's vector and what the event says of it."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import WIDTH, gap_feature, gap_features
from penchant.core.interests import Vector, Vectors

Weights = Mapping[str, NDArray[np.float32]]
"""Arrays of one model, as the state_dict of its torch module names them."""
VECTORS: Final = "events.items.weight"
"""The item table among them, (N, D)."""
BIASES: Final = "events.item_bias"
"""What is added to an item's score, (N,)."""
TYPES: Final = "events.types.weight"
"""What each event type says, (types + 1, D); row 0 is a type added later."""
SIGNAL: Final = "events.signal.weight"
"""How the numbers of an event speak, (D, 2 + G): its weight, its value, what elapsed."""
COUNTS: Final = "item_counts"
"""How often an item was met in training, (N,), where a model weighs by it."""

HALF: Final = np.array(0.5, np.float32)
"""As an array: of a small one, the product with a Python number takes twice as long."""
ONE: Final = np.array(1.0, np.float32)
"""The same."""


class Heard(NamedTuple):
    """Those of many events that have a vector, H of them."""

    events: Sequence[EventFeatures]
    vectors: Sequence[Vector]
    times_s: NDArray[np.float64]  # (H,)

    @classmethod
    def of(cls, events: Sequence[EventFeatures]) -> Self:
        """Of events in fold order."""
        told = [(event, event.vector) for event in events if event.vector is not None]
        times_s = np.array([event.time_s for event, _ in told], np.float64)
        return cls([event for event, _ in told], [vector for _, vector in told], times_s)


class EventInput:
    """Serves what `EventInputNet` was trained to compute."""

    def __init__(self, weights: Weights) -> None:
        self._types = weights[TYPES] + weights["events.signal.bias"]  # which every type shares
        self._signal = weights[SIGNAL].T.copy()

    def __call__(self, event: EventFeatures, vector: Vector, elapsed_s: float) -> Vector:
        """(D,) for an event `elapsed_s` after its user's latest; NaN: there is none."""
        said = np.empty(2 + WIDTH, np.float32)
        said[0], said[1] = event.weight, event.value
        said[2:] = gap_feature(elapsed_s)
        code = event.type if event.type < len(self._types) else 0
        told: Vector = said.dot(self._signal)
        told += self._types[code]
        told += vector
        return told

    def each(self, heard: Heard, elapsed_s: NDArray[np.float64]) -> Vectors:
        """The same for many at once: H events, elapsed seconds (H,) -> (H, D)."""
        said = np.empty((len(heard.events), 2 + WIDTH), np.float32)
        said[:, :2] = [(event.weight, event.value) for event in heard.events]
        said[:, 2:] = gap_features(elapsed_s)
        codes = np.array([event.type for event in heard.events], np.intp)
        told = self._types[np.where(codes < len(self._types), codes, 0)]
        told = told + said @ self._signal
        return np.asarray(np.stack(heard.vectors) + told, np.float32)


def scaled(x: Vector) -> NDArray[np.float32]:
    """One vector over the root of its mean square: `RMSNorm` before its weights."""
    made: NDArray[np.float32] = x * (1.0 / sqrt(float(x.dot(x)) / len(x) + 1e-6))
    return made


def scaled_each(x: Vectors) -> NDArray[np.float32]:
    """The same for each row of (T, D)."""
    squares = np.einsum("td,td->t", x, x)
    scale = 1.0 / np.sqrt(squares / np.float32(x.shape[1]) + np.float32(1e-6))
    return np.asarray(x * scale[:, None], np.float32)


def normed(x: Vector, weight: Vector) -> NDArray[np.float32]:
    """`RMSNorm` of one vector."""
    made = scaled(x)
    made *= weight
    return made


def normed_each(x: Vectors, weight: Vector) -> NDArray[np.float32]:
    """`RMSNorm` of each row of (T, D)."""
    made = scaled(x[0])[None] if len(x) == 1 else scaled_each(x)
    made *= weight
    return made


def sigmoid(x: Vector) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)) as (1 + tanh(x / 2)) / 2, which never overflows."""
    made: NDArray[np.float32] = np.tanh(x * HALF)
    made *= HALF
    made += HALF
    return made


def silu(x: Vector) -> NDArray[np.float32]:
    """x * sigmoid(x)."""
    made = sigmoid(x)
    made *= x
    return made


def silu_of_twice(x: Vector) -> NDArray[np.float32]:
    """silu(2 x), for whoever has halved what makes x: three operations instead of five."""
    made: NDArray[np.float32] = np.tanh(x)
    made += ONE
    made *= x
    return made


def later(before_s: float, now_s: float) -> float:
    """The later of two times; NaN before the first event."""
    return now_s if before_s != before_s else max(before_s, now_s)
