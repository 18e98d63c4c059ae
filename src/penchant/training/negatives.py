"""Items drawn to stand for a whole catalogue in a sampled loss, each weighed for it."""

import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

From = Literal["uniform", "popular", "mixed"]


class Drawn(NamedTuple):
    """Some of the items, with replacement."""

    items: Tensor
    """(N',) rows."""
    more: Tensor
    """(N',) added to an item's logit: -log of how many of the drawn are expected to be it."""


class Negatives:
    """Draws so that the sum of exp(logit + more) is, in the mean, that of exp(logit) over all.

    Uniform, by how often an item was taken, or half of each (Yang et al., Mixed Negative Sampling
    for Learning Two-tower Neural Networks in Recommendations, WWW 2020). The correction is that of
    Bengio and Senecal 2008, eq. 7, known as logQ (Yi et al., Sampling-Bias-Corrected Neural
    Modeling, RecSys 2019, eq. 4); the target itself is not one of the sample, so that it has none.
    """

    def __init__(
        self, row: NDArray[np.int32], size: int, source: From, device: torch.device
    ) -> None:
        """`row`: the item of every event that training reads; `size`: items drawn at a time."""
        met, counts = np.unique(row, return_counts=True)
        self._met = torch.from_numpy(met.astype(np.int64)).to(device)
        self._size = size
        self._all = math.log(len(met) / size)
        self._source = source
        chance = counts / counts.sum()
        if source == "mixed":
            chance = (chance + 1 / len(met)) / 2
        self._more = torch.from_numpy(-np.log(size * chance).astype(np.float32)).to(device)
        self._ends = torch.from_numpy(np.cumsum(chance)).to(device)

    def draw(self) -> Drawn:
        """Afresh, by torch's generator."""
        device = self._met.device
        if self._source == "uniform":
            at = torch.randint(0, len(self._met), (self._size,), device=device)
            return Drawn(self._met[at], self._more.new_full((self._size,), self._all))
        drawn = torch.rand(self._size, dtype=torch.float64, device=device)
        at = torch.searchsorted(self._ends, drawn).clamp_max_(len(self._met) - 1)
        return Drawn(self._met[at], self._more[at])
