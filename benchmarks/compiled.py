"""One training step as torch runs it and as `torch.compile` makes it, in turn, on this hardware.

python benchmarks/compiled.py path/to/ml-1m --models recurrent,transformer
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from penchant.cli.evaluate import case_of, given_data
from penchant.cli.settings import load_settings
from penchant.interests.nets import NETS
from penchant.interests.sequence_net import Carried
from penchant.training.config import ModelName, TrainingConfig
from penchant.training.hardware import hardware
from penchant.training.prepare import Prepared, prepare
from penchant.training.sequence import next_item_loss
from penchant.training.streams import Batch, batches

Forward = Callable[[Any, Carried], tuple[Tensor, Carried]]


class Steps:
    """Training steps of one net, with or without compilation, over the same batches."""

    def __init__(self, ready: Prepared, training: TrainingConfig, compiled: bool) -> None:
        torch.manual_seed(0)
        self._on = hardware(training.schedule.precision)
        self._net = NETS[training.model](ready.items, len(ready.reader.types), training.sizes)
        self._module = cast(nn.Module, self._net).to(self._on.device).train()
        forward = torch.compile(self._module, dynamic=False) if compiled else self._module
        self._forward = cast(Forward, forward)
        self._optimiser = torch.optim.AdamW(self._module.parameters(), lr=1e-3, fused=True)
        self._states: Carried = []
        self._reads = self._endless(ready, training)

    def _endless(self, ready: Prepared, training: TrainingConfig) -> Iterator[Batch]:
        rng, schedule = np.random.default_rng(0), training.schedule
        while True:
            yield from batches(ready.histories, schedule.lanes, schedule.length, rng)

    def take(self, count: int) -> float:
        """Seconds of that many steps."""
        began = time.perf_counter()
        for _ in range(count):
            batch = next(self._reads).to(self._on.device)
            if batch.fresh:
                self._states = self._net.start(batch.target.shape[1])
            interests, self._states = self._forward(batch.packed, self._states)
            wanted = batch.target >= 0
            loss = next_item_loss(
                self._net, interests[wanted], batch.target[wanted], None, self._on.products
            )
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._module.parameters(), 1.0)
            self._optimiser.step()
            float(loss.detach())
        return time.perf_counter() - began


def row(ready: Prepared, training: TrainingConfig, steps: int, rounds: int) -> dict[str, Any]:
    """Milliseconds a step, medians of the rounds, and what the first steps cost more."""
    ways = {way: Steps(ready, training, way == "compiled") for way in ("eager", "compiled")}
    first_s = {way: taken.take(8) for way, taken in ways.items()}
    each: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, taken in ways.items():
            each[way].append(1e3 * taken.take(steps) / steps)
    return {
        "model": training.model,
        "hardware": str(hardware(training.schedule.precision)),
        "first_8_steps_s": {way: round(s, 1) for way, s in first_s.items()},
        "ms_a_step": {way: round(float(np.median(ms)), 1) for way, ms in each.items()},
    }


def main() -> None:
    """Measure each model, and write one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="a folder, a file, or the name of bundled data")
    parser.add_argument("--models", default="recurrent,transformer")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = load_settings(None)
    case = case_of(given_data(args.data, None, ({}, None, None), settings), settings)
    ready = prepare(case.before, case.signals, case.keeps)
    rows = []
    for name in args.models.split(","):
        training = settings.training.model_copy(update={"model": cast(ModelName, name)})
        rows.append(row(ready, training, args.steps, args.rounds))
        print(rows[-1], flush=True)
    if args.out:
        args.out.write_text(
            json.dumps({"data": case.name, "torch": torch.__version__, "rows": rows}, indent=1)
            + "\n"
        )


if __name__ == "__main__":
    main()
