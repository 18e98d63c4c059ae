"""Topics are found: spherical k-means over trained item vectors, a temperature, and names."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import csr_array

from penchant.core.errors import NotEnoughDataError, ShapeError
from penchant.core.interests import Vector, Vectors, softmax
from penchant.core.items import Item
from penchant.encoders.topic_labels import topic_labels
from penchant.encoders.topics import Topics, default_count

PERPLEXITY: Final = 2.0
"""How many topics an item has on (popularity-weighted) average; sets the temperature."""
SAMPLE: Final = 10_000
"""Items that the temperature is measured on."""
ROUNDS: Final = 50
"""k-means settles in 10-30 rounds on catalogues of 1 k to 100 k items."""


def fit_topics(
    vectors: Vectors,
    items: Sequence[Item],
    weights: NDArray[np.floating],
    rng: Generator,
    count: int | None = None,
) -> Topics:
    """Cluster item `vectors` (N, D) into `count` topics and name them by their `items`.

    `weights` (N,) is each item's popularity: it sets the prior, and its square root how much the
    item pulls a centroid. Items with a zero vector take no part. Vectors are centred, then
    clustered by direction; memberships are those of a mixture with one concentration for all
    (Banerjee et al. 2005), chosen so that an item has `PERPLEXITY` topics on average.
    """
    if not len(vectors) == len(items) == len(weights):
        raise ShapeError(
            f"vectors {vectors.shape}, {len(items)} items and weights {weights.shape} do not fit"
        )
    known = np.flatnonzero(np.any(vectors != 0, axis=1))
    if not len(known):
        raise NotEnoughDataError(f"topics need an item with a vector; none of {len(items)} has one")
    points = vectors[known].astype(np.float32)  # (M, D)
    pull = np.sqrt(1.0 + np.maximum(weights[known], 0.0))  # (M,)
    mean = np.average(points, axis=0, weights=pull).astype(np.float32)  # (D,)
    if np.allclose(points, mean, rtol=1e-4):  # all alike: centring would leave only rounding errors
        mean = np.zeros_like(mean)
    directions = _unit(points - mean)
    wanted = default_count(len(known)) if count is None else count
    centroids = spherical_kmeans(directions, pull, rng, wanted)  # (T, D)
    cluster = (directions @ centroids.T).argmax(axis=1)
    share = np.bincount(cluster, weights=pull, minlength=len(centroids)) / pull.sum()
    logits = np.asarray((points - mean) @ centroids.T, dtype=np.float32)  # (M, T)
    log_share = np.log(np.maximum(share, 1e-4)).astype(np.float32)
    heat = _temperature(logits, log_share, pull)
    bias = log_share - centroids @ mean / heat
    found = Topics(centroids / heat, bias, log_share, tuple(map(str, range(len(centroids)))))
    belongs = found.memberships(points)
    mass = np.maximum(weights[known], 0.0) + 1e-9
    prior = (mass @ belongs / mass.sum()).astype(np.float32)
    labels = topic_labels(
        [items[row] for row in known.tolist()], cluster, weights[known], len(centroids)
    )
    return Topics(found.weights, bias, prior / prior.sum(), labels)


def spherical_kmeans(
    directions: Vectors, pull: NDArray[np.floating], rng: Generator, count: int
) -> Vectors:
    """Unit centroids (T, D) of unit `directions` (N, D): Dhillon & Modha 2001, k-means++ start.

    `pull` (N,) weighs the points. A cluster that loses all its points starts again at the point
    that its own centroid fits worst. T is `count`, or fewer where fewer points differ.
    """
    centroids = _seeded(directions, pull, rng, count)
    before: NDArray[np.intp] | None = None
    for _ in range(ROUNDS):
        near = directions @ centroids.T  # (N, D) @ (D, T) -> (N, T)
        cluster = near.argmax(axis=1)
        if before is not None and np.array_equal(cluster, before):
            break
        before = cluster
        rows = np.arange(len(near))
        member = csr_array((pull, (cluster, rows)), shape=(len(centroids), len(near)))
        sums = np.asarray(member @ directions)  # (T, N) @ (N, D) -> (T, D)
        fit = near[rows, cluster]
        for empty in np.flatnonzero(np.bincount(cluster, minlength=len(centroids)) == 0):
            worst = int(fit.argmin())
            sums[empty], fit[worst] = directions[worst], np.inf
        centroids = _unit(sums.astype(np.float32))
    return centroids


def _seeded(directions: Vectors, pull: NDArray[np.floating], rng: Generator, count: int) -> Vectors:
    """Starting centroids, each the best of a few drawn by squared distance to the nearest so far.

    Greedy k-means++ (Arthur & Vassilvitskii 2007, section 5): one draw alone often starts twice in
    one cluster. |x - c|^2 is 2 - 2 x.c between unit vectors; a zero direction is never drawn.
    """
    real = pull * np.any(directions != 0, axis=1)
    tries = 2 + int(np.log(max(count, 1)))
    chosen: list[int] = []
    distance = np.full(len(directions), 2.0)
    while len(chosen) < count and float((distance * real).sum()) > 0:
        chance = distance * real
        drawn = rng.choice(len(directions), size=tries, p=chance / chance.sum())
        each = 2.0 - 2.0 * (directions @ directions[drawn].T)  # (N, D) @ (D, tries)
        left = np.minimum(distance[:, None], np.where(each > 1e-6, each, 0.0))
        best = int((real @ left).argmin())
        chosen.append(int(drawn[best]))
        distance = left[:, best]
    return directions[chosen]


def _temperature(logits: Vectors, log_share: Vector, pull: NDArray[np.floating]) -> float:
    """The temperature at which items have `PERPLEXITY` topics on average, by bisection.

    `logits` (N, T) are the cosines times length; memberships softmax(logits / t + log_share). Few
    or lopsided topics have less to spread over: half of what there is, then.
    """
    spread = max(float(np.abs(logits).max()), 1e-6)
    if logits.shape[1] == 1:
        return spread
    some = slice(None, None, max(1, len(logits) // SAMPLE))
    goal = min(PERPLEXITY, (1.0 + float(_perplexity(softmax(log_share)))) / 2.0)
    low, high = np.log(spread * 1e-4), np.log(spread * 1e2)
    for _ in range(30):
        middle = (low + high) / 2.0
        each = softmax(logits[some] / np.float32(np.exp(middle)) + log_share)
        if np.average(_perplexity(each), weights=pull[some]) > goal:
            high = middle
        else:
            low = middle
    return float(np.exp((low + high) / 2.0))


def _perplexity(shares: Vectors) -> NDArray[np.float32]:
    """exp(entropy) along the last axis: how many topics a distribution is spread over."""
    return np.asarray(np.exp(-(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=-1)))


def _unit(vectors: Vectors) -> Vectors:
    """Rows at length 1; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
