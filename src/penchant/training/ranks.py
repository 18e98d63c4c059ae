"""Several processes train one model: each reads its share of the lanes, and gradients add up."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed.nn  # its defaults hold the group they find, so not after one is joined
from torch import Tensor, nn
from torch import distributed as dist

from penchant.core.errors import ConfigError
from penchant.training.streams import Batch


@contextmanager
def joined() -> Iterator[int]:
    """Meet the processes that torchrun started; gives this one's rank, 0 where it is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield 0
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # each its own
        dist.init_process_group("cpu:gloo,cuda:nccl")
    else:
        dist.init_process_group("gloo")
    try:
        yield dist.get_rank()
    finally:
        dist.destroy_process_group()


def ranks() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def own_lanes(batch: Batch) -> Batch:
    """The lanes that this process reads: every `ranks()`-th."""
    if ranks() == 1:
        return batch
    if batch.target.shape[1] < ranks():
        raise ConfigError(
            f"{batch.target.shape[1]} lanes cannot be shared by {ranks()} processes; raise lanes "
            "or lower length of [training.schedule], or start fewer processes"
        )
    own = slice(rank(), None, ranks())
    packed = type(batch.packed)(*(tensor[:, own] for tensor in batch.packed))
    return Batch(packed, batch.target[:, own], batch.fresh, batch.place[:, own])


def total(count: int, device: torch.device) -> int:
    """The sum of every process's `count`."""
    if ranks() == 1:
        return count
    told = torch.tensor(count, device=device)
    dist.all_reduce(told)
    return int(told)


def add_up(parameters: Iterable[nn.Parameter]) -> None:
    """Every gradient becomes the sum of every process's."""
    if ranks() == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        dist.all_reduce(parameter.grad)


def agree(measured: Iterable[Tensor]) -> None:
    """What each process measured of its own lanes becomes the mean of what all did."""
    if ranks() == 1:
        return
    for each in measured:
        if each.is_floating_point():
            dist.all_reduce(each)
            each /= ranks()


def as_first(value: float, device: torch.device) -> float:
    """What process 0 says `value` is, so that all decide alike."""
    if ranks() == 1:
        return value
    told = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(told, 0)
    return float(told)


def everyones(state: Tensor) -> list[Tensor]:
    """What each process holds, of one shape and type and on no accelerator, by rank."""
    if ranks() == 1:
        return [state]
    held = [torch.empty_like(state) for _ in range(ranks())]
    dist.all_gather(held, state)
    return held


def gathered(states: list[Tensor]) -> list[list[Tensor]]:
    """What each process holds, of any shapes and on no accelerator, by rank."""
    if ranks() == 1:
        return [states]
    held: list[list[Tensor]] = [[] for _ in range(ranks())]
    dist.all_gather_object(held, states)
    return held


def to_all(data: bytes | None) -> bytes:
    """Hand out what process 0 holds; the others give None."""
    if ranks() == 1:
        return data or b""
    size = torch.tensor(len(data) if data is not None else 0)
    dist.broadcast(size, 0)
    held: Tensor = torch.zeros(int(size), dtype=torch.uint8)
    if data:
        held = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    if len(held):
        dist.broadcast(held, 0)
    return held.numpy().tobytes()
