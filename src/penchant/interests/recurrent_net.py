"""The default model as a torch module: trained over whole streams, served by `recurrent`."""

import torch
from torch import Tensor, nn

from penchant.interests.next_behaviour_net import BehaviourNet
from penchant.interests.recurrent import RecurrentConfig
from penchant.interests.sequence_net import Carried, EventInputNet, FadingNet, Packed
from penchant.nn.blocks import Dropout, RMSNorm, SwiGLU
from penchant.nn.scan import linear_scan


class Layer(nn.Module):
    """A gated linear recurrence and a feed-forward, each beside a residual path.

    h_t = g_t * h_(t-1) + (1 - g_t) * v_t with g and v linear in the input alone, so that time can
    be scanned (minGRU: Feng et al. 2024, section 3.1); the input carries type, weight, value, gap.
    Dropout takes from what is read of h, never from h, which would lose it for good.
    """

    def __init__(self, dim: int, state: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.into = nn.Linear(dim, 3 * state)
        self.out = nn.Linear(state, dim, bias=False)
        self.mix_norm = RMSNorm(dim)
        self.mix = SwiGLU(dim, hidden)
        self.dropout = Dropout(dropout)
        with torch.no_grad():  # gates open over a spread of time spans, from 2 to 200 events
            spans = torch.logspace(0.3, 2.3, state)
            self.into.bias[:state] = torch.log(spans)

    def forward(self, x: Tensor, first: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, D), (T, B), (B, S) -> (T, B, D) and the states h (T, B, S)."""
        gate, value, open_ = self.into(self.norm(x)).chunk(3, -1)
        gate = torch.sigmoid(gate)
        h = linear_scan(gate * ~first[..., None], (1 - gate) * value, start)
        x = x + self.dropout(self.out(self.dropout(h) * nn.functional.silu(open_)))
        return x + self.dropout(self.mix(self.mix_norm(x))), h


class RecurrentNet(nn.Module):
    """Item vectors, recurrence, and the latest interest fading towards the long-term one."""

    def __init__(self, items: int, types: int, config: RecurrentConfig) -> None:
        super().__init__()
        c = config
        self.events = EventInputNet(items, types, c.dim)
        self.layers = nn.ModuleList(
            Layer(c.dim, c.state, c.hidden, c.dropout) for _ in range(c.layers)
        )
        self.norm = RMSNorm(c.dim)
        self.fading = FadingNet(c.dim, c.layers * c.state, c.interests)
        self.behaviour = BehaviourNet(c.dim, types) if c.behaviour else None
        self.behaviour_weight = c.behaviour
        self.dropout = Dropout(c.dropout)
        self.state = c.state
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """The states of `lanes` strangers."""
        at = self.events.item_bias.device
        return [torch.zeros(lanes, self.state, device=at) for _ in self.layers]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, K, D) and the states after the last event."""
        interests, ends, _ = self.heard(packed, start)
        return interests, ends

    def heard(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried, Tensor]:
        """`forward`, and the output after each event, which knows no query (T, B, D)."""
        x = self.dropout(self.events(packed))
        states, ends = [], []
        for layer, begin in zip(self.layers, start, strict=True):
            x, h = layer(x, packed.first, begin)
            states.append(h)
            ends.append(h[-1].detach())
        latest = self.norm(x)
        lasting = self.dropout(torch.cat(states, -1))
        return self.fading.each(latest, lasting, packed.ahead), ends, latest
