"""The LSTM in both directions as a torch module: every event reads a window of its own."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from penchant.interests.bilstm import BilstmConfig
from penchant.interests.sequence_net import Carried, EventInputNet, FadingNet, Packed
from penchant.nn.blocks import Dropout, RMSNorm
from penchant.nn.windows import ages


class BilstmNet(nn.Module):
    """Item vectors, an LSTM up and down each window, and its interest fading (Graves 2005).

    Both directions end at what they have read of the window; of windows that reach back before
    the user's first event, only the user's part is read.
    """

    def __init__(self, items: int, types: int, config: BilstmConfig) -> None:
        super().__init__()
        c = config
        self.events = EventInputNet(items, types, c.dim)
        self.inner_norm = RMSNorm(c.dim)
        self.into = nn.Linear(c.dim, 8 * c.state)
        self.forward_again = nn.Linear(c.state, 4 * c.state, bias=False)
        self.backward_again = nn.Linear(c.state, 4 * c.state, bias=False)
        self.out = nn.Linear(2 * c.state, c.dim, bias=False)
        self.norm = RMSNorm(c.dim)
        self.fading = FadingNet(c.dim, 2 * c.state)
        self.dropout = Dropout(c.dropout)
        self.window, self.size, self.dim = c.window, c.state, c.dim
        with torch.no_grad():  # forget gates begin open, in both directions (Jozefowicz 2015)
            self.into.bias[c.state : 2 * c.state] += 1.0
            self.into.bias[5 * c.state : 6 * c.state] += 1.0
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """Of `lanes` strangers: the age of the latest event, and the window's earlier inputs."""
        at = self.events.item_bias.device
        past = torch.zeros(lanes, self.window - 1, self.dim, device=at)
        return [torch.full((lanes,), -1, device=at), past]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, 1, D) and the inputs that later windows need."""
        x = self.dropout(self.events(packed))
        age = ages(packed.first, start[0])
        held = torch.cat([start[1].transpose(0, 1), x])  # (W - 1 + T, B, D)
        up, down = self.into(self.inner_norm(held)).chunk(2, -1)
        lags = range(self.window - 1, -1, -1)  # from the oldest event to the latest
        read = torch.cat(
            [
                _walked(up, age, lags, self.forward_again),
                _walked(down, age, reversed(lags), self.backward_again),
            ],
            -1,
        )
        latest = self.norm(x + self.dropout(self.out(read)))
        kept = held[len(x) :].transpose(0, 1).detach()
        return self.fading(latest, read, packed.ahead)[..., None, :], [age[-1], kept]


def _walked(made: Tensor, age: Tensor, lags: Iterable[int], again: nn.Linear) -> Tensor:
    """h after the events `lags` back, in that order: (W - 1 + T, B, 4 S), (T, B) -> (T, B, S)."""
    size = again.in_features
    h = c = made.new_zeros(*age.shape, size)
    length = len(age)
    for lag in lags:
        begin = len(made) - length - lag
        gates = made[begin : begin + length] + again(h)
        into, keep, out = torch.sigmoid(gates[..., : 3 * size]).chunk(3, -1)
        met = (age >= lag)[..., None]
        new = keep * c + into * torch.tanh(gates[..., 3 * size :])
        c = torch.where(met, new, c)
        h = torch.where(met, out * torch.tanh(new), h)
    return h
