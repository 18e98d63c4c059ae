"""Features of behaviour as a torch module: made over whole streams, served by `behaviour`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.interests.behaviour import FURTHEST, LEAST_VARIANCE, RAREST, width
from penchant.interests.logistic import LogisticConfig
from penchant.interests.mlp import MlpConfig
from penchant.interests.sequence_net import Carried, EventInputNet, Packed
from penchant.nn.blocks import Dropout
from penchant.nn.scan import linear_scan

SLOWEST = 0.01
"""Least share of a batch in what features are standardised with: item vectors are learned too."""


class BehaviourNet(nn.Module):
    """Item vectors, their fading sums, counts by type, and a head that makes an interest of them.

    What features are standardised with, and how often items were met, are buffers that move only
    while training; so nothing held out is in them.
    """

    item_counts: Tensor
    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(
        self,
        items: int,
        types: int,
        dim: int,
        half_lives_s: Sequence[float],
        dropout: float,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.events = EventInputNet(items, types, dim)
        self.head = head
        self.dropout = Dropout(dropout)
        self.half_lives_s, self.dim, self.types = tuple(half_lives_s), dim, types + 1
        features = width(dim, len(half_lives_s), types)
        self.register_buffer("item_counts", torch.zeros(items))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.register_buffer("batches", torch.zeros(1))
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """Of `lanes` strangers: sums, counts, and the time of the latest event."""
        at = self.events.item_bias.device
        kept = len(self.half_lives_s) * (self.dim + 1) + self.types
        never = torch.full((lanes,), torch.nan, dtype=torch.float64, device=at)
        return [torch.zeros(lanes, kept, device=at), never]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, 1, D), and sums and time after the last event."""
        if self.training:
            self._count(packed.row)
        kept = linear_scan(self._gates(packed, start[1]), self._added(packed), start[0])
        z = self._standardised(self._features(packed, kept))
        read: Tensor = self.head(self.dropout(z))
        return read[..., None, :], [kept[-1].detach(), packed.time_s[-1]]

    def _left(self, elapsed_s: Tensor) -> Tensor:
        """What is left of the sums: (T, B) -> (T, B, H)."""
        lives = torch.tensor(self.half_lives_s, dtype=elapsed_s.dtype, device=elapsed_s.device)
        return torch.exp2(-elapsed_s.clamp(min=0.0)[..., None] / lives).float()

    def _gates(self, packed: Packed, before_s: Tensor) -> Tensor:
        """(T, B, H (D + 1) + Y): sums fade with time, counts stay, and a new user has neither."""
        times = torch.cat([before_s[None], packed.time_s])
        left = self._left(times.diff(dim=0).nan_to_num())
        sums = left[..., None].expand(*left.shape, self.dim + 1).flatten(-2)
        stays = torch.ones(*left.shape[:2], self.types, device=left.device)
        return torch.cat([sums, stays], -1) * ~packed.first[..., None]

    def _added(self, packed: Packed) -> Tensor:
        """(T, B, H (D + 1) + Y): what each event adds."""
        share = self.item_counts / self.item_counts.sum().clamp(min=1.0)
        weight = packed.weight * -torch.log(share + RAREST)[packed.row]
        vectors = weight[..., None] * self.events.items(packed.row)
        each = torch.cat([vectors, weight.abs()[..., None]], -1)  # (T, B, D + 1)
        sums = each[..., None, :].expand(-1, -1, len(self.half_lives_s), -1).flatten(-2)
        return torch.cat([sums, F.one_hot(packed.type, self.types).to(sums.dtype)], -1)

    def _features(self, packed: Packed, kept: Tensor) -> Tensor:
        """(T, B, F) as of the query."""
        sums, counts = kept[..., : -self.types], kept[..., -self.types :]
        left = self._left(packed.query_s - packed.time_s)[..., None]
        sums = sums.reshape(*sums.shape[:2], -1, self.dim + 1) * left
        mass = sums[..., -1]
        return torch.cat(
            [
                (sums[..., :-1] / (1 + mass[..., None])).flatten(-2),
                torch.log1p(mass),
                torch.log1p(counts),
                torch.log1p(counts.sum(-1, keepdim=True)),
                self.events(packed),
                packed.ahead,
            ],
            -1,
        )

    def _standardised(self, x: Tensor) -> Tensor:
        if self.training:
            self._measure(x.detach().flatten(0, 1))
        varies = self.variance > LEAST_VARIANCE
        scale = varies / torch.where(varies, self.variance, 1.0).sqrt()
        return ((x - self.mean) * scale).clamp(-FURTHEST, FURTHEST)

    def _count(self, rows: Tensor) -> None:
        """Of items with a vector: the row of all others is not served, so it is in no share."""
        rows = rows[rows < len(self.item_counts) - 1]
        self.item_counts.index_add_(0, rows, torch.ones_like(rows, dtype=torch.float32))

    def _measure(self, x: Tensor) -> None:
        """Mean and variance, the older the lighter (West 1979): (M, F)."""
        share = (1 / (self.batches + 1)).clamp(min=SLOWEST)
        moved = x.mean(0) - self.mean
        within = x.var(0, unbiased=False)
        self.variance.copy_((1 - share) * (self.variance + share * moved**2) + share * within)
        self.mean.add_(share * moved)
        self.batches.add_(1)


class MlpHead(nn.Module):
    """u = W silu(V x + a) + b."""

    def __init__(self, features: int, hidden: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(features, hidden), nn.Linear(hidden, dim)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., F) -> (..., D)."""
        made: Tensor = self.out(self.dropout(F.silu(self.into(x))))
        return made


def mlp_net(items: int, types: int, config: MlpConfig) -> BehaviourNet:
    """A network of one hidden layer over the features."""
    c = config
    features = width(c.dim, len(c.half_lives_s), types)
    head = MlpHead(features, c.hidden, c.dim, c.dropout)
    return BehaviourNet(items, types, c.dim, c.half_lives_s, c.dropout, head)


def logistic_net(items: int, types: int, config: LogisticConfig) -> BehaviourNet:
    """Multinomial logistic regression: the softmax over items is that of the loss."""
    c = config
    head = nn.Linear(width(c.dim, len(c.half_lives_s), types), c.dim)
    return BehaviourNet(items, types, c.dim, c.half_lives_s, c.dropout, head)
