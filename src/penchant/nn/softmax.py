"""Cross entropy over a whole catalogue, in chunks that stay in the processor's cache."""

from typing import Any, Final

import torch
from torch import Tensor

CHUNK_CELLS: Final = 1_500_000
"""Logits held at once, 6 MB: about twice the speed of one block at 1.7-21 k items, one core."""


def full_cross_entropy(queries: Tensor, table: Tensor, bias: Tensor, target: Tensor) -> Tensor:
    """Mean of -log softmax(queries @ table.T + bias)[target].

    Shapes: (M, D), (N, D), (N,), (M,) -> (). Forward and gradient are computed together, chunk by
    chunk over M, so that no (M, N) array exists.
    """
    loss: Tensor = _Chunked.apply(queries, table, bias, target)  # type: ignore[no-untyped-call]
    return loss


class _Chunked(torch.autograd.Function):
    """d loss / d logits = softmax - onehot, divided by M."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, table: Tensor, bias: Tensor, target: Tensor) -> Tensor:
        d_queries, d_table = torch.empty_like(queries), torch.zeros_like(table)
        d_bias = torch.zeros_like(bias)
        total = queries.new_zeros(())
        size = max(16, CHUNK_CELLS // len(table))
        for at in range(0, len(queries), size):
            some, wanted = queries[at : at + size], target[at : at + size]
            logits = torch.addmm(bias, some, table.T)  # (C, D) @ (D, N) -> (C, N)
            logits -= logits.amax(1, keepdim=True)  # exp would overflow
            total -= logits.gather(1, wanted[:, None]).sum()
            shares = logits.exp_()
            sums = shares.sum(1, keepdim=True)
            total += sums.log().sum()
            shares /= sums
            shares[torch.arange(len(some)), wanted] -= 1.0
            d_queries[at : at + size] = shares @ table
            d_table.addmm_(shares.T, some)
            d_bias += shares.sum(0)
        ctx.save_for_backward(d_queries, d_table, d_bias)
        return total / len(queries)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        d_queries, d_table, d_bias = ctx.saved_tensors
        scale = grads[0] / len(d_queries)
        return d_queries * scale, d_table * scale, d_bias * scale, None
