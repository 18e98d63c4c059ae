"""Interests: directions with weights, what they score, and how an event moves them."""

import math
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ShapeError

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]

BLOCK: Final = 8192
"""Item vectors multiplied at one time."""


class Coded(Protocol):
    """Item vectors (N, D) that are kept as codes; single rows and products are made from them."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        ...

    def __len__(self) -> int:
        """N."""
        ...

    def __getitem__(self, rows: NDArray[np.intp] | slice | int) -> Vectors:
        """The vectors of `rows`, decoded: (M, D), or (D,) of one row."""
        ...

    def products(self, directions: Vectors) -> Vectors:
        """u_k . c of every row, (K, D) -> (K, N), to the last bits those of the decoded rows."""
        ...


Table = Vectors | Coded
"""Item vectors (N, D): an array, or codes that are read like one."""


class Interests(NamedTuple):
    """What a user wants at one moment: K directions in the space of the item vectors."""

    directions: Vectors  # (K, D)
    weights: Vector  # (K,)

    def score(self, vectors: Table) -> Vector:
        """r_c = max_k(w_k u_k . c) for every row of `vectors`: (N, D) -> (N,).

        >>> u = Interests(np.float32([[.42, .33, .25]]), np.float32([1.0]))
        >>> c = np.float32([[.6, .3, .1], [.2, .5, .3], [.4, .2, .4]])
        >>> u.score(c).round(3).tolist() == np.float32([.376, .324, .334]).tolist()
        True
        >>> u.score(c[:, :2])
        Traceback (most recent call last):
        ...
        penchant.core.errors.ShapeError: item vectors (3, 2) do not fit interests (1, 3)
        """
        each = self.products(vectors)
        return each[0] if len(each) == 1 else np.asarray(each.max(axis=0), dtype=np.float32)

    def products(self, vectors: Table, bias: Vector | None = None) -> Vectors:
        """w_k u_k . c + b_c, direction by direction: (N, D), (N,) -> (K, N)."""
        if vectors.shape[-1] != self.directions.shape[-1]:
            raise ShapeError(
                f"item vectors {vectors.shape} do not fit interests {self.directions.shape}"
            )
        weighted = self.directions * self.weights[:, None]
        if not isinstance(vectors, np.ndarray):
            coded = vectors.products(weighted)
            return coded if bias is None else coded + bias
        if len(weighted) == 1:  # (N, D) @ (D,): a vector is faster than a matrix of one row
            one = np.asarray(vectors @ weighted[0], dtype=np.float32)[None]
            return one if bias is None else one + bias
        # (B, D) @ (D, K) -> (B, K), block by block and turned while it is in the cache: for 100,000
        # items twice as fast for 16 directions and four times for 2 as (K, D) @ (D, N), bit for bit
        each = np.empty((len(weighted), len(vectors)), np.float32)
        for first in range(0, len(vectors), BLOCK):
            block = slice(first, first + BLOCK)
            each[:, block] = (vectors[block] @ weighted.T).T
            if bias is not None:
                each[:, block] += bias[block]
        return each


def decay(weight: float, elapsed_s: float, half_life_s: float) -> float:
    """Weight left after `elapsed_s`.

    >>> decay(1.0, elapsed_s=60.0, half_life_s=60.0)
    0.5
    """
    return weight * math.exp2(-elapsed_s / half_life_s)


def softmax(logits: Vector) -> Vector:
    """exp(x) / sum(exp(x)) along the last axis.

    >>> softmax(np.float32([.5, .3, .2])).round(4).tolist() == np.float32(
    ...     [.3907, .3199, .2894]).tolist()
    True
    """
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))  # minus max: exp would overflow
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=logits.dtype)


def moved(topics: Vector, towards: Vector, rate: float) -> Vector:
    """u' = (1 - a) u + a v: how an event moves an interest.

    >>> v = softmax(np.float32([.5, .3, .2]))
    >>> moved(np.float32([.4, .3, .3]), v, .1).round(4).tolist() == np.float32(
    ...     [.3991, .3020, .2989]).tolist()
    True
    """
    if topics.shape != towards.shape:
        raise ShapeError(f"topics {topics.shape} cannot move towards {towards.shape}")
    return np.asarray((1 - rate) * topics + rate * towards, dtype=np.float32)
