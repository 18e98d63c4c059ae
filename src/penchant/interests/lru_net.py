"""LRU as a torch module: trained over whole streams, served by `lru`."""

import math

import torch
from torch import Tensor, nn

from penchant.core.elapsed import WIDTH
from penchant.interests.lru import FADING_BEGINS, LruConfig
from penchant.interests.next_behaviour_net import BehaviourNet
from penchant.interests.sequence_net import Carried, EventInputNet, FadingNet, Packed
from penchant.nn.blocks import Dropout, RMSNorm, SwiGLU
from penchant.nn.scan import linear_scan

SLOWEST, FASTEST = 0.99, 0.5
"""Bounds of |lambda| before training: half of a state is left after 69 events, and after 1."""
PHASE = math.pi / 10
"""Largest phase before training (Orvieto et al. 2023, section 3.4: small for long memory)."""


class LruLayer(nn.Module):
    """h_t = lambda_t * h_(t-1) + gamma * hear_t * (B x_t), beside a feed-forward; h is complex.

    |lambda_t| = exp(-(exp(nu) * fade_t + rate(elapsed))) and arg lambda = exp(theta), so that the
    recurrence is stable whatever is learned; gamma begins at sqrt(1 - |lambda|^2) (Orvieto et al.,
    ICML 2023, eqs. 5-7; in a recommender: Yue et al., LRURec, WSDM 2024). fade_t and hear_t are
    gates of the event's type between 0 and 2; rate is not negative and piecewise linear in the
    logarithm of the elapsed time.
    """

    def __init__(self, sizes: LruConfig, types: int) -> None:
        super().__init__()
        dim, state = sizes.dim, sizes.state
        self.norm = RMSNorm(dim)
        self.into = nn.Linear(dim, 2 * state + dim)
        self.out = nn.Linear(2 * state, dim, bias=False)
        shares = torch.rand(state)  # uniform on a ring (the same, lemma 3.2)
        magnitude = torch.sqrt(FASTEST**2 + shares * (SLOWEST**2 - FASTEST**2))
        self.nu = nn.Parameter(torch.log(-torch.log(magnitude)))
        self.theta = nn.Parameter(torch.log(PHASE * torch.rand(state).clamp_min(1e-3)))
        self.gamma = nn.Parameter(0.5 * torch.log(1 - magnitude.square()))
        self.fading = nn.Parameter(torch.zeros(WIDTH, state))
        self.gates = nn.Embedding(types + 1, 2 * state)
        self.mix_norm = RMSNorm(dim)
        self.mix = SwiGLU(dim, sizes.hidden)
        self.dropout = Dropout(sizes.dropout)
        nn.init.zeros_(self.gates.weight)

    def forward(self, x: Tensor, packed: Packed, start: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, D), start (B, S) complex -> (T, B, D) and the states (T, B, S)."""
        said = self.norm(x)
        made = self.into(said)
        size = self.nu.shape[0]
        fade, hear = (2 * torch.sigmoid(self.gates(packed.type))).chunk(2, -1)
        rate = packed.gap @ nn.functional.softplus(self.fading + FADING_BEGINS)
        kept = torch.exp(-(torch.exp(self.nu) * fade + rate)) * ~packed.first[..., None]
        turned = torch.polar(kept, torch.exp(self.theta).expand_as(kept))
        heard = torch.view_as_complex(made[..., : 2 * size].unflatten(-1, (size, 2)))
        h = linear_scan(turned, torch.exp(self.gamma) * hear * heard, start)
        spoken = self.out(torch.view_as_real(h).flatten(-2))
        x = x + self.dropout(spoken * nn.functional.silu(made[..., 2 * size :]))
        return x + self.dropout(self.mix(self.mix_norm(x))), h


class LruNet(nn.Module):
    """Item vectors, recurrence, and the latest interest fading towards the long-term one."""

    def __init__(self, items: int, types: int, config: LruConfig) -> None:
        super().__init__()
        self.events = EventInputNet(items, types, config.dim)
        self.layers = nn.ModuleList(LruLayer(config, types) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim)
        self.fading = FadingNet(config.dim, 2 * config.layers * config.state, config.interests)
        self.behaviour = BehaviourNet(config.dim, types) if config.behaviour else None
        self.behaviour_weight = config.behaviour
        self.dropout = Dropout(config.dropout)
        self.state = config.state
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """The states of `lanes` strangers."""
        at = self.events.item_bias.device
        size = (lanes, self.state)
        return [torch.zeros(size, dtype=torch.complex64, device=at) for _ in self.layers]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, K, D) and the states after the last event."""
        interests, ends, _ = self.heard(packed, start)
        return interests, ends

    def heard(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried, Tensor]:
        """`forward`, and the output after each event, which knows no query (T, B, D)."""
        x = self.dropout(self.events(packed))
        states, ends = [], []
        for layer, begin in zip(self.layers, start, strict=True):
            x, h = layer(x, packed, begin)
            states.append(torch.view_as_real(h).flatten(-2))
            ends.append(h[-1].detach())
        latest = self.norm(x)
        return self.fading.each(latest, torch.cat(states, -1), packed.ahead), ends, latest
