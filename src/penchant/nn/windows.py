"""Windows over packed lanes: what came some events before, where it was the same user's."""

import torch
from torch import Tensor


def ages(first: Tensor, before: Tensor) -> Tensor:
    """How many events of the same user came before each: (T, B) bool, (B,) -> (T, B) int64.

    `before` is the age of the event that precedes the stretch; -1: there is none.

    >>> first = torch.tensor([[False], [False], [True], [False]])
    >>> ages(first, torch.tensor([4]))[:, 0].tolist()
    [5, 6, 0, 1]
    """
    place = torch.arange(len(first), device=first.device)[:, None].expand(first.shape)
    begun = torch.where(first, place, -1 - before)  # where the event's user began
    return place - begun.cummax(0).values


def lagged(held: Tensor, age: Tensor, lag: int) -> Tensor:
    """What was held `lag` events before each; zeros where that was another user's.

    (R + T, B, D), (T, B) -> (T, B, D); `held` begins with R >= lag entries before the stretch.

    >>> held, age = torch.tensor([7., 8., 9., 10.])[:, None, None], torch.tensor([[3], [0], [1]])
    >>> lagged(held, age, 1)[:, 0, 0].tolist()
    [7.0, 0.0, 9.0]
    """
    begin = len(held) - len(age) - lag
    return held[begin : begin + len(age)] * (age >= lag)[..., None]
