"""Learn a sequence model: packed streams, early stopping on later events, resume."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from penchant.core.errors import ArtifactError, DivergedError
from penchant.interests.event_input import BIASES, SIGNAL
from penchant.interests.nets import NETS
from penchant.interests.next_behaviour_net import ForetellingNet
from penchant.interests.sequence_net import Carried, SequenceNet
from penchant.nn.softmax import Taught, full_cross_entropy, full_cross_entropy_of_several
from penchant.training.augment import augmented
from penchant.training.checkpoint import load_checkpoint, save_checkpoint
from penchant.training.config import ModelName, ScheduleConfig, SequenceConfig
from penchant.training.contrastive import Contrast
from penchant.training.following import Task, differing, hand_out, taken_up
from penchant.training.hardware import Hardware, hardware
from penchant.training.negatives import Drawn, Negatives
from penchant.training.ranks import (
    add_up,
    agree,
    as_first,
    everyones,
    gathered,
    own_lanes,
    rank,
    ranks,
    total,
)
from penchant.training.streams import Batch, Histories, batches, batches_of
from penchant.training.teacher import Teacher
from penchant.training.validation import Held, ndcg_at_10

FULL_LOSS_UP_TO = 30_000
"""Items up to which the full softmax fits; above, some are drawn."""


class Progress(NamedTuple):
    """Where training stands."""

    stage: str
    epoch: int
    epochs: int
    done: int
    total: int
    loss: float
    ndcg: float
    """On later events, of the latest whole pass; NaN before that, or where none are held out."""
    events_per_s: float
    left_s: float
    hardware: str
    """What it runs on, and in which precision."""


Watch = Callable[[Progress], None]


@dataclass(frozen=True)
class Trained:
    """What one training run gives."""

    weights: dict[str, NDArray[np.float32]]
    """As the `state_dict` of the net names them."""
    epochs: int
    ndcg: float
    losses: tuple[float, ...]
    ndcgs: tuple[float, ...]
    events_per_s: float
    hardware: str
    """What it ran on, and in which precision."""
    planned: int = 0
    """Passes that the curve of its step size was made for."""
    teacher: "Trained | None" = None
    """The training of the model that it learned from."""


@dataclass
class _Pass:
    """Where a pass stands that has not ended."""

    rng: Mapping[str, Any]  # chance as the pass began
    read: int = 0  # batches
    done: int = 0  # events in them
    learnt: int = 0  # targets in them
    loss: float = 0.0  # their sum
    spent_s: float = 0.0
    states: Carried = field(default_factory=list)  # of the lanes, after the last batch


@dataclass
class _Run:
    """Everything that a checkpoint must bring back."""

    net: SequenceNet
    module: nn.Module  # the same object
    on: Hardware
    optimiser: torch.optim.AdamW
    rng: np.random.Generator
    epoch: int
    best: float
    best_epoch: int
    best_weights: dict[str, Tensor]
    losses: list[float]
    ndcgs: list[float]
    step: int
    rates: list[float]  # events a second, pass by pass
    told: dict[str, str]  # what it trains, so that no other run goes on from its checkpoint
    within: _Pass | None = None


def train_sequence(
    task: Task,
    stage: str = "train",
    watch: Watch | None = None,
    go_on: Callable[[int, float], bool] | None = None,
) -> Trained:
    """Train from nothing, from weights begun elsewhere, or from the checkpoint if it is there.

    With events held out, the weights of the pass with the best NDCG@10 on them are given back;
    without, or where none of them can be predicted, those of the last pass. The step size follows
    the same curve in both cases, so that a number of passes found on one split means the same on
    another. `go_on` is asked after each pass, with its number and NDCG@10.

    Raises DivergedError where the loss is no longer finite, and ArtifactError where the checkpoint
    is of another task.
    """
    events, sizes, config, checkpoint = task.events, task.sizes, task.schedule, task.checkpoint
    held = task.held if task.held is not None and len(task.held.target) else None
    if ranks() > 1 and rank() == 0:
        hand_out(task)
    teacher = task.teacher
    beside = None if teacher is None else Teacher(teacher, task.items, task.types, config)
    run = _begin(events, task.items, task.types, task.model, sizes, config, task.seed, task.begun)
    if checkpoint is not None:
        run.told = task.told()
        if checkpoint.exists():
            _resume(run, checkpoint)
    planned = config.passes(len(events.events.row))
    epochs, waits = task.epochs or planned, config.waits(planned)
    negatives = _negatives(events, config, run.on.device)
    keep = _keeper(run, checkpoint, 60 * config.checkpoint_minutes)
    while run.epoch < epochs and run.epoch - run.best_epoch < waits:
        run.rates.append(
            _one_pass(
                run,
                events,
                sizes,
                config,
                negatives,
                stage,
                (epochs, planned),
                watch,
                teacher=beside,
                keep=keep,
            )
        )
        run.epoch += 1
        _judge(run, held, sizes.query_time)
        if watch is not None:
            watch(_ended(run, stage, epochs, len(events.events.row), run.rates[-1]))
        keep()
        wanted = go_on is None or go_on(run.epoch, run.ndcgs[-1] if run.ndcgs else math.nan)
        if not as_first(wanted, run.on.device):
            break
    chosen = run.module.state_dict() if held is None else run.best_weights
    return Trained(
        _arrays(chosen, run.net.events.loudest),
        run.best_epoch,
        run.best,
        tuple(run.losses),
        tuple(run.ndcgs),
        float(np.median(run.rates)),
        str(run.on),
        planned,
    )


def follow() -> None:
    """Train whatever process 0 trains, until it has nothing more; by every other process."""
    with tempfile.TemporaryDirectory() as folder:
        while (task := taken_up(Path(folder))) is not None:
            train_sequence(task)


def refresh_sequence(
    weights: dict[str, NDArray[np.float32]],
    events: Histories,
    types: int,
    model: ModelName,
    sizes: SequenceConfig,
    config: ScheduleConfig,
    seed: int,
    share: float = 0.25,
) -> dict[str, NDArray[np.float32]]:
    """One more pass from `weights` over `events`, at `share` of the step size, kept constant."""
    run = _begin(events, len(weights[BIASES]), types, model, sizes, config, seed, weights)
    negatives = _negatives(events, config, run.on.device)
    rate = sizes.learning_rate * share
    _one_pass(run, events, sizes, config, negatives, "refresh", (1, 1), None, rate)
    return _arrays(run.module.state_dict(), run.net.events.loudest)


def _arrays(tensors: Mapping[str, Tensor], loudest: float) -> dict[str, NDArray[np.float32]]:
    arrays = {name: tensor.cpu().numpy().copy() for name, tensor in tensors.items()}
    arrays[SIGNAL][:, 0] /= loudest
    return arrays


def _begin(
    events: Histories,
    items: int,
    types: int,
    model: ModelName,
    sizes: SequenceConfig,
    config: ScheduleConfig,
    seed: int,
    begun: Mapping[str, NDArray[np.float32]] | None,
) -> _Run:
    torch.manual_seed(seed)
    net = NETS[model](items, types, sizes)
    module, on = cast(nn.Module, net), hardware(config.precision)
    net.events.loudest = float(np.abs(events.events.weight).max(initial=0.0)) or 1.0
    if begun is not None:
        arrays = {name: array.copy() for name, array in begun.items()}
        arrays[SIGNAL][:, 0] *= net.events.loudest
        module.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
    module.to(on.device)
    matrices = [p for p in module.parameters() if p.ndim > 1]
    vectors = [p for p in module.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=sizes.learning_rate,
        betas=(0.9, 0.98),
        fused=True,
    )
    rng = np.random.default_rng(seed)
    if rank():
        torch.manual_seed(seed + rank())  # every process drops other activations
    return _Run(net, module, on, optimiser, rng, 0, -math.inf, 0, {}, [], [], 0, [], {})


def _negatives(events: Histories, config: ScheduleConfig, device: torch.device) -> Negatives | None:
    """What a sampled loss draws from; none where the loss is over all items."""
    row = events.events.row
    few = config.loss == "auto" and len(np.unique(row)) <= FULL_LOSS_UP_TO
    if config.loss == "full" or few:
        return None
    return Negatives(row, config.negatives, config.negatives_from, device)


def _one_pass(  # noqa: PLR0913  one pass of `train_sequence`
    run: _Run,
    events: Histories,
    sizes: SequenceConfig,
    config: ScheduleConfig,
    negatives: Negatives | None,
    stage: str,
    passes: tuple[int, int],
    watch: Watch | None,
    constant_rate: float | None = None,
    teacher: Teacher | None = None,
    keep: Callable[[], None] | None = None,
) -> float:
    run.net.train()
    now = run.rng.bit_generator.state
    at = run.within = run.within or _Pass(now)
    run.rng.bit_generator.state = at.rng
    began, told = time.monotonic() - at.spent_s, at.spent_s
    epochs, planned = passes
    blank = len(run.net.events.item_bias) - 1
    changed = augmented(events, config.augment, blank, run.rng)
    size = len(changed.events.row)  # about as many in every pass
    steps = planned * batches_of(size, config.lanes, config.length)
    contrast = None
    if config.contrast.weight:
        contrast = Contrast(events, config.contrast, config.augment, blank, sizes.query_time)
    reads = batches(changed, config.lanes, config.length, run.rng, sizes.query_time)
    for read in _from(reads, at.read, run.rng, now):
        batch = own_lanes(read.to(run.on.device))
        states = at.states
        if batch.fresh or not states:
            states = run.net.start(batch.target.shape[1])
        rate = constant_rate or _rate(sizes.learning_rate, run.step, steps)
        loss, count, at.states = _one_step(run, batch, states, negatives, rate, contrast, teacher)
        if not math.isfinite(loss):
            raise DivergedError(stage, run.epoch + 1, sizes.learning_rate)
        at.read, at.done = at.read + 1, at.done + int((batch.place >= 0).sum())
        at.loss, at.learnt = at.loss + loss * count, at.learnt + count
        at.spent_s = spent = time.monotonic() - began
        if watch is not None and spent - told > 0.2:
            told = spent
            left = (size * (epochs - run.epoch) - at.done) * spent / at.done
            ndcg = run.ndcgs[-1] if run.ndcgs else math.nan
            shown, pace = at.loss / max(1, at.learnt), at.done / spent
            so_far = (run.epoch + 1, epochs, at.done, size)
            watch(Progress(stage, *so_far, shown, ndcg, pace, left, str(run.on)))
        if keep is not None:
            keep()
    run.losses.append(at.loss / max(1, at.learnt))
    run.within = None
    return size / (time.monotonic() - began)


def _from(
    reads: Iterator[Batch], read: int, rng: np.random.Generator, now: Mapping[str, Any]
) -> Iterator[Batch]:
    """The batches of a pass after the first `read`; where some were, chance is then as `now`."""
    for number, batch in enumerate(reads):
        if read and number == read:
            rng.bit_generator.state = now
        if number >= read:
            yield batch


def _ended(run: _Run, stage: str, epochs: int, size: int, rate: float) -> Progress:
    """The pass that was just judged."""
    ndcg, left = run.ndcgs[-1] if run.ndcgs else math.nan, size * (epochs - run.epoch) / rate
    return Progress(
        stage, run.epoch, epochs, size, size, run.losses[-1], ndcg, rate, left, str(run.on)
    )


def _one_step(
    run: _Run,
    batch: Batch,
    states: Carried,
    negatives: Negatives | None,
    rate: float,
    contrast: Contrast | None,
    teacher: Teacher | None,
) -> tuple[float, int, Carried]:
    interests, states, beside = _read(run.net, batch, states)
    told = None if teacher is None else teacher(batch)
    wanted = batch.target >= 0
    count = int(wanted.sum())
    of_all = total(count, run.on.device)
    if not of_all:
        return 0.0, 0, states
    loss = 0.0 * interests.sum()
    if count:
        taught = None if teacher is None or told is None else teacher.taught(told[wanted])
        loss = next_item_loss(
            run.net, interests[wanted], batch.target[wanted], negatives, run.on.products, taught
        )
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.optimiser.zero_grad(set_to_none=True)
    whole = loss * (count / of_all) + beside / ranks()  # means over every process's targets
    if contrast is not None:
        whole = whole + contrast(run.net, run.rng) / ranks()
    whole.backward()  # type: ignore[no-untyped-call]
    add_up(run.module.parameters())
    agree(run.module.buffers())
    torch.nn.utils.clip_grad_norm_(run.module.parameters(), 1.0)
    run.optimiser.step()
    run.step += 1
    return float(loss.detach()), count, states


def _read(net: SequenceNet, batch: Batch, states: Carried) -> tuple[Tensor, Carried, Tensor]:
    """Interests, what is carried on, and what is to be learned beside the next item."""
    if isinstance(net, ForetellingNet) and net.behaviour is not None:
        interests, ends, latest = net.heard(batch.packed, states)
        inside = torch.from_numpy(batch.place >= 0).to(latest.device)
        beside = net.behaviour.loss(latest, batch.packed, inside)
        return interests, ends, net.behaviour_weight * beside
    interests, ends = net(batch.packed, states)
    return interests, ends, interests.new_zeros(())


def next_item_loss(
    net: SequenceNet,
    interests: Tensor,
    target: Tensor,
    negatives: Negatives | None,
    products: torch.dtype = torch.float32,
    taught: Taught | None = None,
) -> Tensor:
    """Cross entropy of the next item over all items, or over it and those drawn: (M, K, D).

    The sampled form estimates the full one, each of the `negatives` standing for many. Of several
    interests the loss is that of what they serve, max_k: the one nearest to the target learns from
    it (Li et al., MIND, CIKM 2019, eq. 6, with its power at infinity), and the one nearest to any
    other item learns to let it go.
    """
    table, bias = net.events.items.weight, net.events.item_bias
    if negatives is None and interests.shape[1] == 1:
        return full_cross_entropy(interests[:, 0], table, bias, target, products, taught)
    if negatives is None:
        return full_cross_entropy_of_several(interests, table, bias, target, products, taught)
    drawn = negatives.draw()
    logits = _drawn_logits(interests, table, bias, target, drawn)
    loss = F.cross_entropy(logits, torch.zeros_like(target))
    if taught is None:
        return loss
    other = _drawn_logits(taught.queries, taught.table, taught.bias, target, drawn)
    of_other = F.cross_entropy(logits, other.softmax(1))
    return (1 - taught.weight) * loss + taught.weight * of_other


def _drawn_logits(
    interests: Tensor, table: Tensor, bias: Tensor, target: Tensor, drawn: Drawn
) -> Tensor:
    """(M, 1 + N') of each target, then of the items drawn."""
    right = (interests * F.embedding(target, table)[:, None]).sum(-1).amax(1) + bias[target]
    items = drawn.items
    wrong = (interests @ F.embedding(items, table).T).amax(1) + bias[items]  # (M, K, N') -> (M, N')
    wrong = (wrong + drawn.more).masked_fill(items[None] == target[:, None], -1e9)
    return torch.cat([right[:, None], wrong], 1)


def _rate(highest: float, step: int, steps: int) -> float:
    rise = min(1.0, (step + 1) / max(1, min(100, steps // 5)))
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))
    return highest * rise * (0.95 * fall + 0.05)


def _judge(run: _Run, held: Held | None, query_time: bool) -> None:
    if held is None:
        run.best_epoch = run.epoch
        return
    ndcg = as_first(ndcg_at_10(run.net, held, query_time), run.on.device)
    run.ndcgs.append(ndcg)
    if ndcg > run.best:
        run.best, run.best_epoch = ndcg, run.epoch
        run.best_weights = {k: v.detach().clone() for k, v in run.module.state_dict().items()}


def _keeper(run: _Run, path: Path | None, every_s: float) -> Callable[[], None]:
    """Saves `run` when it is called and that long was not."""
    saved_s = time.monotonic()

    def keep() -> None:
        nonlocal saved_s
        due = path is not None and time.monotonic() - saved_s >= every_s
        if as_first(due, run.on.device):
            _save(run, path)
            saved_s = time.monotonic()

    return keep


def _save(run: _Run, path: Path | None) -> None:
    """By process 0; every other one tells it where its chance stands."""
    chances = everyones(torch.get_rng_state())
    if run.on.device.type == "cuda":
        there = everyones(torch.cuda.get_rng_state(run.on.device))
    else:
        there = []
    carried = gathered([s.detach().cpu() for s in run.within.states] if run.within else [])
    if path is None or rank():
        return
    tensors = {f"net.{k}": v for k, v in run.module.state_dict().items()}
    tensors |= {f"best.{k}": v for k, v in run.best_weights.items()}
    for number, moments in run.optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{k}": v for k, v in moments.items()}
    tensors |= {f"chance {of}": state for of, state in enumerate(chances)}
    tensors |= {f"chance {of} there": state for of, state in enumerate(there)}
    for of, states in enumerate(carried):
        tensors |= {f"carried {of} of {ranks()}.{n}": state for n, state in enumerate(states)}
    facts: dict[str, Any] = {
        "epoch": run.epoch,
        "best": run.best if math.isfinite(run.best) else None,
        "best_epoch": run.best_epoch,
        "losses": run.losses,
        "ndcgs": run.ndcgs,
        "step": run.step,
        "rng": run.rng.bit_generator.state,
        "rates": run.rates,
        "told": run.told,
        "within": None if run.within is None else {**vars(run.within), "states": None},
    }
    save_checkpoint(path, tensors, facts)


def _resume(run: _Run, path: Path) -> None:
    tensors, facts = load_checkpoint(path)
    if other := differing(run.told, facts.get("told", {})):
        raise ArtifactError(
            f"{path} is of another training: its {other} differ; train without resuming"
        )
    part = _parts(tensors)
    run.module.load_state_dict(part["net"])
    run.best_weights = part.get("best", {})
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part["adam"].items():
        number, key = name.split(".", 1)
        moments.setdefault(int(number), {})[key] = tensor
    groups = run.optimiser.state_dict()["param_groups"]
    run.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    chance = f"chance {rank()}"
    if chance in tensors:
        torch.set_rng_state(tensors[chance])
    else:  # more processes than there were
        torch.manual_seed(torch.initial_seed() + facts["step"])
    if run.on.device.type == "cuda" and f"{chance} there" in tensors:
        torch.cuda.set_rng_state(tensors[f"{chance} there"], run.on.device)
    run.rng.bit_generator.state = facts["rng"]
    run.epoch, run.best_epoch, run.step = facts["epoch"], facts["best_epoch"], facts["step"]
    run.best = -math.inf if facts["best"] is None else facts["best"]
    run.losses, run.ndcgs = list(facts["losses"]), list(facts["ndcgs"])
    run.rates = list(facts["rates"])
    if facts.get("within") is not None:
        own = part.get(f"carried {rank()} of {ranks()}", {})  # of other lanes, nothing is
        states = [own[str(n)].to(run.on.device) for n in range(len(own))]
        run.within = _Pass(**{**facts["within"], "states": states})


def _parts(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if "." in name:
            head, rest = name.split(".", 1)
            parts.setdefault(head, {})[rest] = tensor
    return parts
