"""Histories packed into lanes: users follow one another without padding, epoch by epoch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.elapsed import gap_features
from penchant.features.reader import FeatureColumns
from penchant.interests.recurrent_net import Packed


class Batch(NamedTuple):
    """One stretch of every lane, with what follows each event."""

    packed: Packed
    target: torch.Tensor  # (T, B) int64, row of the user's next event; -1: nothing to learn
    fresh: bool  # the lanes begin here: states start from nothing


class Histories(NamedTuple):
    """Events with items, grouped by user, in fold order inside each; arrays are (T,)."""

    events: FeatureColumns
    begins: NDArray[np.intp]  # (U,) where each user's events begin
    lengths: NDArray[np.intp]  # (U,)


def histories(columns: FeatureColumns) -> Histories:
    """Group fold-ordered columns by user; events without an item are left out."""
    kept = np.flatnonzero(columns.row >= 0)
    order = kept[np.argsort(columns.user[kept], kind="stable")]
    events = columns.take(order)
    begins = np.flatnonzero(np.r_[True, events.user[1:] != events.user[:-1]][: len(order)])
    return Histories(events, begins, np.diff(np.r_[begins, len(order)]))


def batches(
    held: Histories,
    lanes: int,
    length: int,
    rng: Generator,
    ties: bool = True,
    shuffle: bool = True,
) -> Iterator[Batch]:
    """One epoch: users in random order, `lanes` x `length` events a batch.

    Events of one user at one instant are a set: with `ties` their order is drawn afresh.
    """
    order = _order(held, rng, ties) if shuffle else np.arange(len(held.events.row))
    lanes = max(1, min(lanes, len(order) // length))
    columns = held.events.take(order)
    first = np.r_[True, columns.user[1:] != columns.user[:-1]]
    gap = np.r_[np.nan, np.diff(columns.time_s)]
    gap[first] = np.nan
    ahead = np.r_[gap[1:], np.nan]
    target = np.r_[np.where(first[1:] | (columns.weight[1:] <= 0), -1, columns.row[1:]), -1]
    each = -(-len(order) // lanes)
    width = -(-each // length) * length
    for at in range(0, width, length):
        span = (np.arange(lanes) * each)[None] + np.arange(at, at + length)[:, None]  # (T, B)
        span = span[: max(0, min(length, each - at))]
        inside = span < np.minimum((np.arange(lanes) + 1) * each, len(order))[None]
        span = np.minimum(span, len(order) - 1)
        yield Batch(
            _packed(columns, span, gap, ahead, first),
            torch.from_numpy(np.where(inside, target[span], -1).astype(np.int64)),
            at == 0,
        )


def _order(held: Histories, rng: Generator, ties: bool) -> NDArray[np.intp]:
    users = rng.permutation(len(held.begins))
    lengths = held.lengths[users]
    starts = np.repeat(held.begins[users] - np.r_[0, np.cumsum(lengths)[:-1]], lengths)
    order = starts + np.arange(len(starts))
    if ties:
        times = held.events.time_s[order]
        who = np.repeat(np.arange(len(users)), lengths)
        order = order[np.lexsort((rng.random(len(order)), times, who))]
    return np.asarray(order, np.intp)


def _packed(
    columns: FeatureColumns,
    span: NDArray[np.intp],
    gap: NDArray[np.float64],
    ahead: NDArray[np.float64],
    first: NDArray[np.bool_],
) -> Packed:
    shape = span.shape
    return Packed(
        torch.from_numpy(columns.row[span].astype(np.int64)),
        torch.from_numpy(columns.type[span]),
        torch.from_numpy(columns.weight[span]),
        torch.from_numpy(columns.value[span]),
        torch.from_numpy(gap_features(gap[span].ravel()).reshape(*shape, -1)),
        torch.from_numpy(gap_features(ahead[span].ravel()).reshape(*shape, -1)),
        torch.from_numpy(first[span]),
    )
