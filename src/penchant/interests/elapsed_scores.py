"""What elapsed time adds to the attention of a query to a key, lane by lane in the cache."""

from typing import Any, Final

import torch
from torch import Tensor

from penchant.core.elapsed import KNOTS_S, WIDTH
from penchant.nn.attention import FAR

_LOGS: Final = torch.tensor(KNOTS_S, dtype=torch.float64).log1p()
_SLOPES: Final = (1 / _LOGS.diff()).float()[:, None]  # (G - 1, 1)
_OFFSETS: Final = -(_LOGS[:-1] / _LOGS.diff()).float()[:, None]


def elapsed_scores(
    query_s: Tensor, key_s: Tensor, same: Tensor, weights: Tensor, base: Tensor
) -> Tensor:
    """base + (weights - weights[:, :1]) @ `gap_feature`(query - key); `FAR` where not `same`.

    Shapes: (B, T), (B, S), (B, T, S) bool, (C, G), (C, T, S) -> (C, B, T, S). Hats are made once
    for all C and again for their gradient. On a processor that is one lane at a time, so that no
    (G, B, T, S) array exists; an accelerator takes all lanes at once.
    """
    told: Tensor = _Lanes.apply(  # type: ignore[no-untyped-call]
        query_s, key_s, same, weights, base
    )
    return told


def _rising(query_s: Tensor, key_s: Tensor, out: Tensor) -> None:
    """(L, T), (L, S) -> the first (G - 1, L T S) of `out`: how far between knots, from 0 to 1.

    The hat of knot k is rising k - 1 minus rising k, so that weights of hats are here differences.
    """
    logs = (query_s[:, :, None] - key_s[:, None]).float().clamp_min_(0).log1p_().reshape(1, -1)
    slopes, offsets = _SLOPES.to(logs.device), _OFFSETS.to(logs.device)
    torch.addmm(offsets, slopes, logs, out=out[: WIDTH - 1])
    out[: WIDTH - 1].clamp_(0, 1)


def _together(lanes: int, device: torch.device) -> int:
    """How many lanes are made at once."""
    return 1 if device.type == "cpu" else lanes


class _Lanes(torch.autograd.Function):
    """Linear in the weights: the gradient is the product with the same hats."""

    @staticmethod
    def forward(
        ctx: Any, query_s: Tensor, key_s: Tensor, same: Tensor, weights: Tensor, base: Tensor
    ) -> Tensor:
        lanes, length, keys = same.shape
        out = weights.new_empty(len(weights), lanes * length * keys)
        size = _together(lanes, same.device)
        cells = size * length * keys
        room = weights.new_empty(WIDTH, cells)  # rises, and what must not be seen
        each = torch.cat([weights.diff(), torch.full_like(weights[:, :1], FAR)], 1)
        base = base.flatten(1).repeat(1, size)
        for n, at in enumerate(range(0, lanes, size)):
            some = slice(at, at + size)
            _rising(query_s[some], key_s[some], room)
            room[-1] = ~same[some].reshape(-1)
            torch.addmm(base, each, room, out=out[:, n * cells : (n + 1) * cells])
        ctx.save_for_backward(query_s, key_s)
        return out.view(-1, lanes, length, keys)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, None, Tensor, Tensor]:
        query_s, key_s = ctx.saved_tensors
        (grad,) = grads
        lanes, size = len(query_s), _together(len(query_s), grad.device)
        d_base, grad = grad.sum(1), grad.flatten(1)
        cells = grad.shape[1] // lanes * size
        room = grad.new_empty(WIDTH, cells)
        rises = grad.new_zeros(len(grad), WIDTH - 1)
        for n, at in enumerate(range(0, lanes, size)):
            _rising(query_s[at : at + size], key_s[at : at + size], room)
            rises += grad[:, n * cells : (n + 1) * cells] @ room[:-1].T
        none = torch.zeros_like(rises[:, :1])
        d_weights = torch.cat([none, rises], 1) - torch.cat([rises, none], 1)
        return None, None, None, d_weights, d_base
