"""Ours beside a peer, target by target: the difference of NDCG@10 and its interval.

    python ../states.py path/to/ml-1m --order seq_untied --models transformer --ranks ours.parquet
    PYTHONPATH=../../src python paired.py runs/rectools-hstu-ml-1m-successive-0 ours.parquet

Users are drawn, not targets; several seeds of ours are averaged first.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl
from history import TEST, Split
from judge import HERE, RunError, check, split_of

from penchant.measures.intervals import Interval, mean_interval
from penchant.measures.ranking import ndcg


def paired(ranks: pl.DataFrame, ours: pl.DataFrame, split: Split) -> Interval:
    """Mean of our NDCG@10 less the peer's. Raises `RunError` where the targets are not the same."""
    test = split.chosen(TEST)
    at, item = (split.target[name][test] for name in ("at", "item"))
    if not (np.array_equal(ours["at"], at) and np.array_equal(ours["item"], item)):
        raise RunError("the ranks are of other targets than those of the split")
    seeds = [name for name in ours.columns if name.startswith("rank_")]
    gains = np.mean([ndcg(ours[name].to_numpy(), 10) for name in seeds], axis=0)
    less = gains - ndcg(ranks["rank"].to_numpy(), 10)
    return mean_interval(less, split.target["user"][test], np.random.default_rng(0))


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="a folder with run.json and ranks.parquet")
    parser.add_argument("ours", type=Path, help="of `states.py --ranks`")
    parser.add_argument("--splits", type=Path, default=HERE / "splits")
    given = parser.parse_args()
    run, split = split_of(given.run, given.splits)
    ranks = pl.read_parquet(given.run / "ranks.parquet")
    check(run, ranks, split, split.chosen(TEST))
    found = paired(ranks, pl.read_parquet(given.ours), split)
    told = {name: run[name] for name in ("peer", "model", "seed", "data")}
    print(json.dumps({**told, "ours_less_its": found._asdict()}))


if __name__ == "__main__":
    main()
