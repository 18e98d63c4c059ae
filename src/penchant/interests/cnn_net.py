"""Causal convolutions as a torch module: trained over whole streams, served by `cnn`."""

import torch
from torch import Tensor, nn

from penchant.interests.cnn import CnnConfig
from penchant.interests.sequence_net import Carried, EventInputNet, FadingNet, Packed
from penchant.nn.blocks import Dropout, RMSNorm
from penchant.nn.windows import ages, lagged


class Layer(nn.Module):
    """A dilated causal convolution beside a residual path (Yuan et al. 2019, NextItNet, fig. 3).

    y_t = x_t + relu(sum_j W_j norm(x)_(t - j d) + b), where events of other users are zeros.
    """

    def __init__(self, dim: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.taps = nn.Linear(kernel * dim, dim)
        self.dropout = Dropout(dropout)
        self.lags = [tap * dilation for tap in range(kernel)]

    def forward(self, x: Tensor, age: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, D), (T, B), (B, R, D) -> (T, B, D) and the latest R inputs (B, R, D)."""
        held = torch.cat([past.transpose(0, 1), self.norm(x)])  # (R + T, B, D)
        taps = torch.cat([lagged(held, age, lag) for lag in self.lags], -1)  # (T, B, K D)
        made = nn.functional.relu(self.taps(taps))
        return x + self.dropout(made), held[-past.shape[1] :].transpose(0, 1).detach()


class CnnNet(nn.Module):
    """Item vectors, convolutions, and the latest interest fading towards what of it lasts."""

    def __init__(self, items: int, types: int, config: CnnConfig) -> None:
        super().__init__()
        c = config
        self.events = EventInputNet(items, types, c.dim)
        self.layers = nn.ModuleList(
            Layer(c.dim, c.kernel, dilation, c.dropout) for dilation in c.dilations
        )
        self.norm = RMSNorm(c.dim)
        self.fading = FadingNet(c.dim, c.dim)
        self.dropout = Dropout(c.dropout)
        self.reaches, self.dim = c.reaches, c.dim
        self.events.begin()

    def start(self, lanes: int) -> Carried:
        """Of `lanes` strangers: the age of the latest event, and each layer's earlier inputs."""
        at = self.events.item_bias.device
        past = [torch.zeros(lanes, reach, self.dim, device=at) for reach in self.reaches]
        return [torch.full((lanes,), -1, device=at), *past]

    def forward(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, 1, D) and the inputs that later events need."""
        x = self.dropout(self.events(packed))
        age = ages(packed.first, start[0])
        kept = [age[-1]]
        for layer, past in zip(self.layers, start[1:], strict=True):
            x, inputs = layer(x, age, past)
            kept.append(inputs)
        latest = self.norm(x)
        return self.fading(latest, latest, packed.ahead)[..., None, :], kept
