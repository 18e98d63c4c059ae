"""What each change for sparse data, or a teacher, gives: rows that differ in one thing.

    python benchmarks/ablations.py amazon-beauty path/to/amazon-beauty-5core-order --seeds 0
    python benchmarks/ablations.py ml-100k path/to/ml-100k --seeds 0,1 --out results.json
    python benchmarks/ablations.py ml-100k path/to/ml-100k --teacher transformer --rows plain,taught

Every row has the same passes, the same early stopping on the same later events, and the same seeds.
The test is read once, at the pass that was best on the later events before it.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from penchant.core.ids import ItemId
from penchant.core.signals import SHIPPED
from penchant.engine.learned import Learned, load_learned
from penchant.features.reader import EventReader
from penchant.ingest.datasets import open_dataset
from penchant.training.compact import compact_mask, compact_rows
from penchant.training.config import DistilConfig, ModelName, ScheduleConfig, TrainingConfig
from penchant.training.distil import train_model
from penchant.training.sequence import Trained
from penchant.training.streams import Histories, histories
from penchant.training.teacher import net_of
from penchant.training.transfer import transferred
from penchant.training.validation import Held, ndcg_at_10

AUGMENT: Mapping[str, Mapping[str, float | str]] = {
    "crop": {"crop": 0.5},
    "leave out": {"leave_out": 1.0, "leave_out_share": 0.1},
    "mask": {"mask": 1.0, "mask_share": 0.2},
    "reorder": {"reorder": 0.5},
    "noise by neighbours": {"noise": 1.0, "noise_share": 0.1},
    "noise by any": {"noise": 1.0, "noise_share": 0.1, "noise_from": "any"},
    "changed time": {"retime": 0.5},
}
CONTRAST: Mapping[str, Mapping[str, float | str]] = {
    "contrast of views": {"weight": 0.1, "kind": "views"},
    "contrast of same next": {"weight": 0.1, "kind": "same_next"},
}
NEGATIVES: Mapping[str, Mapping[str, str | int]] = {
    "256 uniform negatives": {"negatives_from": "uniform"},
    "256 popular negatives": {"negatives_from": "popular"},
    "256 mixed negatives": {"negatives_from": "mixed"},
}
UNTIMED = ("changed time",)
"""Rows that mean nothing where only the order is known."""


class Task(NamedTuple):
    """What is learned, on what it stops, and on what it is judged."""

    train: Histories
    stop: Held
    test: Held
    items: int
    types: tuple[str, ...]
    ids: tuple[ItemId, ...]
    met: NDArray[np.bool_]  # of `ids`


class Data(NamedTuple):
    """How one data set is read and cut."""

    order: str | None
    split: Callable[[NDArray[np.int32], NDArray[np.float64]], NDArray[np.int8]]
    sizes: Mapping[str, Any]
    schedule: Mapping[str, Any]


def last_of_each(user: NDArray[np.int32], time_s: NDArray[np.float64]) -> NDArray[np.int8]:
    """Leave-one-out: each user's last event is the test (2), the one before it the stop (1)."""
    order = np.lexsort((np.arange(len(user)), time_s, user))
    ends = np.r_[user[order][1:] != user[order][:-1], True]
    before = np.r_[ends[1:], False]
    part = np.zeros(len(user), np.int8)
    part[order] = 2 * ends + before * ~ends
    return part


def by_time(_: NDArray[np.int32], time_s: NDArray[np.float64]) -> NDArray[np.int8]:
    """Successive: training ends at the 0.8 quantile of time, what stops it at 0.9 (1 and 2)."""
    cuts = np.quantile(time_s, (0.8, 0.9))
    return np.searchsorted(cuts, time_s, "right").astype(np.int8)


DATA: Mapping[str, Data] = {
    "amazon-beauty": Data(
        "seq",
        last_of_each,
        {"dropout": 0.4, "learning_rate": 5e-3, "query_time": False},
        {"lanes": 4, "loss": "sampled", "negatives": 1024, "epochs": 12, "patience": 4},
    ),
    "ml-100k": Data(None, by_time, {}, {"epochs": 8, "patience": 3}),
}


def task(path: Path, data: Data, users: float) -> Task:
    """`users`: share of the users, drawn evenly, that is used at all."""
    columns = open_dataset(path, order=data.order, signals=SHIPPED).columns
    if users < 1:
        known = np.unique(columns.user)
        some = np.random.default_rng(0).choice(known, round(users * len(known)), replace=False)
        columns = columns.take(np.isin(columns.user, some))
    part = data.split(columns.user, columns.time_s)
    early = columns.take(part == 0)
    reader = EventReader.fit(SHIPPED, early)
    f = reader.columns(early)
    met = np.zeros(len(columns.items), bool)
    met[f.row[f.row >= 0]] = True

    def held(which: int) -> Held:
        known = reader.columns(columns.take(part <= which))
        late = part[part <= which] == which
        limit = 5_000 if which == 1 else len(part)
        return Held.make(compact_rows(known, met), late, compact_mask(met), False, limit)

    train = histories(compact_rows(f, met))
    ids = tuple(columns.items)
    return Task(train, held(1), held(2), int(met.sum()) + 1, tuple(reader.types), ids, met)


def rows(data: Data) -> dict[str, dict[str, Any]]:
    """Name of a row: what it sets beside the plain schedule."""
    made: dict[str, dict[str, Any]] = {"plain": {}}
    made |= {name: {"augment": dict(how)} for name, how in AUGMENT.items()}
    made |= {name: {"contrast": dict(how)} for name, how in CONTRAST.items()}
    some = {"loss": "sampled", "negatives": 256}
    made |= {name: {**some, **how} for name, how in NEGATIVES.items()}
    if data.order is not None:
        made = {name: how for name, how in made.items() if name not in UNTIMED}
    return made


def measured(
    on: Task,
    data: Data,
    model: ModelName,
    change: Mapping[str, Any],
    seed: int,
    source: Learned | None = None,
    taught: DistilConfig | None = None,
) -> dict[str, float]:
    """One run: NDCG@10 on both kinds of later events, passes and seconds."""
    schedule = ScheduleConfig(**{**data.schedule, **change})
    settings = TrainingConfig(schedule=schedule, distil=taught or DistilConfig())
    settings = settings.model_copy(update={"model": model})
    sizes = type(settings.sizes)(**data.sizes)
    settings = settings.model_copy(update={model: sizes})
    begun = None
    if source is not None:
        begun = transferred(source, on.ids, on.met, on.types, model, settings.sizes, seed)
    began = time.monotonic()
    found = train_model(on.train, on.items, len(on.types), settings, seed, on.stop, begun=begun)
    of_teacher: dict[str, float] = {}
    if found.teacher is not None and settings.distil.teacher is not None:
        teaching = settings.model_copy(update={"model": settings.distil.teacher})
        of_teacher = {"teacher ndcg@10": tested(found.teacher, on, teaching)}
    return {
        "seed": seed,
        "ndcg@10": tested(found, on, settings),
        **of_teacher,
        "ndcg@10 to stop by": found.ndcg,
        "pass": found.epochs,
        "passes": len(found.ndcgs),
        "seconds": round(time.monotonic() - began, 1),
    }


def tested(found: Trained, on: Task, settings: TrainingConfig) -> float:
    """NDCG@10 on the test of what was found."""
    sizes, schedule = settings.sizes, settings.schedule
    net = net_of(settings.model, on.items, len(on.types), sizes, schedule, found.weights)
    return ndcg_at_10(net, on.test, settings.sizes.query_time)


def main() -> None:
    """Run the rows asked for, and print one JSON object a row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", choices=DATA)
    parser.add_argument("path", type=Path)
    parser.add_argument("--model", default="recurrent")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--users", type=float, default=1.0, help="share of the users")
    parser.add_argument("--schedule", type=json.loads, default={}, help="other settings, as JSON")
    parser.add_argument("--sizes", type=json.loads, default={}, help="and those of the model")
    parser.add_argument("--rows", help="names, a,b; without it all")
    parser.add_argument("--begin", type=Path, help="an artifact's folder, for a row of its own")
    parser.add_argument("--teacher", help="a model to learn from, for a row of its own: taught")
    parser.add_argument("--weight", type=float, default=0.5, help="of what the teacher answers")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = DATA[args.data]
    data = data._replace(
        sizes={**data.sizes, **args.sizes}, schedule={**data.schedule, **args.schedule}
    )
    on = task(args.path, data, args.users)
    chosen = rows(data)
    source = None if args.begin is None else load_learned(args.begin)
    if source is not None:
        chosen["begun elsewhere"] = {}
    if args.teacher:
        chosen["taught"] = {}
    names = args.rows.split(",") if args.rows else list(chosen)
    result: dict[str, Any] = {
        "data": args.data,
        "users": args.users,
        "model": args.model,
        "sizes": dict(data.sizes),
        "schedule": dict(data.schedule),
        "train_events": len(on.train.events.row),
        "items": on.items - 1,
        "targets": len(on.test.target) + on.test.missed,
        "rows": [],
    }
    for name in names:
        begin = source if name == "begun elsewhere" else None
        taught = None
        if name == "taught":
            taught = DistilConfig(teacher=args.teacher, weight=args.weight)
        runs = [
            measured(on, data, args.model, chosen[name], int(seed), begin, taught)
            for seed in args.seeds.split(",")
        ]
        mean = float(np.mean([run["ndcg@10"] for run in runs]))
        row = {"row": name, "change": chosen[name], "ndcg@10": mean, "runs": runs}
        result["rows"].append(row)
        print(json.dumps(row), flush=True)
        if args.out is not None:
            args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
