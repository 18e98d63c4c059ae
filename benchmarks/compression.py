"""What a compressed item table costs: NDCG@10 on later events, bytes, time of a whole search.

    python benchmarks/compression.py path/to/ml-100k --seeds 0,1,2 --out compression.json

For each seed the default model is trained on the events before the cut, once; its table is then
float32, int8 and pq, made by those events alone. Each later event is ranked by the interest search
alone among all items, by a state that was folded with the vectors of that table: row `state` of the
headline protocol.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from penchant.cli.evaluate import case_of, given_data
from penchant.cli.settings import Settings
from penchant.core.contracts import Head, Reading
from penchant.core.ids import START
from penchant.core.interests import Interests, Table
from penchant.core.taken import TakenItems
from penchant.engine.compress import compressed, table_bytes, use_of
from penchant.engine.learned import TABLES, Learned, load_learned, save_learned
from penchant.engine.replay import Replay
from penchant.engine.stages import Live, learned_stages
from penchant.evaluation.case import Case
from penchant.evaluation.contest import masked_rows
from penchant.evaluation.speed import spread_ms, timed
from penchant.evaluation.successive import targets_of
from penchant.measures.intervals import difference_interval
from penchant.measures.ranking import mean_rank, ndcg
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.interest_search import InterestSearch
from penchant.retrieval.product_table import ProductTable

FOUND = 100
"""Items that a search finds."""
DIM = 64
SEARCHES = 200


def trained(case: Case, seed: int, keep: Path | None) -> Learned:
    """What training gives; with `keep` it is read from there, or left there for the next time."""
    folder = None if keep is None else keep / f"seed-{seed}"
    if folder is not None and folder.exists():
        return load_learned(folder)
    learned = case.learn(seed)
    if folder is not None:
        folder.mkdir(parents=True)
        save_learned(learned, folder)
    return learned


def later_gains(case: Case, learned: Learned) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """NDCG@10 of each later event by the interest search alone, (Q,), and whose event it is."""
    n_items = len(case.columns.items)
    stages = learned_stages(learned, case.signals, Live(n_items), n_items)
    replay = Replay(stages, None, case.columns, case.signals)
    targets = targets_of(replay.features, case.cut)
    source, ranks = stages.sources[learned.model], []
    for at in targets.tolist():
        replay.move_to(at)
        reading = replay.reading(int(case.columns.user[at]), float(case.columns.time_s[at]))
        masked = np.array(masked_rows(reading, learned.repeats), np.intp)
        row = int(case.columns.row[at])
        ranks.append(mean_rank(source.score(reading, slice(None)), row, masked))
    return ndcg(np.array(ranks), 10), case.columns.user[targets]


def quality(case: Case, seeds: Sequence[int], keep: Path | None) -> dict[str, Any]:
    """NDCG@10 by table, seed by seed, and what it has lost of float32's, with its interval."""
    gains: dict[str, list[NDArray[np.float64]]] = {}
    sizes: dict[str, Mapping[str, int]] = {}
    user = np.zeros(0, np.int32)
    for seed in seeds:
        learned = trained(case, seed, keep)
        use = use_of(learned, case.before, case.signals)
        coded = {kind: compressed(learned, kind, use=use) for kind in TABLES}
        tables = {"float32": learned, **coded}
        for kind, one in tables.items():
            found, user = later_gains(case, one)
            gains.setdefault(kind, []).append(found)
            sizes[kind] = table_bytes(one)
    whole = np.mean(gains["float32"], axis=0)
    made: dict[str, Any] = {"events": len(user), "items": len(case.columns.items), "tables": {}}
    for kind, each in gains.items():
        mean = np.mean(each, axis=0)
        apart = difference_interval(mean, whole, user, np.random.default_rng(0))
        made["tables"][kind] = {
            **sizes[kind],
            "ndcg@10": round(float(mean.mean()), 5),
            "by_seed": [round(float(one.mean()), 5) for one in each],
            "change": round(float(mean.mean() / whole.mean() - 1), 5),
            "change_ci95": [round(edge / whole.mean(), 5) for edge in (apart.low, apart.high)],
        }
    return made


def speed(n_items: int, seed: int = 0) -> dict[str, Any]:
    """A whole search of generated vectors, one after another in turn, and the best items shared."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n_items, DIM)).astype(np.float32)
    known = np.ones(n_items, bool)
    began: dict[str, float] = {}
    tables: dict[str, Table] = {"float32": vectors}

    def make(kind: str) -> None:
        fit = {
            "int8": lambda: Int8Table.fit(vectors),
            "pq": lambda: ProductTable.fit(vectors, known, np.random.default_rng(0)),
        }
        tables[kind] = fit[kind]()

    for kind in TABLES:
        began[kind] = round(timed(partial(make, kind)), 2)
    sources = {kind: InterestSearch("one", table) for kind, table in tables.items()}
    times: dict[str, list[float]] = {kind: [] for kind in tables}
    for _ in range(SEARCHES):
        reading = reading_of(rng.normal(size=(1, DIM)).astype(np.float32))
        for kind, source in sources.items():
            times[kind].append(timed(lambda: source.look([reading])[0].find(known, FOUND)))  # noqa: B023
    return {
        "vectors": "generated",
        "items": n_items,
        "dim": DIM,
        "found": FOUND,
        "search_ms": {kind: spread_ms(each) for kind, each in times.items()},
        "compress_s": began,
    }


def reading_of(directions: NDArray[np.float32]) -> Reading:
    """Somebody with these interests and nothing else."""
    own = Interests(directions, np.ones(len(directions), np.float32))
    return Reading({"one": own}, (), TakenItems(), frozenset(), 0.0, Head(START, 0))


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="a folder, a file, or the name of bundled data")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--keep", type=Path, help="a folder for trained models, read if there")
    parser.add_argument("--items", type=int, default=100_000, help="of the search that is timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    settings = Settings()
    case = case_of(given_data(args.data, None, ({}, None, None), settings), settings)
    seeds = [int(seed) for seed in args.seeds.split(",")]
    result = {
        "data": case.name,
        "protocol": "successive",
        "variant": "state",
        "seeds": seeds,
        **quality(case, seeds, args.keep),
        "speed": speed(args.items),
    }
    print(json.dumps(result))
    if args.out is not None:
        args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
