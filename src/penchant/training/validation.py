"""NDCG@10 on later events while training: the whole catalogue, taken items masked for all alike."""

from typing import Final, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from penchant.features.reader import FeatureColumns
from penchant.interests.sequence_net import Carried, SequenceNet
from penchant.training.streams import Histories, histories, whole_histories

CELLS: Final = 2**24
"""Scores held at once, 64 MB."""
LANES, LENGTH = 32, 128
"""Of the histories read at once."""


class Held(NamedTuple):
    """Users of the later events with their whole history, and which of their events to predict."""

    events: Histories
    target: NDArray[np.intp]  # (Q,) positions in `events`
    met: NDArray[np.bool_]  # (N,) items that training has seen; others are ranked last
    missed: int  # targets that no vector can reach, counted as failures
    repeats: bool  # whether taken items stay

    @classmethod
    def make(
        cls,
        events: FeatureColumns,
        later: NDArray[np.bool_],
        met: NDArray[np.bool_],
        repeats: bool,
        limit: int = 10_000,
    ) -> Self:
        """Hold out the events marked `later`; at most `limit` of them, evenly spread."""
        known = (events.row >= 0) & met[events.row]
        users = np.unique(events.user[later])
        kept = np.flatnonzero(known & np.isin(events.user, users))
        held = histories(events.take(kept))
        order = kept[np.argsort(events.user[kept], kind="stable")]
        first = np.zeros(len(order), bool)
        first[held.begins] = True
        wanted = later[order] & ~first & (held.events.weight > 0)
        if not repeats:
            pair = held.events.user.astype(np.int64) * len(met) + held.events.row
            takes = np.flatnonzero(held.events.weight != 0)  # what only was shown is not taken
            new = np.zeros(len(pair), bool)
            new[takes[np.unique(pair[takes], return_index=True)[1]]] = True
            wanted &= new
        target = np.flatnonzero(wanted)
        reachable = len(target)
        if reachable > limit:
            target = target[np.linspace(0, reachable - 1, limit).astype(np.intp)]
        missed = int((later & ~known & (events.row >= 0) & (events.weight > 0)).sum())
        missed = round(missed * len(target) / max(1, reachable))
        return cls(held, target, met, missed, repeats)


@torch.no_grad()
def ndcg_at_10(net: SequenceNet, held: Held, query_time: bool = True) -> float:
    """Mean over the held-out targets, each ranked against every item met."""
    if not len(held.target):
        return 0.0
    interests = read_interests(net, held.events, query_time)
    events = held.events.events
    begins = np.repeat(held.events.begins, held.events.lengths)
    device = interests.device
    unmet = torch.from_numpy(~held.met).to(device)
    gained = 0.0
    size = chunk_of(net, interests)
    for at in range(0, len(held.target), size):
        wanted = held.target[at : at + size]
        scores = scores_of(net, interests[wanted - 1])
        scores[:, unmet] = -torch.inf
        rows = torch.from_numpy(events.row[wanted].astype(np.int64)).to(device)
        right = scores.gather(1, rows[:, None])
        if not held.repeats:
            who, what = _taken(events, begins[wanted], wanted)
            scores[who.to(device), what.to(device)] = -torch.inf
        above, equal = (scores > right).sum(1), (scores == right).sum(1)
        place = (above + (equal - 1) / 2).double()  # equal scores share their mean rank
        placed = torch.isfinite(right[:, 0]) & (place < 10)
        gained += float(torch.where(placed, 1 / torch.log2(place + 2), 0.0).sum())
    return gained / (len(held.target) + held.missed)


def chunk_of(net: SequenceNet, interests: Tensor) -> int:
    """How many queries (T, K, D) are scored at once."""
    return max(1, min(2048, CELLS // (len(net.events.item_bias) * interests.shape[1])))


def scores_of(net: SequenceNet, interests: Tensor) -> Tensor:
    """r_c = max_k(u_k . c) + b_c of every item: (Q, K, D) -> (Q, N)."""
    table, bias = net.events.items.weight, net.events.item_bias
    if interests.shape[1] == 1:
        return interests[:, 0] @ table.T + bias
    return (interests @ table.T).amax(1) + bias  # (Q, K, D) @ (D, N) -> (Q, K, N) -> (Q, N)


@torch.no_grad()
def read_interests(
    net: SequenceNet,
    events: Histories,
    query_time: bool = True,
    lanes: int = LANES,
    length: int = LENGTH,
) -> Tensor:
    """(T, K, D) after each event, as read at the time of the user's next.

    `query_time`: whether the model is told that time.
    """
    net.eval()
    out: Tensor | None = None
    carried: Carried = []
    for stretch in whole_histories(events, lanes, length, query_time):
        batch = stretch.to(net.events.item_bias.device)
        carried = net.start(batch.target.shape[1]) if batch.fresh else carried
        read, carried = net(batch.packed, carried)
        if out is None:
            out = read.new_empty(len(events.events.row), *read.shape[2:])
        inside = batch.place >= 0
        out[torch.from_numpy(batch.place[inside])] = read[torch.from_numpy(inside)]
    return torch.zeros(0, 1, 1) if out is None else out


def _taken(
    events: FeatureColumns, begins: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(query, item) pairs of everything each query's user had taken before it."""
    counts = ends - begins
    who = np.repeat(np.arange(len(ends)), counts)
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    at = np.repeat(begins, counts) + inside
    takes = events.weight[at] != 0
    what = events.row[at[takes]].astype(np.int64)
    return torch.from_numpy(who[takes]), torch.from_numpy(what)
