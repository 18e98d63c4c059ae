"""A trained model that tells another, batch by batch, what it would answer."""

from collections.abc import Mapping
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from penchant.interests.nets import NETS
from penchant.interests.sequence_net import Carried, SequenceNet
from penchant.nn.softmax import Taught
from penchant.training.config import ModelName, ScheduleConfig, SequenceConfig
from penchant.training.hardware import hardware
from penchant.training.streams import Batch


def net_of(
    model: ModelName,
    items: int,
    types: int,
    sizes: SequenceConfig,
    schedule: ScheduleConfig,
    weights: Mapping[str, NDArray[np.float32]],
) -> SequenceNet:
    """The net of `model` with `weights` as training left them, where training would have it."""
    net = NETS[model](items, types, sizes)
    module = cast(nn.Module, net)
    module.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()})
    module.to(hardware(schedule.precision).device)
    return net


class Teaching(NamedTuple):
    """Who teaches, as plain values."""

    model: ModelName
    sizes: SequenceConfig
    weights: Mapping[str, NDArray[np.float32]]
    """As training left them."""
    weight: float
    """Of its answers beside the events', 0 to 1."""


class Teacher:
    """Reads the same lanes as its student, beside it; learns nothing more itself."""

    def __init__(
        self, teaching: Teaching, items: int, types: int, schedule: ScheduleConfig
    ) -> None:
        model, sizes, weights, self._weight = teaching
        self._net = net_of(model, items, types, sizes, schedule, weights)
        self._carried: Carried = []
        self._net.eval()

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """Its interests at every query, (T, B, K, D)."""
        fresh = batch.fresh or not self._carried
        start = self._net.start(batch.target.shape[1]) if fresh else self._carried
        interests, self._carried = self._net(batch.packed, start)
        return interests

    def taught(self, interests: Tensor) -> Taught:
        """What it answers where it has `interests` (M, K, D)."""
        events = self._net.events
        return Taught(
            interests, events.items.weight.detach(), events.item_bias.detach(), self._weight
        )
