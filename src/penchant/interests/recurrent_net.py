"""The default model as a torch module: trained over whole streams, served by `recurrent`."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from penchant.nn.blocks import RMSNorm, SwiGLU
from penchant.nn.scan import linear_scan


class Packed(NamedTuple):
    """B lanes of T events; users follow one another in a lane without padding."""

    row: Tensor  # (T, B) int64
    type: Tensor  # (T, B) int64
    weight: Tensor  # (T, B) signed weight
    value: Tensor  # (T, B) standardised value
    gap: Tensor  # (T, B, G) elapsed since the user's previous event, zeros at the first
    ahead: Tensor  # (T, B, G) elapsed until the query
    first: Tensor  # (T, B) bool: a new user begins here


class Layer(nn.Module):
    """A gated linear recurrence and a feed-forward, each beside a residual path.

    h_t = g_t * h_(t-1) + (1 - g_t) * v_t with g and v linear in the input alone, so that time can
    be scanned (minGRU: Feng et al. 2024, section 3.1); the input carries type, weight, value, gap.
    """

    def __init__(self, dim: int, state: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.into = nn.Linear(dim, 3 * state)
        self.out = nn.Linear(state, dim, bias=False)
        self.mix_norm = RMSNorm(dim)
        self.mix = SwiGLU(dim, hidden)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():  # gates open over a spread of time spans, from 2 to 200 events
            spans = torch.logspace(0.3, 2.3, state)
            self.into.bias[:state] = torch.log(spans)

    def forward(self, x: Tensor, first: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, D), (T, B), (B, S) -> (T, B, D) and the states h (T, B, S)."""
        gate, value, open_ = self.into(self.norm(x)).chunk(3, -1)
        gate = torch.sigmoid(gate)
        h = linear_scan(gate * ~first[..., None], (1 - gate) * value, start)
        x = x + self.dropout(self.out(h * nn.functional.silu(open_)))
        return x + self.dropout(self.mix(self.mix_norm(x))), h


class RecurrentNet(nn.Module):
    """Item vectors, recurrence, and a head that fades the latest interest towards the long-term."""

    def __init__(
        self,
        items: int,
        types: int,
        gaps: int,
        dim: int = 64,
        state: int = 64,
        hidden: int = 128,
        layers: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(items, dim)
        self.item_bias = nn.Parameter(torch.zeros(items))
        self.types = nn.Embedding(types + 1, dim)
        self.signal = nn.Linear(2 + gaps, dim)
        self.layers = nn.ModuleList(Layer(dim, state, hidden, dropout) for _ in range(layers))
        self.norm = RMSNorm(dim)
        self.long_term = nn.Linear(layers * state, dim)
        self.fade = nn.Linear(gaps, dim)
        self.dropout = nn.Dropout(dropout)
        self.state = state
        with torch.no_grad():
            nn.init.normal_(self.items.weight, std=dim**-0.5)
            nn.init.normal_(self.types.weight, std=0.02)
            self.types.weight[0] = 0.0  # a type added later says nothing until it is trained
            self.fade.bias.fill_(2.0)

    def start(self, lanes: int) -> list[Tensor]:
        """The states of `lanes` strangers."""
        return [torch.zeros(lanes, self.state) for _ in self.layers]

    def forward(self, packed: Packed, start: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Interests at every query (T, B, D) and the states after the last event."""
        said = torch.cat([packed.weight[..., None], packed.value[..., None], packed.gap], -1)
        x = self.items(packed.row) + self.types(packed.type) + self.signal(said)
        x = self.dropout(x)
        states, ends = [], []
        for layer, begin in zip(self.layers, start, strict=True):
            x, h = layer(x, packed.first, begin)
            states.append(h)
            ends.append(h[-1].detach())
        kept = torch.sigmoid(self.fade(packed.ahead))  # (T, B, G) -> (T, B, D)
        lasting = self.long_term(torch.cat(states, -1))
        return kept * self.norm(x) + (1 - kept) * lasting, ends
