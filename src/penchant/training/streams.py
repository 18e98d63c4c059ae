"""Histories packed into lanes: users follow one another without padding, epoch by epoch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.elapsed import gap_features
from penchant.features.reader import FeatureColumns
from penchant.interests.sequence_net import Packed


class Batch(NamedTuple):
    """One stretch of every lane, with what follows each event."""

    packed: Packed
    target: torch.Tensor  # (T, B) int64, row of the user's next event; -1: nothing to learn
    fresh: bool  # the lanes begin here: states start from nothing
    place: NDArray[np.intp]  # (T, B) position of each event in the histories; -1: padding

    def to(self, device: torch.device) -> "Batch":
        """The same with its tensors there."""
        packed = Packed(*(tensor.to(device) for tensor in self.packed))
        return self._replace(packed=packed, target=self.target.to(device))


class Histories(NamedTuple):
    """Events with items, grouped by user, in fold order inside each; arrays are (T,)."""

    events: FeatureColumns
    begins: NDArray[np.intp]  # (U,) where each user's events begin
    lengths: NDArray[np.intp]  # (U,)
    wanted: NDArray[np.int32] | None = None  # (T,) rows as targets, where `events` tell others
    ordered: bool = False
    """Whether the order inside one instant was given, so that it is not drawn afresh."""


def histories(columns: FeatureColumns, ordered: bool = False) -> Histories:
    """Group fold-ordered columns by user; events without an item are left out."""
    kept = np.flatnonzero(columns.row >= 0)
    order = kept[np.argsort(columns.user[kept], kind="stable")]
    events = columns.take(order)
    begins = np.flatnonzero(np.r_[True, events.user[1:] != events.user[:-1]][: len(order)])
    return Histories(events, begins, np.diff(np.r_[begins, len(order)]), ordered=ordered)


def batches(
    held: Histories,
    lanes: int,
    length: int,
    rng: Generator,
    query_time: bool = True,
    ties: bool = True,
) -> Iterator[Batch]:
    """One epoch: users in random order, `lanes` x `length` events a batch.

    Events of one user at one instant are a set: with `ties` their order is drawn afresh, unless
    `held` knows it. A lane may begin inside a history. `query_time`: whether the time of the
    user's next event is told.
    """
    order = _order(held, rng, ties and not held.ordered)
    each = _each(len(order), lanes, length)
    begins = np.arange(0, max(1, len(order)), each)  # fewer lanes, where so many leave some empty
    yield from _stretches(held, order, begins, length, query_time)


def batches_of(size: int, lanes: int, length: int) -> int:
    """How many batches one epoch of `size` events has."""
    return -(-_each(size, lanes, length) // length)


def _each(size: int, lanes: int, length: int) -> int:
    """Events of one lane; a log too short to fill them has fewer lanes."""
    return max(1, -(-size // max(1, min(lanes, size // length))))


def whole_histories(
    held: Histories, lanes: int, length: int, query_time: bool = True
) -> Iterator[Batch]:
    """Every event once, in the order given, each lane beginning with a user's first event."""
    total = len(held.events.row)
    wanted = np.arange(lanes) * -(-total // lanes)
    wanted = wanted[wanted < total]
    begins = np.unique(held.begins[np.searchsorted(held.begins, wanted, "right") - 1])
    yield from _stretches(held, np.arange(total), begins, length, query_time)


def side_by_side(held: Histories, query_time: bool = True) -> Batch:
    """Every history in a lane of its own, from its first event; padding follows its last."""
    longest = int(held.lengths.max())
    total = len(held.events.row)
    return next(_stretches(held, np.arange(total), held.begins, longest, query_time))


def _stretches(
    held: Histories,
    order: NDArray[np.intp],
    begins: NDArray[np.intp],
    length: int,
    query_time: bool,
) -> Iterator[Batch]:
    columns = held.events.take(order)
    history = np.repeat(np.arange(len(held.begins)), held.lengths)[order]
    first = np.r_[True, history[1:] != history[:-1]]
    gap = np.r_[np.nan, np.diff(columns.time_s)]
    gap[first] = np.nan
    ahead = np.r_[gap[1:], np.nan] if query_time else np.full(len(order), np.nan)
    wanted = columns.row if held.wanted is None else held.wanted[order]
    target = np.r_[np.where(first[1:] | (columns.weight[1:] <= 0), -1, wanted[1:]), -1]
    ends = np.r_[begins[1:], len(order)]
    longest = int((ends - begins).max())
    for at in range(0, longest, length):
        span = begins[None] + np.arange(at, min(at + length, longest))[:, None]  # (T, B)
        inside = span < ends[None]
        span = np.minimum(span, len(order) - 1)
        yield Batch(
            _packed(columns, span, gap, ahead, first),
            torch.from_numpy(np.where(inside, target[span], -1).astype(np.int64)),
            at == 0,
            np.where(inside, order[span], -1),
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
        torch.from_numpy(columns.time_s[span]),
        torch.from_numpy(columns.time_s[span] + np.nan_to_num(ahead[span])),
    )
