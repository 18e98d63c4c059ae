"""An item table of one byte a number: each dimension has a scale, and codes are -127 to 127."""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ShapeError
from penchant.core.interests import Vector, Vectors

LEVELS: Final = 127
"""The largest code; -128 is unused, so that a vector and its opposite have opposite codes."""
BLOCK_BYTES: Final = 1 << 19
"""Bytes of float32 that are decoded at one time: they stay in the cache until multiplied."""


class Int8Table:
    """x' = scale * code, code = round(x / scale), scale_d = max_n |x_nd| / 127: D bytes an item.

    Symmetric uniform quantisation, by dimension (Jacob et al., CVPR 2018, without zero points): a
    number is off by half a scale at most, and zero stays zero. In a product the scale goes to the
    direction, u . x' = (u * scale) . code, and codes are made float32 block by block.

    >>> table = Int8Table.fit(np.float32([[127, 1], [-3.4, 0.5]]))
    >>> table.codes.tolist(), table[0].tolist()
    ([[127, 127], [-3, 64]], [127.0, 1.0])
    """

    kind: Final = "int8"

    def __init__(self, codes: NDArray[np.int8], scale: Vector) -> None:
        """`codes` (N, D), `scale` (D,)."""
        if codes.ndim != 2 or scale.shape != codes.shape[1:]:
            raise ShapeError(f"scales {scale.shape} do not fit codes {codes.shape}")
        self.codes: Final = codes
        self.scale: Final = scale

    @classmethod
    def fit(cls, vectors: Vectors) -> Self:
        """The codes of `vectors` (N, D)."""
        scale = (np.abs(vectors).max(axis=0, initial=0.0) / LEVELS).astype(np.float32)
        steps = vectors / np.where(scale > 0, scale, 1.0)
        return cls(np.clip(np.rint(steps), -LEVELS, LEVELS).astype(np.int8), scale)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.codes.shape[0], self.codes.shape[1]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: NDArray[np.intp] | slice | int) -> Vectors:
        """The decoded vectors of `rows`, (M, D) or (D,)."""
        return np.asarray(self.codes[rows] * self.scale, np.float32)

    def products(self, directions: Vectors) -> Vectors:
        """u_k . x'_n: (K, D) -> (K, N)."""
        if directions.shape[1] != self.shape[1]:
            raise ShapeError(f"directions {directions.shape} do not fit a table {self.shape}")
        scaled = (directions * self.scale).T  # (D, K)
        each = np.empty((len(directions), len(self)), np.float32)
        step = max(1, BLOCK_BYTES // (4 * self.shape[1]))
        for first in range(0, len(self), step):
            block = self.codes[first : first + step].astype(np.float32)
            each[:, first : first + step] = (block @ scaled).T  # (B, D) @ (D, K)
        return each

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What an artifact keeps: N * D bytes and D float32."""
        return {"codes": self.codes, "scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table back from `to_arrays`."""
        return cls(arrays["codes"], arrays["scale"])
