"""An item table of one byte for four numbers: product quantisation in a basis that is learned."""

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
"""How often codebooks and rotation are fitted to each other; 5 for more than `MANY` items."""
MANY: Final = 16_384
ROUNDS: Final = 25
"""Rounds of k-means once the rotation stands; 10 for more than `MANY` items."""
BLOCK: Final = 8192
"""Items whose sums are made at one time."""


class ProductTable:
    """x' = [c_1[code_1], ..., c_M[code_M]] B, M = D / 4, 256 centroids each: D / 4 bytes an item.

    Product quantisation (Jegou, Douze and Schmid, PAMI 2011): a vector in the basis B (D, D) is cut
    into M parts of 4 numbers, and each is kept as the nearest centroid of its part. B is R' A^-1:

    - A is the root of `metric`, such that |e A|^2 = e metric e' is what an error e costs;
    - the rotation R makes the parts alike in size and lets none tell of another. It is learned with
      the codebooks, k-means and the orthogonal Procrustes solution in turn (non-parametric
      optimised product quantisation: Ge, He, Ke and Sun, CVPR 2013).

    A product needs no decoded vector: u . x' = sum_m t_m[code_m] with t_m = c_m (B u)_m, the
    tables of asymmetric distance computation (Jegou et al., section III).
    """

    kind: Final = "pq"

    def __init__(
        self, codes: NDArray[np.uint8], centroids: Vectors, basis: Vectors | None = None
    ) -> None:
        """`codes` (M, N), `centroids` (M, C, 4), `basis` (D, D); None: that of the vectors."""
        parts, count = codes.shape[0], centroids.shape[1]
        dim = parts * PART
        if centroids.shape != (parts, count, PART) or count > CENTROIDS:
            raise ShapeError(f"centroids {centroids.shape} do not fit codes {codes.shape}")
        if basis is not None and basis.shape != (dim, dim):
            raise ShapeError(f"a basis {basis.shape} does not fit {dim} dimensions")
        if codes.size and int(codes.max()) >= count:
            raise ShapeError(f"code {int(codes.max())} names none of {count} centroids")
        self.codes: Final = codes
        self.centroids: Final = centroids
        self.basis: Final = basis
        self._parts: Final = np.arange(parts)

    @classmethod
    def fit(
        cls,
        vectors: Vectors,
        known: Mask,
        rng: Generator,
        pull: NDArray[np.floating] | None = None,
        metric: NDArray[np.floating] | None = None,
    ) -> Self:
        """The codes of `vectors` (N, D), D a multiple of 4, learned from the `known` (N,) ones.

        `pull` (N,) > 0 says how much an error of each costs, None: all the same; `metric` (D, D),
        symmetric and positive definite, in which directions; None: in all the same. With at most
        256 known vectors each is its own centroid, and decoding is exact. What the others decode
        to means nothing.
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
        root, back = _roots(np.eye(dim) if metric is None else metric)
        points = np.asarray(points @ root, np.float32)
        mass = np.ones(len(rows)) if pull is None else pull[rows] / pull[rows].mean()
        some: slice | NDArray[np.intp] = slice(None)
        if len(points) > SAMPLE:
            some = np.sort(rng.choice(len(points), SAMPLE, replace=False))
        rotation, centroids = _learned(points[some], mass[some], rng)
        codes = np.zeros((dim // PART, len(vectors)), np.uint8)
        for m, part in enumerate(_cut(points @ rotation)):
            codes[m, rows] = assigned(part, centroids[m])
        return cls(codes, centroids, np.asarray(rotation.T @ back, np.float32))

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
        return flat if self.basis is None else np.asarray(flat @ self.basis, np.float32)

    def products(self, directions: Vectors) -> Vectors:
        """u_k . x'_n: (K, D) -> (K, N)."""
        if directions.shape[1] != self.shape[1]:
            raise ShapeError(f"directions {directions.shape} do not fit a table {self.shape}")
        turned = directions if self.basis is None else directions @ self.basis.T
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
        return arrays if self.basis is None else {**arrays, "basis": self.basis}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The table back from `to_arrays`."""
        return cls(arrays["codes"], arrays["centroids"], arrays.get("basis"))


def _learned(
    points: Vectors, pull: NDArray[np.floating], rng: Generator
) -> tuple[Vectors, Vectors]:
    """Rotation (D, D) and centroids (M, 256, 4) of `points` (N, D), each of weight `pull` (N,)."""
    turns, rounds = (5, 10) if len(points) > MANY else (TURNS, ROUNDS)
    rotation = _balanced(points, pull)
    centroids = np.stack([begun(part, pull, CENTROIDS, rng) for part in _cut(points @ rotation)])
    weighted = (points * pull[:, None]).T  # (D, N)
    for _ in range(turns):
        parts = _cut(points @ rotation)
        centroids = _each_settled(parts, pull, centroids, 1)
        coded = [own[assigned(part, own)] for part, own in zip(parts, centroids, strict=True)]
        left, _, right = np.linalg.svd(weighted @ np.concatenate(coded, axis=1))  # (D, D)
        rotation = np.asarray(left @ right, np.float32)
    return rotation, _each_settled(_cut(points @ rotation), pull, centroids, rounds)


def _each_settled(
    parts: Vectors, pull: NDArray[np.floating], centroids: Vectors, rounds: int
) -> Vectors:
    """k-means of every part: (M, N, 4), (N,), (M, C, 4) -> (M, C, 4)."""
    pairs = zip(parts, centroids, strict=True)
    return np.stack([settled(part, pull, own, rounds) for part, own in pairs])


def _roots(metric: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A (D, D) with A A = `metric`, and A^-1."""
    size, axes = np.linalg.eigh(metric)
    root = np.sqrt(size)
    return (axes * root) @ axes.T, (axes / root) @ axes.T


def _balanced(points: Vectors, pull: NDArray[np.floating]) -> Vectors:
    """Principal axes dealt out so that the parts' products of variances are alike (Ge et al., 3.3).

    The largest axis left goes to the part with the smallest product that is not full.
    """
    spread, axes = np.linalg.eigh(np.cov(points.T, aweights=pull))
    logs = np.log(np.maximum(spread, 1e-12))
    parts: list[list[int]] = [[] for _ in range(points.shape[1] // PART)]
    for axis in np.argsort(-spread).tolist():
        free = [part for part in parts if len(part) < PART]
        min(free, key=lambda part: sum(logs[part]) if part else -np.inf).append(axis)
    return np.asarray(axes[:, [axis for part in parts for axis in part]], np.float32)


def _cut(points: Vectors) -> Vectors:
    """(N, D) -> (M, N, 4)."""
    parts = points.reshape(len(points), points.shape[1] // PART, PART)
    return np.ascontiguousarray(parts.transpose(1, 0, 2))
