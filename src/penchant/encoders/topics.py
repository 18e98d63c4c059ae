"""Topics: clusters of trained item vectors, an item's memberships in them, and their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ShapeError
from penchant.core.interests import BLOCK, Table, Vector, Vectors, softmax

FEWEST: Final = 8
MOST: Final = 48
"""Bounds of the default count: fewer say nothing, more cannot be read (and a state holds 2 T)."""


@dataclass(frozen=True)
class Topics:
    """T topics: `softmax(W x + b)` are the memberships of an item with vector x (D,)."""

    weights: Vectors
    """W (T, D): centroids divided by the temperature."""
    bias: Vector
    """b (T,): log share of the topic, and what centring the vectors takes off."""
    prior: Vector
    """(T,) memberships of the catalogue, weighted by popularity; sums to 1."""
    labels: tuple[str, ...]
    """One per topic: distinct, never empty."""

    def memberships(self, vectors: Table) -> Vectors:
        """(N, D) -> (N, T), rows sum to 1; an item without a vector (zeros) belongs to none.

        >>> topics = Topics(np.float32([[4, 0], [0, 4]]), np.zeros(2, np.float32),
        ...                 np.float32([.5, .5]), ("left", "right"))
        >>> topics.memberships(np.float32([[1, 1], [0, 0]])).tolist()
        [[0.5, 0.5], [0.0, 0.0]]
        """
        if not isinstance(vectors, np.ndarray):
            blocks = [vectors[n : n + BLOCK] for n in range(0, len(vectors), BLOCK)]
            return np.concatenate([self.memberships(block) for block in blocks])
        if vectors.ndim != 2 or vectors.shape[1] != self.weights.shape[1]:
            raise ShapeError(f"item vectors {vectors.shape} do not fit W {self.weights.shape}")
        known = np.any(vectors != 0, axis=1)
        each = softmax(vectors @ self.weights.T + self.bias)  # (N, D) @ (D, T) -> (N, T)
        return np.asarray(each * known[:, None], dtype=np.float32)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """What an artifact keeps beside the labels."""
        return {"weights": self.weights, "bias": self.bias, "prior": self.prior}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]], labels: Sequence[str]) -> Self:
        """The topics back from `to_arrays` and their labels."""
        weights, bias, prior = arrays["weights"], arrays["bias"], arrays["prior"]
        if not len(weights) == len(bias) == len(prior) == len(labels):
            raise ShapeError(
                f"W {weights.shape}, b {bias.shape}, prior {prior.shape} and {len(labels)} labels "
                "must count the same topics"
            )
        return cls(weights, bias, prior, tuple(labels))


def default_count(items: int) -> int:
    """Topics for a catalogue: sqrt(items / 2) (Mardia et al. 1979), within 8..48.

    >>> default_count(50), default_count(1682), default_count(100_000)
    (8, 29, 48)
    """
    return min(MOST, max(FEWEST, round(sqrt(items / 2))))
