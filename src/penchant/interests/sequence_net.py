"""What training asks of a sequence model in torch, and the parts that several of them share."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from penchant.core.elapsed import WIDTH


class Packed(NamedTuple):
    """B lanes of T events; users follow one another in a lane without padding."""

    row: Tensor  # (T, B) int64
    type: Tensor  # (T, B) int64
    weight: Tensor  # (T, B) signed weight
    value: Tensor  # (T, B) standardised value
    gap: Tensor  # (T, B, G) elapsed since the user's previous event, zeros at the first
    ahead: Tensor  # (T, B, G) elapsed until the query; zeros where that is not told
    first: Tensor  # (T, B) bool: a new user begins here
    time_s: Tensor  # (T, B) float64, of the event
    query_s: Tensor  # (T, B) float64, of the query; the event's own where that is not told


Carried = list[Tensor]
"""What a model takes along a lane from one stretch to the next; the first axis is the lane."""


class SequenceNet(Protocol):
    """A torch module that reads lanes of events; what it computes is served by its namesake."""

    events: "EventInputNet"

    def train(self, mode: bool = True) -> object:
        """Learn from now on."""
        ...

    def eval(self) -> object:
        """Only compute from now on."""
        ...

    def start(self, lanes: int) -> Carried:
        """What `lanes` strangers carry."""
        ...

    def __call__(self, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query (T, B, K, D), and what is carried on, detached.

        An item's score is the largest product with one of the K, plus `events.item_bias`.
        """
        ...


class EventInputNet(nn.Module):
    """The item table, and x = item + type + linear(weight / loudest, value, elapsed)."""

    loudest: float = 1.0
    """Size of the largest weight in training, else a step is as many times larger as weights are;
    what is served has it in its linear part."""

    def __init__(self, items: int, types: int, dim: int) -> None:
        super().__init__()
        self.items = nn.Embedding(items, dim)
        self.item_bias = nn.Parameter(torch.zeros(items))
        self.types = nn.Embedding(types + 1, dim)
        self.signal = nn.Linear(2 + WIDTH, dim)

    def begin(self) -> None:
        """First values; a type added later says nothing until it is trained."""
        with torch.no_grad():
            nn.init.normal_(self.items.weight, std=self.items.embedding_dim**-0.5)
            nn.init.normal_(self.types.weight, std=0.02)
            self.types.weight[0] = 0.0

    def forward(self, packed: Packed) -> Tensor:
        """(T, B) -> (T, B, D)."""
        weight = packed.weight / self.loudest
        said = torch.cat([weight[..., None], packed.value[..., None], packed.gap], -1)
        x: Tensor = self.items(packed.row) + self.types(packed.type) + self.signal(said)
        return x


class FadingNet(nn.Module):
    """g * latest + (1 - g) * linear(state), with g = sigmoid(linear(elapsed until the query)).

    Of several directions each has a gate and a long term of its own, and looks at the latest
    output in its own way. Before training the first lives for now (g = .88), the last for always
    (g = .12).
    """

    def __init__(self, dim: int, state: int, interests: int = 1) -> None:
        super().__init__()
        self.long_term = nn.Linear(state, interests * dim)
        self.fade = nn.Linear(WIDTH, interests * dim)
        self.turn = nn.Linear(dim, interests * dim, bias=False) if interests > 1 else None
        self.interests = interests
        with torch.no_grad():
            begin = torch.linspace(2.0, -2.0, interests) if interests > 1 else torch.full((1,), 2.0)
            self.fade.bias[:] = begin.repeat_interleave(dim)
            if self.turn is not None:
                self.turn.weight += torch.eye(dim).repeat(interests, 1)

    def forward(self, latest: Tensor, state: Tensor, ahead: Tensor) -> Tensor:
        """(..., D), (..., S), (..., G) -> (..., D): of the first direction."""
        return self.each(latest, state, ahead)[..., 0, :]

    def each(self, latest: Tensor, state: Tensor, ahead: Tensor) -> Tensor:
        """(..., D), (..., S), (..., G) -> (..., K, D)."""
        kept = torch.sigmoid(self.fade(ahead))
        now = latest if self.turn is None else self.turn(latest)
        faded: Tensor = kept * now + (1 - kept) * self.long_term(state)
        return faded.reshape(*latest.shape[:-1], self.interests, -1)
