"""What a user will do next: the type of their next event, and how long until then."""

from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np

from penchant.core.contracts import InterestModel
from penchant.core.elapsed import KNOTS_S
from penchant.core.interests import Vector, softmax
from penchant.interests.event_input import Weights

_LOGS = np.log1p(np.array(KNOTS_S))


class Behaviour(NamedTuple):
    """Two distributions; each sums to 1."""

    types: Vector
    """By event type, in the order of `EventReader.types`."""
    gaps: Vector
    """By the ten knots of elapsed time, KNOTS_S."""

    @property
    def log_gap(self) -> float:
        """Expected log(1 + seconds) until the next event."""
        return float(self.gaps @ _LOGS)


class NextBehaviour:
    """Serves what `BehaviourNet` was trained to compute."""

    def __init__(self, weights: Weights) -> None:
        self._kind = weights["behaviour.kind.weight"].T.copy()
        self._kind_bias = weights["behaviour.kind.bias"]
        self._gap = weights["behaviour.gap.weight"].T.copy()
        self._gap_bias = weights["behaviour.gap.bias"]

    @classmethod
    def of(cls, weights: Weights) -> Self | None:
        """None where it was not learned."""
        return cls(weights) if "behaviour.kind.weight" in weights else None

    def __call__(self, latest: Vector) -> Behaviour:
        """From the output after the latest event, (D,)."""
        types = softmax(latest @ self._kind + self._kind_bias)
        return Behaviour(types, softmax(latest @ self._gap + self._gap_bias))


@runtime_checkable
class Foretelling(InterestModel, Protocol):
    """An interest model that may know the next behaviour too."""

    @property
    def foretells(self) -> bool:
        """Whether it was trained to."""
        ...

    def next_behaviour(self, state: Any) -> Behaviour | None:
        """What the user will do next; None for a stranger, and where it was not learned."""
        ...
