"""The causal Transformer as a torch module: trained over whole streams, served by `transformer`."""

import torch
from torch import Tensor, nn

from penchant.core.elapsed import WIDTH
from penchant.interests.elapsed_scores import elapsed_scores
from penchant.interests.sequence_net import Carried, EventInputNet, Packed
from penchant.interests.transformer import TransformerConfig
from penchant.nn.attention import FAR, BandedAttention, band
from penchant.nn.blocks import Dropout, GatedResidual, RMSNorm, SwiGLU


class Layer(nn.Module):
    """Attention and a feed-forward, each let in by a gate beside the residual path (LiGR)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        dim, pointwise = config.dim, config.attention == "pointwise"
        self.norm = RMSNorm(dim)
        self.attention = BandedAttention(dim, config.heads, pointwise)
        self.attended = GatedResidual(dim)
        self.mix_norm = RMSNorm(dim)
        self.mix = SwiGLU(dim, config.hidden)
        self.mixed = GatedResidual(dim)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, before: tuple[Tensor, Tensor], bias: Tensor, seen: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """As `BandedAttention`: (T, B, D) -> (T, B, D), with all keys and values."""
        said, kept = self.attention(self.norm(x), before, bias, seen)
        x = self.attended(x, self.dropout(said))
        return self.mixed(x, self.dropout(self.mix(self.mix_norm(x)))), kept


class TransformerNet(nn.Module):
    """Item vectors, layers of banded attention, and the latest position's output.

    A position attends to itself and the `window` - 1 events of its user before it. What is added to
    a score says how long ago a key was at the time of the query (its own hats over log elapsed in
    each layer and head) and how many events ago (a number for each distance).
    """

    def __init__(self, items: int, types: int, config: TransformerConfig) -> None:
        super().__init__()
        c = config
        self.events = EventInputNet(items, types, c.dim)
        self.ahead = nn.Linear(WIDTH, c.dim, bias=False)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.times = nn.Parameter(torch.zeros(c.layers, c.heads, WIDTH))
        # heads begin with a spread of spans, from 2 to 200 events, as in ALiBi (Press et al. 2022)
        spans = torch.logspace(0.3, 2.3, c.heads)[:, None]
        near = -torch.arange(c.window) / spans
        self.places = nn.Parameter(near.repeat(c.layers, 1, 1))
        self.norm = RMSNorm(c.dim)
        self.dropout = Dropout(c.dropout)
        self.before = c.window - 1
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """(B, W - 1, D) keys and values of each layer; their times; whether they are the user's."""
        table = self.events.items.weight
        size = (lanes, self.before)
        none = [table.new_zeros(*size, table.shape[1]) for _ in range(2 * len(self.layers))]
        times_s = table.new_zeros(size, dtype=torch.float64)
        return [*none, times_s, table.new_zeros(size, dtype=torch.bool)]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, 1, D), and the latest W - 1 keys and values."""
        *kept, before_s, theirs = start
        time_s = torch.cat([before_s, packed.time_s.T], 1)
        who = packed.first.T.cumsum(1)  # (B, T) 0: the user whose events are carried
        whose = torch.cat([theirs.long() - 1, who], 1)
        same = who[:, :, None] == whose[:, None]  # (B, T, S)
        bias = self._bias(packed.query_s.T, time_s, same)
        seen = (same & (band(self.places[0, 0].detach(), who.shape[1]) > FAR)).sum(-1)
        x = self.dropout(self.events(packed) + self.ahead(packed.ahead))
        carried: Carried = []
        for n, layer in enumerate(self.layers):
            x, pair = layer(x, (kept[2 * n], kept[2 * n + 1]), bias[n], seen)
            carried += [self._latest(each.detach()) for each in pair]
        carried += [self._latest(time_s), self._latest(whose == who[:, -1:])]
        return self.norm(x)[..., None, :], carried

    def _latest(self, each: Tensor) -> Tensor:
        return each[:, each.shape[1] - self.before :]

    def _bias(self, query_s: Tensor, key_s: Tensor, same: Tensor) -> Tensor:
        """(B, T), (B, S), (B, T, S) -> (L, H, B, T, S)."""
        layers, heads, _ = self.places.shape
        times = self.times.flatten(0, 1)  # (L H, G)
        places = band(self.places.flatten(0, 1) + times[:, :1], query_s.shape[1])
        told = elapsed_scores(query_s, key_s, same, times, places)
        return told.view(layers, heads, *same.shape)
