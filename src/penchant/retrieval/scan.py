"""A scan: each item's product with several directions, made on other cores while work goes on."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np

from penchant.core.interests import BLOCK, Interests, Table, Vector, Vectors

MOST: Final = 3
"""Threads that help at most: a scan reads memory, which a few cores fill."""


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


HELPERS: Final = min(MOST, cores() - 1)
_POOL: Final = ThreadPoolExecutor(max(1, HELPERS), "scan")


class Scan:
    """w_k u_k . c + b_c of all rows; begun at once, and finished by whoever asks for it.

    The blocks of a large table are taken one by one by threads of the pool and by the caller in
    `result`, who waits for nothing that nobody has begun.
    """

    def __init__(self, interests: Interests, vectors: Table, bias: Vector | None = None) -> None:
        """Directions (K, D), weights (K,), vectors (N, D), bias (N,)."""
        self._interests = interests
        self._vectors = vectors
        self._bias = bias
        self._each: Vectors = np.empty((len(interests.weights), len(vectors)), np.float32)
        whole = not isinstance(vectors, np.ndarray)  # a part of codes would be decoded first
        self._size = max(len(vectors), 1) if whole else BLOCK
        starts = range(0, len(vectors), self._size)
        self._starts: Iterator[int] = iter(starts)  # threads may share it
        helpers = min(HELPERS, len(starts) - 1)
        self._helped: list[Future[None]] = [_POOL.submit(self._work) for _ in range(helpers)]

    def result(self) -> Vectors:
        """(K, N)."""
        self._work()
        for help_ in self._helped:
            if not help_.cancel():
                help_.result()
        self._helped = []
        return self._each

    def _work(self) -> None:
        for first in self._starts:  # whoever gets it has it alone
            block = slice(first, first + self._size)
            vectors = self._vectors if len(self._vectors) <= self._size else self._vectors[block]
            bias = None if self._bias is None else self._bias[block]
            self._each[:, block] = self._interests.products(vectors, bias)
