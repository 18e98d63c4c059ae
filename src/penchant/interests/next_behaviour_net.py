"""The next behaviour in torch: a small head beside the interests, learned beside the next item."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from penchant.core.elapsed import WIDTH
from penchant.interests.sequence_net import Carried, Packed, SequenceNet


class BehaviourNet(nn.Module):
    """Logits of the next event's type, and of its place among the knots of elapsed time.

    Both are linear in the output after an event, which does not know the time of the query: that
    would be the answer.
    """

    def __init__(self, dim: int, types: int) -> None:
        super().__init__()
        self.kind = nn.Linear(dim, types)
        self.gap = nn.Linear(dim, WIDTH)

    def forward(self, latest: Tensor) -> tuple[Tensor, Tensor]:
        """(..., D) -> (..., types) and (..., G)."""
        return self.kind(latest), self.gap(latest)

    def loss(self, latest: Tensor, packed: Packed, inside: Tensor) -> Tensor:
        """Cross entropy of the type and of the gap of what follows each event, added; a mean.

        Shapes: (T, B, D), (T, B), bool (T, B) -> (). A gap between two knots belongs to both in
        shares. What follows the last event of a stretch is not looked at.
        """
        follows = inside[1:] & ~packed.first[1:]
        if not bool(follows.any()):
            return latest.new_zeros(())
        types, gaps = self(latest[:-1][follows])
        known = packed.type[1:][follows] - 1
        said = nn.functional.log_softmax(types, -1)
        right = said.gather(-1, known.clamp_min(0)[:, None])[:, 0]
        of_type = -(right * (known >= 0)).mean()
        placed = packed.gap[1:][follows] * torch.log_softmax(gaps, -1)
        total: Tensor = of_type - placed.sum(-1).mean()
        return total


@runtime_checkable
class ForetellingNet(SequenceNet, Protocol):
    """A sequence model that may learn the next behaviour too."""

    behaviour: BehaviourNet | None
    behaviour_weight: float

    def heard(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried, Tensor]:
        """Interests, what is carried on, and the output after each event (T, B, D)."""
        ...
