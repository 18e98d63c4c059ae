"""Cross entropy over a whole catalogue, in chunks that stay in the processor's cache."""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

CHUNK_CELLS: Final = 600_000
"""Logits held at once for each thread, 2.4 MB: twice the speed of one block at 1.7-21 k items."""
CHUNK_CELLS_THERE: Final = 64_000_000
"""Logits held at once by an accelerator, 256 MB: few launches, and no (M, N) array of a large M."""
SMALLEST: Final = 1e-30
"""Share of a target below which its loss is cut off: 69 nats."""


class Taught(NamedTuple):
    """What another model would answer to the same M queries, and how much that counts."""

    queries: Tensor
    """(M, K, E) its interests, of which the nearest gives an item's score."""
    table: Tensor
    """(N, E)"""
    bias: Tensor
    """(N,)"""
    weight: float
    """From 0, the targets alone, to 1, the other model alone."""

    def to(self, products: torch.dtype) -> "Taught":
        """The same in the precision of `products`."""
        return Taught(
            self.queries.to(products), self.table.to(products), self.bias.to(products), self.weight
        )

    def part(self, at: int, size: int) -> Tensor:
        """(C, N) its shares of the items, for `size` queries from `at` on."""
        return torch.softmax((self.queries[at : at + size] @ self.table.T).amax(1) + self.bias, 1)


def full_cross_entropy(
    queries: Tensor,
    table: Tensor,
    bias: Tensor,
    target: Tensor,
    products: torch.dtype = torch.float32,
    taught: Taught | None = None,
) -> Tensor:
    """Mean of -log softmax(queries @ table.T + bias)[target].

    Shapes: (M, D), (N, D), (N,), (M,) -> (). Forward and gradient are computed together, chunk by
    chunk over M, so that no (M, N) array exists. `products` is the precision in which matrices are
    multiplied; sums and exponentials are float32. Where it is `taught`, cross entropy against the
    shares of the other model has that weight, and against the targets the rest (Hinton et al.
    2015, section 2, at temperature 1).
    """
    loss: Tensor = _Chunked.apply(  # type: ignore[no-untyped-call]
        queries, table, bias, target, products, taught
    )
    return loss


def full_cross_entropy_of_several(
    queries: Tensor,
    table: Tensor,
    bias: Tensor,
    target: Tensor,
    products: torch.dtype = torch.float32,
    taught: Taught | None = None,
) -> Tensor:
    """Mean of -log softmax(max_k(queries_k @ table.T) + bias)[target]: what K interests serve.

    Shapes: (M, K, D), (N, D), (N,), (M,) -> (). The target pulls the query nearest to it, and every
    other item pushes away the one that would serve it. As `full_cross_entropy` otherwise.
    """
    loss: Tensor = _ChunkedOfSeveral.apply(  # type: ignore[no-untyped-call]
        queries, table, bias, target, products, taught
    )
    return loss


def _queries_at_once(cells: int, device: torch.device) -> int:
    """How many queries of so many logits each are scored at once."""
    held = CHUNK_CELLS * torch.get_num_threads() if device.type == "cpu" else CHUNK_CELLS_THERE
    return max(16, held // cells)


def _missed(shares: Tensor, wanted: Tensor, soft: Tensor | None, weight: float) -> Tensor:
    """Summed loss of `shares` (C, N), which become its slopes by the logits, in place."""
    right = shares.gather(1, wanted)
    loss = -(1 - weight) * right.float().clamp_min(SMALLEST).log().sum()
    if soft is None:
        shares.scatter_(1, wanted, right - 1)
        return loss
    loss -= weight * (soft * shares.float().clamp_min(SMALLEST).log()).sum()
    shares.sub_(soft, alpha=weight)
    shares.scatter_add_(1, wanted, torch.full_like(right, weight - 1))
    return loss


def _add_product(to: Tensor, left: Tensor, right: Tensor) -> None:
    """`to` += left @ right, in one step where their precision is the same."""
    if to.dtype == left.dtype:
        to.addmm_(left, right)
    else:
        to += left @ right


class _Chunked(torch.autograd.Function):
    """d loss / d logits = softmax - onehot, divided by M."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        table: Tensor,
        bias: Tensor,
        target: Tensor,
        products: torch.dtype,
        taught: Taught | None,
    ) -> Tensor:
        d_queries, d_table = torch.empty_like(queries), torch.zeros_like(table)
        d_bias = torch.zeros_like(bias)
        total = queries.new_zeros(())
        near, far, offset = queries.to(products), table.to(products), bias.to(products)
        other = None if taught is None else taught.to(products)
        size = max(1, min(len(queries), _queries_at_once(len(table), queries.device)))
        ones = near.new_ones(size)
        room = near.new_empty(2, size, len(table))  # new memory for each chunk costs as much again
        for at in range(0, len(queries), size):
            some, wanted = near[at : at + size], target[at : at + size, None]
            logits, shares = room[:, : len(some)]
            # (C, D) @ (D, N) -> (C, N); softmax adds up in float32 whatever it is given
            torch.softmax(torch.addmm(offset, some, far.T, out=logits), 1, out=shares)
            soft = None if other is None else other.part(at, size)
            total += _missed(shares, wanted, soft, 0.0 if other is None else other.weight)
            d_queries[at : at + size] = shares @ far
            _add_product(d_table, shares.T, some)
            _add_product(d_bias[None], ones[None, : len(some)], shares)  # faster than a sum
        ctx.save_for_backward(d_queries, d_table, d_bias)
        return total / len(queries)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        d_queries, d_table, d_bias = ctx.saved_tensors
        scale = grads[0] / len(d_queries)
        return d_queries * scale, d_table * scale, d_bias * scale, None, None, None


class _ChunkedOfSeveral(_Chunked):
    """The same, each slope given to the query that was the largest."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        table: Tensor,
        bias: Tensor,
        target: Tensor,
        products: torch.dtype,
        taught: Taught | None,
    ) -> Tensor:
        d_queries, d_table = torch.empty_like(queries), torch.zeros_like(table)
        d_bias = torch.zeros_like(bias)
        total = queries.new_zeros(())
        near, far, offset = queries.to(products), table.to(products), bias.to(products)
        other = None if taught is None else taught.to(products)
        cells = len(table) * queries.shape[1]
        size = _queries_at_once(cells, queries.device)
        for at in range(0, len(queries), size):
            some, wanted = near[at : at + size], target[at : at + size, None]
            each = some @ far.T  # (C, K, D) @ (D, N) -> (C, K, N)
            largest, which = each.max(1)
            shares = torch.softmax(largest + offset, 1)
            soft = None if other is None else other.part(at, size)
            total += _missed(shares, wanted, soft, 0.0 if other is None else other.weight)
            slopes = each.zero_().scatter_(1, which[:, None], shares[:, None])
            d_queries[at : at + size] = slopes @ far
            _add_product(d_table, slopes.flatten(0, 1).T, some.flatten(0, 1))
            d_bias += shares.sum(0)
        ctx.save_for_backward(d_queries, d_table, d_bias)
        return total / len(queries)
