"""Blocks that sequence models are made of: normalisation, gated feed-forward, gated residual."""

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
