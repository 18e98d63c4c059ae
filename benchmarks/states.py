"""`successive` for sequence models alone: trained as for the engine, later events ranked at once.

    python benchmarks/states.py path/to/ml-1m --order seq_untied --models transformer,recurrent

The row `state` of `penchant evaluate` without a replay, a blend or any other row, so that a machine
with an accelerator spends its time on training. What a net reads of a whole history at once is what
its `step` computes event by event; an event on an item without a vector is heard by neither.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from penchant.cli.evaluate import case_of, given_data
from penchant.cli.settings import load_settings
from penchant.engine.replay import cut_at
from penchant.evaluation.case import Case
from penchant.evaluation.net_ranks import Asked, net_ranks
from penchant.evaluation.shuffle import shuffled
from penchant.evaluation.successive import targets_of
from penchant.features.reader import EventReader, FeatureColumns
from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import hr, ndcg
from penchant.training.config import ModelName, TrainingConfig
from penchant.training.distil import train_model
from penchant.training.prepare import Prepared, prepare
from penchant.training.sequence import Trained
from penchant.training.teacher import net_of


def learned(case: Case, training: TrainingConfig, seed: int) -> tuple[Prepared, Trained, Trained]:
    """As `penchant train`: passes chosen on the latest events before the cut, then on all."""
    columns = case.before
    early = columns.take(columns.time_s < cut_at(columns.time_s, 1 - training.held_out))
    first = prepare(early, case.signals, case.keeps, columns)
    types = len(first.reader.types)
    chosen = train_model(first.histories, first.items, types, training, seed, first.held)
    whole = prepare(columns, case.signals, case.keeps)
    types = len(whole.reader.types)
    final = train_model(whole.histories, whole.items, types, training, seed, chosen=chosen)
    return whole, chosen, final


def asked_of(case: Case, f: FeatureColumns) -> tuple[Asked, NDArray[np.bool_]]:
    """Targets, what leaves each contest, and which of them are the first of their instant, (Q,)."""
    targets = targets_of(f, case.cut)
    order = np.argsort(f.user, kind="stable")
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    row, time_s, users = f.row[order], f.time_s[order], f.user[order]
    hides = np.array([case.signals[name].hides for name in case.columns.types])
    hidden = hides[case.columns.type][order]
    takes = f.weight[order] != 0
    begins, masked = np.searchsorted(users, f.user[targets]), []
    for begin, end in zip(begins, place[targets], strict=True):
        out = hidden if case.keeps else hidden | takes
        gone = row[begin:end][out[begin:end]]
        masked.append(np.unique(gone[gone >= 0]).astype(np.intp))
    before = np.where(place[targets] > begins, time_s[place[targets] - 1], np.nan)
    return Asked(targets, masked), np.asarray(before != f.time_s[targets])


def dealt(case: Case, seed: int) -> Case:
    """Each user's events in another order, as `--protocol shuffle` deals them."""
    held = cut_at(case.before.time_s, 1 - case.training.held_out)
    columns, _ = shuffled(case.columns, (held, case.cut), np.random.default_rng(seed))
    return replace(case, columns=columns)


def judged(
    case: Case,
    model: ModelName,
    seeds: list[int],
    shuffle: bool = False,
    to: Path | None = None,
) -> list[dict[str, Any]]:
    """A row over all targets, and one over the first of each instant; ranks are written `to`."""
    training = case.training.model_copy(update={"model": model})
    ranks: list[NDArray[np.float64]] = []
    runs, first, users = [], np.zeros(0, bool), np.zeros(0, np.int32)
    targets: dict[str, NDArray[Any]] = {}
    ordered = case
    for seed in seeds:
        case = dealt(ordered, seed) if shuffle else ordered
        ready, chosen, final = learned(case, training, seed)
        types = len(ready.reader.types)
        net = net_of(model, ready.items, types, training.sizes, training.schedule, final.weights)
        f = ready.reader.columns(case.columns)
        asked, first = asked_of(case, f)
        users = f.user[asked.at]
        targets = {"at": asked.at, "item": f.row[asked.at]}
        ranks.append(net_ranks(net, f, asked, ready.met, training.sizes.query_time))
        run = {"passes": chosen.epochs, "events_per_s": round(final.events_per_s)}
        runs.append({"seed": seed, **run, "hardware": final.hardware})
        print(f"{model}, seed {seed}: {ndcg(ranks[-1], 10).mean():.5f} {runs[-1]}", flush=True)
    if to is not None:
        columns = {f"rank_{seed}": rank for seed, rank in zip(seeds, ranks, strict=True)}
        pl.DataFrame({**targets, **columns}).write_parquet(to)
    subsets = {"all": np.ones(len(users), bool), "first_of_group": first}
    return [
        {
            "model": model,
            "subset": subset,
            "shuffled": shuffle,
            **row_of(np.stack(ranks)[:, kept], users[kept]),
            "runs": runs,
        }
        for subset, kept in subsets.items()
    ]


def row_of(ranks: NDArray[np.float64], users: NDArray[np.int32]) -> dict[str, Any]:
    """Figures of ranks by seed and target, (S, Q), as `penchant evaluate` reports them."""
    gains = ndcg(ranks, 10)
    interval = mean_interval(gains.mean(0), users, np.random.default_rng(0))
    return {
        "variant": "state",
        "ndcg@10": round(float(gains.mean()), 5),
        "hr@10": round(float(hr(ranks, 10).mean()), 5),
        "ci95": [round(interval.low, 5), round(interval.high, 5)],
        "by_seed": [round(float(g), 5) for g in gains.mean(1)],
    }


def main() -> None:
    """Train and judge each model with each seed, and write one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="a folder, a file, or the name of bundled data")
    parser.add_argument("--order", help="a column with the true order of each user's events")
    parser.add_argument("--models", default="recurrent")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--config", type=Path, help="settings, as of `penchant evaluate`")
    parser.add_argument("--shuffle", action="store_true", help="each user's events first")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ranks", type=Path, help="every target's rank, of one model, as parquet")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = load_settings(args.config)
    case = case_of(given_data(args.data, None, ({}, args.order, None), settings), settings)
    seeds = [int(seed) for seed in args.seeds.split(",")]
    known = EventReader.fit(case.signals, case.before)
    facts = {
        "data": case.name,
        "protocol": "successive",
        "repeats": "keep" if case.keeps else "drop",
        "cut": case.cut,
        "seeds": seeds,
        "events": len(targets_of(known.columns(case.columns), case.cut)),
    }
    rows: list[dict[str, Any]] = []
    for model in args.models.split(","):
        rows += judged(case, cast(ModelName, model), seeds, args.shuffle, args.ranks)
        if args.out is not None:
            args.out.write_text(
                json.dumps({**facts, "rows": rows}, indent=1) + "\n", encoding="utf-8"
            )
    print(json.dumps({**facts, "rows": rows}))


if __name__ == "__main__":
    main()
