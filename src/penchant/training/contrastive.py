"""Contrastive loss: two views of a history end near each other, and far from other histories."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from penchant.interests.sequence_net import SequenceNet
from penchant.training.augment import view
from penchant.training.config import AugmentConfig, ContrastConfig
from penchant.training.streams import Histories, side_by_side


class Contrast(NamedTuple):
    """What the loss draws its histories from."""

    events: Histories
    config: ContrastConfig
    augment: AugmentConfig
    blank: int  # the row that stands for an item without a vector
    query_time: bool

    def __call__(self, net: SequenceNet, rng: Generator) -> Tensor:
        """The weighed loss of `config.histories` histories drawn by `rng`."""
        match self.config.kind:
            case "views":
                loss = self._views(net, rng)
            case "same_next":
                loss = self._same_next(net, rng)
        return self.config.weight * loss

    def _views(self, net: SequenceNet, rng: Generator) -> Tensor:
        """Two augmented views of the same history (CL4SRec, cited at `view`)."""
        drawn = rng.choice(len(self.events.begins), self._some(len(self.events.begins)), False)
        ends = (self.events.begins + self.events.lengths)[drawn]
        cut = pieces(self.events, ends, self.config.longest)
        one, two = (self._ends(net, view(cut, self.augment, self.blank, rng)) for _ in range(2))
        return nt_xent(one, two, self.config.temperature)

    def _same_next(self, net: SequenceNet, rng: Generator) -> Tensor:
        """The same history under two dropouts, and another one that led to the same item.

        Qiu et al., Contrastive Learning for Representation Degeneration Problem in Sequential
        Recommendation (DuoRec), WSDM 2022; histories with the same next item are no negatives of
        each other.
        """
        follows = np.ones(len(self.events.events.row), bool)
        follows[self.events.begins] = False
        targets = np.flatnonzero(follows)
        drawn = rng.choice(targets, self._some(len(targets)), False)
        row = self.events.events.row
        other = _alike(row, targets, drawn, rng)
        same = torch.from_numpy(row[drawn].astype(np.int64))
        history = pieces(self.events, drawn, self.config.longest)
        one, two = self._ends(net, history), self._ends(net, history)
        three = self._ends(net, pieces(self.events, other, self.config.longest))
        alone = nt_xent(one, two, self.config.temperature, same)
        return alone + nt_xent(one, three, self.config.temperature, same)

    def _some(self, of: int) -> int:
        return min(of, self.config.histories)

    def _ends(self, net: SequenceNet, histories: Histories) -> Tensor:
        """(M, K * D) the interest at the end of each history."""
        batch = side_by_side(histories, self.query_time).to(net.events.item_bias.device)
        read, _ = net(batch.packed, net.start(len(histories.begins)))
        last = torch.from_numpy(histories.lengths - 1).to(read.device)
        return read[last, torch.arange(len(last), device=read.device)].flatten(1)


def nt_xent(one: Tensor, two: Tensor, temperature: float, same: Tensor | None = None) -> Tensor:
    """Normalised temperature-scaled cross entropy of M pairs: (M, D), (M, D) -> ().

    Each of the 2 M views has its partner as the right answer among the 2 M - 1 others (Chen et
    al., SimCLR, ICML 2020, equation 1; the similarity is the cosine). Views whose `same` (M,) is
    equal are no wrong answers to each other.
    """
    count = len(one)
    views = F.normalize(torch.cat([one, two]), dim=-1)
    logits = views @ views.T / temperature  # (2M, D) @ (D, 2M) -> (2M, 2M)
    place = torch.arange(2 * count, device=one.device)
    partner = (place + count) % (2 * count)
    group = place % count if same is None else same.to(one.device).repeat(2)
    left_out = group[:, None] == group[None]
    left_out[place, partner] = False
    left_out[place, place] = True
    return F.cross_entropy(logits.masked_fill(left_out, -torch.inf), partner)


def pieces(held: Histories, ends: NDArray[np.intp], longest: int) -> Histories:
    """Before each end, at most `longest` events of its history, of which there is one or more."""
    begins = held.begins[np.searchsorted(held.begins, ends - 1, "right") - 1]
    lengths = np.minimum(ends - begins, longest)
    starts = np.cumsum(lengths) - lengths
    taken = np.repeat(ends - lengths - starts, lengths) + np.arange(lengths.sum())
    return Histories(held.events.take(taken), starts, lengths)


def _alike(
    row: NDArray[np.int32], targets: NDArray[np.intp], drawn: NDArray[np.intp], rng: Generator
) -> NDArray[np.intp]:
    """For each of `drawn` one of `targets` with the same item, itself where there is no other."""
    order = targets[np.argsort(row[targets], kind="stable")]
    begin = np.searchsorted(row[order], row[drawn], "left")
    end = np.searchsorted(row[order], row[drawn], "right")
    at = begin + (rng.random(len(drawn)) * np.maximum(end - begin - 1, 1)).astype(np.intp)
    at += (order[at] >= drawn) & (end - begin > 1)  # the others, evenly: not `drawn` itself
    return np.asarray(order[at], np.intp)
