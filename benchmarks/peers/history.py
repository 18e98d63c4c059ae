"""What every peer script shares: the split read, prefixes and filter of targets, ranks written.

Runs in the environment of each peer: NumPy and polars are all it needs beside `penchant.measures`,
whose `mean_rank` ranks every target (PYTHONPATH=src; the package itself is not installed there).
"""

import argparse
import fcntl
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from penchant.measures.ranking import mean_rank, ndcg

TRAIN, VALID, TEST = 0, 1, 2
TOP: Final = 100
"""Ids written per target, so that a ranking can be looked at and checked against its rank."""


@dataclass(frozen=True)
class Split:
    """A folder of `split.py`: events grouped by user, in order; arrays are (T,) or (Q,)."""

    facts: Mapping[str, Any]
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time_s: NDArray[np.float64]
    positive: NDArray[np.bool_]
    hides: NDArray[np.bool_]
    part: NDArray[np.int8]
    target: Mapping[str, NDArray[Any]]
    """`user`, `item`, `place`, `time_s`, `part` of each target, (Q,) each."""

    @classmethod
    def read(cls, folder: Path) -> "Split":
        """The split back from its files."""
        events = pl.read_parquet(folder / "events.parquet")
        names = ("user", "item", "time_s", "positive", "hides", "part")
        columns = [events[name].to_numpy() for name in names]
        targets = pl.read_parquet(folder / "targets.parquet")
        wanted = {name: targets[name].to_numpy() for name in targets.columns}
        return cls(json.loads((folder / "split.json").read_text()), *columns, wanted)

    @property
    def n_items(self) -> int:
        """Rows of the catalogue."""
        return int(self.facts["items"])

    def chosen(self, part: int) -> NDArray[np.intp]:
        """Numbers of the targets that validate or test."""
        return np.flatnonzero(self.target["part"] == part)

    def learnable(self, last: int) -> NDArray[np.intp]:
        """Positive events of the parts up to `last`: what a peer may learn from, (T',)."""
        return np.flatnonzero(self.positive & (self.part <= last))

    def before(self, number: int) -> slice:
        """The events of a target's user that come before it."""
        begin = int(np.searchsorted(self.user, self.target["user"][number]))
        return slice(begin, begin + int(self.target["place"][number]))

    def prefix(self, number: int, last: int | None = None) -> NDArray[np.intp]:
        """Where in the events the user's positive ones before the target are; `last` at most."""
        span = self.before(number)
        places = span.start + np.flatnonzero(self.positive[span])
        return places if last is None else places[-last:]

    def masked(self, number: int) -> NDArray[np.int32]:
        """Items that leave the contest: dismissed ones, and where repeats drop all taken ones."""
        span = self.before(number)
        items = self.item[span]
        return items if self.facts["repeats"] == "drop" else items[self.hides[span]]


Score = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""Scores of all items for some targets, (B,) -> (B, N); -inf where a peer knows no such item."""


@dataclass(frozen=True)
class Ranked:
    """0-based ranks of targets (Q,), and their best items (Q, TOP), -1 where there are no more."""

    rank: NDArray[np.float64]
    tied: NDArray[np.int32]
    """(Q,) rivals that score what the target scores, after the filter."""
    top: NDArray[np.int32]


def ranked(split: Split, targets: NDArray[np.intp], score: Score, chunk: int = 256) -> Ranked:
    """Rank each target over the whole catalogue after the filter, some at a time."""
    rank = np.empty(len(targets))
    tied = np.zeros(len(targets), np.int32)
    top = np.full((len(targets), TOP), -1, np.int32)
    for begin in range(0, len(targets), chunk):
        some = targets[begin : begin + chunk]
        scores = score(some)
        if scores.shape != (len(some), split.n_items):
            raise ValueError(f"scores {scores.shape}; expected {(len(some), split.n_items)}")
        for row, number in enumerate(some):
            masked, item = split.masked(int(number)), int(split.target["item"][number])
            rank[begin + row] = mean_rank(scores[row], item, masked)
            equal = scores[row] == scores[row, item]
            tied[begin + row] = equal.sum() - equal[np.union1d(masked, [item])].sum()
            best = _best(scores[row], masked)
            top[begin + row, : len(best)] = best
    return Ranked(rank, tied, top)


def _best(scores: NDArray[np.float32], masked: NDArray[np.int32]) -> NDArray[np.int32]:
    left = scores.copy()
    left[masked] = -np.inf
    k = min(TOP, len(left))
    some = np.argpartition(-left, k - 1)[:k]
    some = some[np.lexsort((some, -left[some]))]
    return some[np.isfinite(left[some])].astype(np.int32)


def ndcg_at_10(split: Split, score: Score, targets: NDArray[np.intp], chunk: int = 256) -> float:
    """Mean over some targets."""
    return float(ndcg(ranked(split, targets, score, chunk).rank, 10).mean())


class Turn:
    """Whose epoch it is, where several runs share a machine: each waits until it holds the file.

    Without a file every run goes on as if it were alone. `pause_s`, for which a turn is given up,
    has to be shorter than an epoch.
    """

    def __init__(self, path: Path | None, pause_s: float = 0.5) -> None:
        self.path = path
        self.pause_s = pause_s
        self.file: IO[bytes] | None = None
        self.waited_s = 0.0

    def __enter__(self) -> Self:
        if self.path is not None:
            self.file = self.path.open("ab")
            self._wait(self.file)
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def pass_on(self) -> None:
        """Let another run have an epoch, if one waits."""
        if self.file is not None:
            fcntl.flock(self.file, fcntl.LOCK_UN)
            time.sleep(self.pause_s)
            self._wait(self.file)

    def _wait(self, file: IO[bytes]) -> None:
        begun = time.monotonic()
        fcntl.flock(file, fcntl.LOCK_EX)
        self.waited_s += time.monotonic() - begun


def options(about: str | None, models: Sequence[str]) -> argparse.ArgumentParser:
    """What every sequence model is asked on the command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", choices=models, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--patience", type=int, default=10)
    parser.add_argument("--turn", type=Path, help="file of which runs take turns, epoch by epoch")
    return parser


def favouring(parser: argparse.ArgumentParser) -> None:
    """Ask whether a peer may see test targets while it trains: the most it can reach in one run."""
    parser.add_argument(
        "--favour",
        type=int,
        default=0,
        metavar="TARGETS",
        help="in place of validation and refit: train on all before the test at once, and take "
        "the epoch that is best on so many of the test's own targets",
    )


def favoured(split: Split, targets: int) -> NDArray[np.intp]:
    """Some of the test's own targets, the same of every run."""
    drawn = np.random.default_rng(0).permutation(split.chosen(TEST))
    return np.sort(drawn[:targets])


class Best:
    """Early stopping: keeps what was best on the targets that validate, and says when to stop."""

    def __init__(self, patience: int, epochs: int, limit_s: float, turn: Turn) -> None:
        self.patience, self.epochs, self.limit_s = patience, epochs, limit_s
        self.turn = turn
        self.seen: list[float] = []
        self.train_s: list[float] = []
        self.kept: Any = None
        self.stopped = ""
        self._begun = time.monotonic()

    @property
    def epoch(self) -> int:
        """The best epoch, from 1; 0 before any was seen."""
        return int(np.argmax(self.seen)) + 1 if self.seen else 0

    def late(self) -> bool:
        """Whether the time is up, validation included, waiting for a turn not."""
        return time.monotonic() - self._begun - self.turn.waited_s > self.limit_s

    def saw(self, figure: float, train_s: float, keep: Callable[[], Any]) -> bool:
        """Take an epoch's figure and training seconds; True: stop."""
        self.seen.append(figure)
        self.train_s.append(train_s)
        if self.epoch == len(self.seen):
            self.kept = keep()
        print(f"epoch {len(self.seen)}: ndcg@10 {figure:.4f}, {train_s:.1f} s", flush=True)
        if len(self.seen) - self.epoch >= self.patience:
            self.stopped = "patience"
        elif len(self.seen) >= self.epochs:
            self.stopped = "epochs"
        elif self.late():
            self.stopped = "time"
        return bool(self.stopped)


@dataclass
class Training:
    """How a peer was trained: what the judge reports beside its figures."""

    events_per_epoch: int
    """Events that are predicted in one epoch, none of them padding."""
    epoch_s: Sequence[float]
    """Seconds of each epoch, validation left out."""
    valid: Sequence[float]
    """NDCG@10 on the targets that validate, after each epoch."""
    epochs: int
    """Epochs of the weights that were judged."""
    stopped: str
    """patience, epochs (the most allowed), time (the limit: it might still have improved), none."""
    refitted: bool
    """Whether it was trained afresh on the validating events too, for as many epochs."""


def write(
    out: Path,
    split: Split,
    test: Ranked,
    training: Training,
    told: Mapping[str, Any],
) -> None:
    """Write `ranks.parquet` and `run.json`."""
    write_run(out, split, training, told)
    table = {
        "target": split.target["target"][split.chosen(TEST)],
        "rank": test.rank,
        "tied": test.tied,
        "top": test.top,
    }
    pl.DataFrame(table).write_parquet(out / "ranks.parquet")


def write_run(out: Path, split: Split, training: Training, told: Mapping[str, Any]) -> None:
    """Write `run.json`; `told` has peer, model, seed, settings, packages."""
    out.mkdir(parents=True, exist_ok=True)
    packages = told["packages"]
    run = {
        **{name: value for name, value in told.items() if name != "packages"},
        "data": split.facts["data"],
        "protocol": split.facts["protocol"],
        "split": split.facts["digest"],
        "training": {
            "events_per_epoch": training.events_per_epoch,
            "epoch_s": [round(s, 2) for s in training.epoch_s],
            "valid_ndcg@10": [round(v, 5) for v in training.valid],
            "epochs": training.epochs,
            "stopped": training.stopped,
            "refitted": training.refitted,
        },
        "versions": {name: metadata.version(name) for name in packages},
        "machine": {
            "cores": os.cpu_count(),
            "threads": int(os.environ.get("OMP_NUM_THREADS", "0")),
            "load_at_end": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
    }
    (out / "run.json").write_text(json.dumps(run, indent=1) + "\n")
