"""Linear recurrence h_t = a_t * h_(t-1) + b_t over a whole sequence at once."""

from typing import Any

import torch
from torch import Tensor


def linear_scan(gates: Tensor, values: Tensor, start: Tensor) -> Tensor:
    """All h_t of h_t = gates_t * h_(t-1) + values_t, with h_0 = start.

    Shapes: gates (T, B, D), values (T, B, D), start (B, D) -> (T, B, D), real or complex, all
    alike. On a CPU the lanes B are the parallel axis and time is walked once, which moves the least
    memory; on an accelerator time itself is halved log2(T) times (Hillis and Steele 1986; Martin
    and Cundy 2018).
    """
    if gates.device.type == "cpu":
        walked: Tensor = _Walk.apply(gates, values, start)  # type: ignore[no-untyped-call]
        return walked
    return doubling_scan(gates, values, start)


def doubling_scan(gates: Tensor, values: Tensor, start: Tensor) -> Tensor:
    """The same by recursive doubling: log2(T) passes, every pass parallel in time."""
    a, b = gates, values
    length, shift = a.shape[0], 1
    while shift < length:
        b = torch.cat([b[:shift], torch.addcmul(b[shift:], a[shift:], b[:-shift])])
        a = torch.cat([a[:shift], a[shift:] * a[:-shift]])
        shift *= 2
    return torch.addcmul(b, a, start)


class _Walk(torch.autograd.Function):
    """Walk time forwards, and the adjoint backwards: s_t = g_t + conj(a_(t+1)) s_(t+1)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, values: Tensor, start: Tensor) -> Tensor:
        out = torch.empty_like(values)
        h = start
        for a, b, o in zip(gates.unbind(0), values.unbind(0), out.unbind(0), strict=True):
            torch.addcmul(b, a, h, out=o)
            h = o
        ctx.save_for_backward(gates, out, start)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, out, start = ctx.saved_tensors
        (grad,) = grads
        back = gates.conj().resolve_conj()  # a real tensor is given back as it is
        d_values = grad.clone()
        steps = d_values.unbind(0)
        for t in range(len(steps) - 1, 0, -1):
            steps[t - 1].addcmul_(back[t], steps[t])
        before = torch.cat([start[None], out[:-1]]).conj()
        return d_values * before, d_values, back[0] * steps[0]
