"""Attention over a band of earlier positions whose keys and values are handed on."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.nn.blocks import RMSNorm

FAR: Final = -1e9
"""Added to the score of what must not be seen: softmax and silu make it exactly 0."""


def band(places: Tensor, length: int) -> Tensor:
    """(..., W) by distance -> (..., T, W - 1 + T), `FAR` before the band and after the position.

    Column s of row t is the key at distance W - 1 + t - s.

    >>> band(torch.tensor([0.5, 0.2]), 2).clamp_min(-9).tolist()
    [[0.20000000298023224, 0.5, -9.0], [-9.0, 0.20000000298023224, 0.5]]
    """
    around = F.pad(places.flip(-1), (length - 1, length - 1), value=FAR)
    return around.unfold(-1, places.shape[-1] + length - 1, 1).flip(-2)


class BandedAttention(nn.Module):
    """Multi-head attention to the positions before, with a score added for each pair.

    norm(softmax(q k / sqrt(d) + bias) v) (Vaswani et al. 2017, eq. 1; the norm makes a mean of many
    values as loud as one), or pointwise, without a softmax and with an elementwise gate u:
    norm(silu(q k / sqrt(d) + bias) / n v) * silu(u) (HSTU: Zhai et al. 2024, eq. 2 and 3, with n
    the keys seen and k scaled).
    """

    def __init__(self, dim: int, heads: int, pointwise: bool) -> None:
        super().__init__()
        self.heads, self.pointwise = heads, pointwise
        self.into = nn.Linear(dim, (4 if pointwise else 3) * dim, bias=False)
        self.norm = RMSNorm(dim)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(
        self, x: Tensor, before: tuple[Tensor, Tensor], bias: Tensor, seen: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(T, B, D), keys and values (B, R, D), (H, B, T, R + T), n (B, T) -> (T, B, D).

        The second result is keys and values of all R + T positions.
        """
        length, lanes, dim = x.shape
        query, key, value, *gate = self.into(x).chunk(4 if self.pointwise else 3, -1)
        key, value = (
            torch.cat([old, new.transpose(0, 1)], 1)
            for old, new in zip(before, (key, value), strict=True)
        )
        query = (query * (dim // self.heads) ** -0.5).transpose(0, 1)
        scores = torch.baddbmm(
            bias.reshape(-1, length, bias.shape[-1]),
            self._apart(query),
            self._apart(key).transpose(1, 2),
        )
        shares = F.silu(scores) if self.pointwise else torch.softmax(scores, -1)
        found = self._together(shares @ self._apart(value), lanes)
        if self.pointwise:
            found = self.norm(found / seen.T[..., None]) * F.silu(gate[0])
        else:
            found = self.norm(found)
        said: Tensor = self.out(found)
        return said, (key, value)

    def _apart(self, x: Tensor) -> Tensor:
        """(B, S, D) -> (H B, S, d)."""
        each = x.reshape(*x.shape[:2], self.heads, -1).permute(2, 0, 1, 3)
        return each.flatten(0, 1)

    def _together(self, x: Tensor, lanes: int) -> Tensor:
        """(H B, T, d) -> (T, B, D)."""
        each = x.reshape(self.heads, lanes, *x.shape[1:]).permute(2, 1, 0, 3)
        return each.flatten(2)
