"""GRU and LSTM as torch modules, unrolled over a stretch so that they begin anew with each user."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from penchant.interests.gated import GatedConfig
from penchant.interests.sequence_net import Carried, EventInputNet, FadingNet, Packed
from penchant.nn.blocks import Dropout, RMSNorm

Cell = Callable[[Tensor, Tensor, nn.Linear], Tensor]
"""Input's part of the gates (B, G S), state before, U -> state after, whose first S are said."""


def gru_cell(made: Tensor, before: Tensor, again: nn.Linear) -> Tensor:
    """`gated.gru_cell` of many lanes: (B, 3 S), (B, S) -> (B, S)."""
    size = before.shape[-1]
    kept = again(before)
    reset, keep = torch.sigmoid(made[:, : 2 * size] + kept[:, : 2 * size]).chunk(2, -1)
    new = torch.tanh(torch.addcmul(made[:, 2 * size :], reset, kept[:, 2 * size :]))
    return torch.lerp(new, before, keep)


def lstm_cell(made: Tensor, before: Tensor, again: nn.Linear) -> Tensor:
    """`gated.lstm_cell` of many lanes: (B, 4 S), (B, 2 S) -> (B, 2 S)."""
    said, kept = before.chunk(2, -1)
    size = said.shape[-1]
    gates = made + again(said)
    into, keep, out = torch.sigmoid(gates[:, : 3 * size]).chunk(3, -1)
    kept = torch.addcmul(keep * kept, into, torch.tanh(gates[:, 3 * size :]))
    return torch.cat([out * torch.tanh(kept), kept], -1)


class Layer(nn.Module):
    """Cells along each lane, beside a residual path.

    A fused kernel cannot begin anew inside a sequence, where another user does; so time is walked
    here, with the input's part of all gates made beforehand in one product.
    """

    def __init__(self, dim: int, state: int, dropout: float, cell: Cell, gates: int) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.into = nn.Linear(dim, gates * state)
        self.again = nn.Linear(state, gates * state)
        self.out = nn.Linear(state, dim, bias=False)
        self.dropout = Dropout(dropout)
        self.cell, self.size = cell, state
        with (
            torch.no_grad()
        ):  # gates begin open: long memories are learned sooner (Jozefowicz 2015)
            self.into.bias[state : 2 * state] += 1.0

    def forward(self, x: Tensor, first: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, D), (T, B), (B, W S) -> (T, B, D) and the states (T, B, W S)."""
        h, states = start, []
        same = (~first).to(x.dtype)[..., None]
        for made, goes_on in zip(self.into(self.norm(x)).unbind(0), same.unbind(0), strict=True):
            h = self.cell(made, h * goes_on, self.again)
            states.append(h)
        every = torch.stack(states)
        return x + self.dropout(self.out(every[..., : self.size])), every


class GatedNet(nn.Module):
    """Item vectors, cells, and the latest interest fading towards the long-term one."""

    def __init__(
        self, items: int, types: int, config: GatedConfig, cell: Cell, gates: int, width: int
    ) -> None:
        """`gates` products in a cell, which keeps `width` states."""
        super().__init__()
        c = config
        self.events = EventInputNet(items, types, c.dim)
        self.layers = nn.ModuleList(
            Layer(c.dim, c.state, c.dropout, cell, gates) for _ in range(c.layers)
        )
        self.norm = RMSNorm(c.dim)
        self.fading = FadingNet(c.dim, c.layers * width * c.state)
        self.dropout = Dropout(c.dropout)
        self.kept = width * c.state
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """The states of `lanes` strangers."""
        at = self.events.item_bias.device
        return [torch.zeros(lanes, self.kept, device=at) for _ in self.layers]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, 1, D) and the states after the last event."""
        x = self.dropout(self.events(packed))
        states, ends = [], []
        for layer, begin in zip(self.layers, start, strict=True):
            x, h = layer(x, packed.first, begin)
            states.append(h)
            ends.append(h[-1].detach())
        read = self.fading(self.norm(x), torch.cat(states, -1), packed.ahead)
        return read[..., None, :], ends


def gru_net(items: int, types: int, config: GatedConfig) -> GatedNet:
    """A GRU to train."""
    return GatedNet(items, types, config, gru_cell, 3, 1)


def lstm_net(items: int, types: int, config: GatedConfig) -> GatedNet:
    """An LSTM to train."""
    return GatedNet(items, types, config, lstm_cell, 4, 2)
