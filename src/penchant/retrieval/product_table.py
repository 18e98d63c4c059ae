"""An item table of one byte for four numbers: product quantisation, in a learned rotation."""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.contracts import Mask
from penchant.core.errors import ConfigError, ShapeError
from penchant.core.interests import Vectors
from penchant.retrieval.kmeans import assigned, begun, settled

PART: Final = 4
"""Numbers that one code stands for."""
CENTROIDS: Final = 256
"""Centroids of each part: what a byte can name."""
SAMPLE: Final = 65_536
"""Items that codebooks and rotation are learned from at most: 256 for each centroid."""
TURNS: Final = 20
"""How often codebooks and rotation are fitted to each other."""
ROUNDS: Final = 25
"""Rounds of k-means once the rotation stands."""
BLOCK: Final = 8192
"""Items whose sums are made at one time."""


class ProductTable:
    """x' = R [c_1[code_1], ..., c_M[code_M]], M = D / 4, 256 centroids each: D / 4 bytes an item.

    Product quantisation (Jegou, Douze and Schmid, PAMI 2011): a rotated vector is cut into M parts
    of 4 numbers, and each is kept as the nearest centroid of its part. The rotation R (D, D) makes
    parts that are alike in size and do not tell of each other: it is learned with the codebooks,
    k-means and the orthogonal Procrustes solution in turn, so that ||X - X'|| falls (non-parametric
    optimised product quantisation: Ge, He, Ke and Sun, CVPR 2013).

    A product needs no decoded vector: u . x' = sum_m t_m[code_m] with t_m = c_m (R' u)_m, the
    tables of asymmetric distance computation (Jegou et al., section III).
    """

    kind: Final = "pq"

    def __init__(
        self, codes: NDArray[np.uint8], centroids: Vectors, rotation: Vectors | None = None
    ) -> None:
        """`codes` (M, N), `centroids` (M, C, 4), `rotation` (D, D); None: none."""
        parts, count = codes.shape[0], centroids.shape[1]
        dim = parts * PART
        if centroids.shape != (parts, count, PART) or count > CENTROIDS:
            raise ShapeError(f"centroids {centroids.shape} do not fit codes {codes.shape}")
        if rotation is not None and rotation.shape != (dim, dim):
            raise ShapeError(f"a rotation {rotation.shape} does not fit {dim} dimensions")
        if codes.size and int(codes.max()) >= count:
            raise ShapeError(f"code {int(codes.max())} names none of {count} centroids")
        self.codes: Final = codes
        self.centroids: Final = centroids
        self.rotation: Final = rotation
        self._parts: Final = np.arange(parts)

    @classmethod
    def fit(cls, vectors: Vectors, known: Mask, rng: Generator) -> Self:
        """The codes of `vectors` (N, D), D a multiple of 4, learned from the `known` (N,) ones.

        With at most 256 known vectors each is its own centroid, and decoding is exact. What the
        others decode to means nothing.
        """
        dim = vectors.shape[1]
        if dim % PART:
            raise ConfigError(
                f"a pq table keeps {PART} numbers in a byte, and item vectors have {dim}; allowed "
                f"are multiples of {PART}, or an int8 table"
            )
        rows = np.flatnonzero(known)
        points = vectors[rows].astype(np.float32)
        if len(rows) <= CENTROIDS:
            return cls._exact(points, rows, len(vectors))
        some = points
        if len(points) > SAMPLE:
            some = points[np.sort(rng.choice(len(points), SAMPLE, replace=False))]
        rotation, centroids = _learned(some, rng)
        codes = np.zeros((dim // PART, len(vectors)), np.uint8)
        turned = points @ rotation
        for m, part in enumerate(_cut(turned)):
            codes[m, rows] = assigned(part, centroids[m])
        return cls(codes, centroids, rotation)

    @classmethod
    def _exact(cls, points: Vectors, rows: NDArray[np.intp], n_items: int) -> Self:
        parts = _cut(points)
        centroids = np.zeros((len(parts), max(1, len(points)), PART), np.float32)
        centroids[:, : len(points)] = parts
        codes = np.zeros((len(parts), n_items), np.uint8)
        codes[:, rows] = np.arange(len(rows), dtype=np.uint8)
        return cls(codes, centroids)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.codes.shape[1], self.codes.shape[0] * PART

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.intp] | slice | int) -> Vectors:
        """The decoded vectors of `rows`, (M, D) or (D,)."""
        codes = self.codes[:, rows].T  # (R, M), or (M,) of one row
        found = self.centroids[self._parts, codes]  # (R, M, 4)
        flat = found.reshape(*codes.shape[:-1], self.shape[1])
        return flat if self.rotation is None else np.asarray(flat @ self.rotation.T, np.float32)

    def products(self, directions: Vectors) -> Vectors:
        """u_k . x'_n: (K, D) -> (K, N)."""
        if directions.shape[1] != self.shape[1]:
            raise ShapeError(f"directions {directions.shape} do not fit a table {self.shape}")
        turned = directions if self.rotation is None else directions @ self.rotation
        parts = turned.reshape(len(turned), len(self.codes), PART)  # (K, M, 4)
        tables = np.einsum("kms,mcs->kmc", parts, self.centroids).astype(np.float32)
        each = np.zeros((len(turned), len(self)), np.float32)
        for first in range(0, len(self), BLOCK):
            block = slice(first, first + BLOCK)
            for m, codes in enumerate(self.codes[:, block]):
                places = codes.astype(np.intp)  # once for all directions
                for k, row in enumerate(each):
                    row[block] += tables[k, m].take(places)
        return each

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What an artifact keeps: N * D / 4 bytes, and 256 * D and D * D float32."""
        arrays: dict[str, NDArray[Any]] = {"codes": self.codes, "centroids": self.centroids}
        return arrays if self.rotation is None else {**arrays, "rotation": self.rotation}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table back from `to_arrays`."""
        return cls(arrays["codes"], arrays["centroids"], arrays.get("rotation"))


def _learned(points: Vectors, rng: Generator) -> tuple[Vectors, Vectors]:
    """Rotation (D, D) and centroids (M, 256, 4) of `points` (N, D)."""
    rotation = _balanced(points)
    centroids = np.stack([begun(part, CENTROIDS, rng) for part in _cut(points @ rotation)])
    for _ in range(TURNS):
        parts = _cut(points @ rotation)
        centroids = np.stack(
            [settled(part, own, 1) for part, own in zip(parts, centroids, strict=True)]
        )
        coded = [own[assigned(part, own)] for part, own in zip(parts, centroids, strict=True)]
        left, _, right = np.linalg.svd(points.T @ np.concatenate(coded, axis=1))  # (D, D)
        rotation = np.asarray(left @ right, np.float32)
    parts = _cut(points @ rotation)
    return rotation, np.stack(
        [settled(part, own, ROUNDS) for part, own in zip(parts, centroids, strict=True)]
    )


def _balanced(points: Vectors) -> Vectors:
    """Principal axes dealt out so that the parts' products of variances are alike (Ge et al., 3.3).

    The largest axis left goes to the part with the smallest product that is not full.
    """
    spread, axes = np.linalg.eigh(np.cov(points.T))
    order = np.argsort(-spread)
    logs = np.log(np.maximum(spread, 1e-12))
    parts: list[list[int]] = [[] for _ in range(points.shape[1] // PART)]
    for axis in order.tolist():
        free = [part for part in parts if len(part) < PART]
        min(free, key=lambda part: sum(logs[part]) if part else -np.inf).append(axis)
    return np.asarray(axes[:, [axis for part in parts for axis in part]], np.float32)


def _cut(points: Vectors) -> Vectors:
    """(N, D) -> (M, N, 4)."""
    parts = points.reshape(len(points), points.shape[1] // PART, PART)
    return np.ascontiguousarray(parts.transpose(1, 0, 2))
