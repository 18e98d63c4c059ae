"""The directions of coded items: rows of unit length, made when asked for."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Mask
from penchant.core.interests import BLOCK, Coded, Vector, Vectors


class Directions:
    """Rows of a table at length 1; zeros where an item has no vector or came after the table.

    Beside the table it holds one float32 an item: 1 / |x'|.
    """

    def __init__(self, table: Coded, scale: Vector, n_items: int) -> None:
        """`scale` (T,) for the T rows of `table`; rows from T to `n_items` are zeros."""
        self._table = table
        self._scale = scale
        self._n_items = n_items

    @classmethod
    def of(cls, table: Coded, met: Mask) -> Self:
        """Those of the rows of `table` that are `met` (T,)."""
        scale = np.zeros(len(table), np.float32)
        for first in range(0, len(table), BLOCK):
            block = slice(first, first + BLOCK)
            size = np.linalg.norm(table[block], axis=1)
            there = met[block] & (size > 0)
            scale[block] = np.where(there, 1.0 / np.maximum(size, 1e-12), 0.0)
        return cls(table, scale, len(table))

    def grown(self, n_items: int) -> Self:
        """The same for a catalogue of `n_items`."""
        return type(self)(self._table, self._scale, n_items)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self._n_items, self._table.shape[1]

    def __len__(self) -> int:
        return self._n_items

    def __getitem__(self, rows: NDArray[np.intp] | slice | int) -> Vectors:
        """The directions of `rows`, (M, D) or (D,)."""
        chosen = np.arange(self._n_items)[rows] if isinstance(rows, slice) else np.asarray(rows)
        inside = np.minimum(chosen, len(self._table) - 1)
        scale = np.where(chosen == inside, self._scale[inside], np.float32(0.0))
        return np.asarray(self._table[inside] * scale[..., None], np.float32)

    def products(self, directions: Vectors) -> Vectors:
        """u_k . x'_n / |x'_n|: (K, D) -> (K, N)."""
        each = np.zeros((len(directions), self._n_items), np.float32)
        each[:, : len(self._table)] = self._table.products(directions) * self._scale
        return each
