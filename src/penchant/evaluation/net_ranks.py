"""Ranks of many targets by a trained sequence net at once, over the whole catalogue."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from penchant.core.contracts import Mask
from penchant.features.reader import FeatureColumns
from penchant.interests.sequence_net import SequenceNet
from penchant.training.compact import compact_rows
from penchant.training.streams import Histories, histories
from penchant.training.validation import chunk_of, read_interests, scores_of

Rows = NDArray[np.intp]


class Asked(NamedTuple):
    """Targets to be ranked: events, and the rows of the catalogue that leave each contest."""

    at: Rows  # (Q,) indexes into the events
    masked: Sequence[Rows]  # Q arrays of rows


@torch.no_grad()
def net_ranks(
    net: SequenceNet, events: FeatureColumns, asked: Asked, met: Mask, query_time: bool
) -> NDArray[np.float64]:
    """(Q,) 0-based mean ranks of targets, each read after all events of its user before it.

    `events` are in fold order, with rows of the catalogue. Items without a vector move nothing and
    rank last; a target that is masked or has none ranks inf. `query_time`: whether the net is told
    the target's time.
    """
    small = compact_rows(events, met)
    spare = int(met.sum())
    kept = np.flatnonzero((small.row >= 0) & (small.row < spare))
    held = histories(small.take(kept))
    order = kept[np.argsort(events.user[kept], kind="stable")]
    place = np.full(len(events.row), -1)
    place[order[~_firsts(held)]] = np.flatnonzero(~_firsts(held))
    interests = read_interests(net, held, query_time)
    rows = np.cumsum(met) - 1  # of the catalogue -> of the net
    ranks = np.full(len(asked.at), np.inf)
    known = np.flatnonzero(place[asked.at] >= 0)
    size = chunk_of(net, interests)
    for at in range(0, len(known), size):
        some = known[at : at + size]
        scores = scores_of(net, interests[torch.from_numpy(place[asked.at[some]] - 1)])
        scores[:, spare] = -torch.inf
        gone = [rows[m[met[m]]] for m in (asked.masked[q] for q in some.tolist())]
        ranks[some] = _ranked(scores, small.row[asked.at[some]].astype(np.int64), gone)
    return ranks


def _firsts(held: Histories) -> Mask:
    """(T,) where users begin."""
    first = np.zeros(len(held.events.row), bool)
    first[held.begins] = True
    return first


def _ranked(scores: Tensor, row: NDArray[np.int64], gone: Sequence[Rows]) -> NDArray[np.float64]:
    """Mean rank of `row` (Q,) among `scores` (Q, N), which lose what is `gone`."""
    device = scores.device
    who = np.repeat(np.arange(len(gone)), [len(rows) for rows in gone])
    what = np.concatenate([np.zeros(0, np.intp), *gone])
    scores[torch.from_numpy(who).to(device), torch.from_numpy(what).to(device)] = -torch.inf
    right = scores.gather(1, torch.from_numpy(row)[:, None].to(device))
    above = (scores > right).sum(1)
    equal = (scores == right).sum(1)
    ranks = above + (equal - 1) / 2
    return torch.where(right[:, 0].isfinite(), ranks, torch.inf).double().cpu().numpy()
