"""Blocks that sequence models are made of: normalisation, dropout, gated feed-forward, residual."""

import torch
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * g (Zhang and Sennrich 2019, eq. 4)."""

    def __init__(self, dim: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return x * scale * self.weight


class Dropout(nn.Module):
    """Zero a share of activations while training and scale the others up (Srivastava et al. 2014).

    On a processor one byte of chance decides each, a third of the time of a Bernoulli draw: the
    share is rounded to 1/256, and the scale is that of the rounded share.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.dropped = min(255, round(256 * share))

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...)."""
        if not self.training or not self.dropped:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.share)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * kept.to(x.dtype).mul_(256 / (256 - self.dropped))


class SwiGLU(nn.Module):
    """W_out(silu(W_gate x) * W_up x) (Shazeer 2020, eq. 6)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.into = nn.Linear(dim, 2 * hidden, bias=False)
        self.out = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        gate, up = self.into(x).chunk(2, -1)
        result: Tensor = self.out(nn.functional.silu(gate) * up)
        return result


class GatedResidual(nn.Module):
    """x + sigmoid(W x) * said (LiGR: Zhao et al. 2025, section 3.2)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gate = nn.Linear(dim, dim)

    def forward(self, x: Tensor, said: Tensor) -> Tensor:
        """(..., D), (..., D) -> (..., D)."""
        return torch.addcmul(x, torch.sigmoid(self.gate(x)), said)
