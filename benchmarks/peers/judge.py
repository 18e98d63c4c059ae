"""Our measures over the peers' rankings: runs in, JSON rows out, and one table in the README.

    python judge.py RUN... --splits SPLITS --table

A run is refused when it was made on another split, or when its ranks do not agree with the items it
says it would have shown.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from history import TEST, Split
from numpy.typing import NDArray

from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import hr, ndcg

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE.parent / "results" / "peers"
README: Final = HERE.parent / "README.md"
OURS: Final = ("transition", "item_item", "ease_recent", "recurrent", "transformer", "engine")
"""Rows of `penchant evaluate` and of `states.py` that stand in the table beside the peers."""
START, END = "<!-- peers -->\n", "<!-- /peers -->\n"
HEAD: Final = (
    "data",
    "protocol",
    "peer",
    "seed",
    "NDCG@10",
    "95 % interval",
    "HR@10",
    "first of instant",
    "epochs",
    "stopped by",
    "trained events/s",
)


class RunError(Exception):
    """A run that cannot be judged."""


def judged(run: Mapping[str, Any], ranks: pl.DataFrame, split: Split) -> Iterator[dict[str, Any]]:
    """A row over all targets that test, and in `successive` one over the first of each instant."""
    test = split.chosen(TEST)
    check(run, ranks, split, test)
    rank = ranks["rank"].to_numpy()
    users = split.target["user"][test]
    subsets = {"all": np.ones(len(test), bool)}
    if run["protocol"] == "successive":
        subsets["first_of_group"] = split.target["first"][test]
    training = run["training"]
    seconds = float(np.median(training["epoch_s"])) if training["epoch_s"] else None
    for subset, kept in subsets.items():
        if not kept.any():
            continue
        gains = ndcg(rank[kept], 10)
        interval = mean_interval(gains, users[kept], np.random.default_rng(0))
        yield {
            "peer": run["peer"],
            "model": run["model"],
            "data": run["data"],
            "protocol": run["protocol"],
            "order": split.facts["order"],
            "repeats": split.facts["repeats"],
            "split": run["split"],
            "cut": split.facts.get("cut"),
            "seed": run["seed"],
            "subset": subset,
            "targets": int(kept.sum()),
            "ndcg@10": round(float(gains.mean()), 5),
            "hr@10": round(float(hr(rank[kept], 10).mean()), 5),
            "ci95": [round(interval.low, 5), round(interval.high, 5)],
            "events_per_s": round(training["events_per_epoch"] / seconds) if seconds else None,
            "epoch_s": None if seconds is None else round(seconds, 2),
            "epochs": training["epochs"],
            "epochs_seen": len(training["valid_ndcg@10"]),
            "stopped": training["stopped"],
            "refitted": training["refitted"],
            "settings": run["settings"],
            "versions": run["versions"],
            "machine": run["machine"],
        }


def check(
    run: Mapping[str, Any], ranks: pl.DataFrame, split: Split, test: NDArray[np.intp]
) -> None:
    """The same split, every target once, and ranks that agree with the items listed."""
    if run["split"] != split.facts["digest"]:
        raise RunError(f"{run['peer']} ran on split {run['split']}, not {split.facts['digest']}")
    if not np.array_equal(ranks["target"].to_numpy(), split.target["target"][test]):
        raise RunError(f"{run['peer']} ranked other targets than those of the split")
    columns = (ranks["rank"].to_list(), ranks["tied"].to_list(), ranks["top"].to_list())
    for number, rank, tied, top in zip(test, *columns, strict=True):
        item, listed = int(split.target["item"][number]), [one for one in top if one >= 0]
        if len(set(listed)) < len(listed):
            raise RunError(f"target {number}: an item is listed twice")
        if np.isin(listed, split.masked(int(number))).any():
            raise RunError(f"target {number}: an item is listed that was filtered out")
        at = listed.index(item) if item in listed else None
        if at is None and rank + tied / 2 < len(listed):
            raise RunError(f"target {number} has rank {rank} but is not listed")
        if at is not None and abs(at - rank) > tied / 2:
            raise RunError(f"target {number} has rank {rank} but is listed at {at}")


def split_of(folder: Path, splits: Path) -> tuple[dict[str, Any], Split]:
    """What a run tells of itself, and its split, found by the digest."""
    run = json.loads((folder / "run.json").read_text())
    for facts in sorted(splits.glob("*/split.json")):
        if json.loads(facts.read_text())["digest"] == run["split"]:
            return run, Split.read(facts.parent)
    raise RunError(f"{folder} was made on split {run['split']}, which is not in {splits}")


def read_run(folder: Path, splits: Path) -> list[dict[str, Any]]:
    """The rows of one run."""
    run, split = split_of(folder, splits)
    return list(judged(run, pl.read_parquet(folder / "ranks.parquet"), split))


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows over all targets as Markdown, best first on each data set."""
    wanted = list(rows)
    first = {_key(row): row for row in wanted if row["subset"] == "first_of_group"}
    whole = sorted(
        (row for row in wanted if row["subset"] == "all"),
        key=lambda row: (row["data"], row["protocol"], -row["ndcg@10"]),
    )
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(_cells(row, first.get(_key(row)))) + " |" for row in whole]
    return "\n".join(lines) + "\n"


def ours(result: Mapping[str, Any], peers: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of a result of `penchant evaluate` with the data, cut and targets of some peer's."""
    same = ("data", "protocol", "repeats", "cut", "targets")
    here = (*(result[name] for name in same[:-1]), result["events"])
    like = [row for row in peers if tuple(row[name] for name in same) == here]
    for row in result["rows"] if like else ():
        known = row["model"] in OURS and row["variant"] == "state"
        if known and not row.get("shuffled"):
            yield {
                **{name: row[name] for name in ("model", "subset", "ndcg@10", "hr@10", "ci95")},
                **{name: like[0][name] for name in ("data", "protocol", "order", "split")},
                "peer": "Penchant",
                "seed": ",".join(map(str, result["seeds"])),
            }


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("split", "peer", "model", "seed"))


def _cells(row: Mapping[str, Any], first: Mapping[str, Any] | None) -> Sequence[str]:
    order = f" (`{row['order']}`)" if row["order"] else ""
    stopped = row.get("stopped", "")
    speed = None if stopped == "grid" else row.get("events_per_s")
    return (
        row["data"] + order,
        row["protocol"],
        f"{row['peer']} {row['model']}",
        str(row["seed"]),
        _figure(row["ndcg@10"]),
        f"[{_figure(row['ci95'][0])}, {_figure(row['ci95'][1])}]",
        _figure(row["hr@10"]),
        _figure(first["ndcg@10"]) if first else "",
        f"{row['epochs']} of {row['epochs_seen']}" if stopped else "",
        stopped,
        f"{speed:,}" if speed else "",
    )


def _figure(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def fill(page: str, inside: str) -> str:
    """`page` with the text between the two marks replaced."""
    before, rest = page.split(START)
    return before + START + inside + END + rest.split(END)[1]


def main() -> None:
    """Judge the runs given, then write the table of all results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--splits", type=Path, default=HERE / "splits")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="write all results into README.md")
    given = parser.parse_args()
    for folder in given.runs:
        rows = read_run(folder, given.splits)
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"{folder.name}.json").write_text(json.dumps(rows, indent=1) + "\n")
        print(folder.name, rows[0]["ndcg@10"], rows[0]["ci95"])
    if given.table:
        files = sorted(given.out.glob("*.json"))
        rows = [row for file in files for row in json.loads(file.read_text())]
        alone = [RESULTS.parent / f"states-{data}.json" for data in ("ml-100k", "ml-1m")]
        plain = sorted(RESULTS.parent.glob("successive-*.json"), key=lambda file: len(file.name))
        own: dict[tuple[Any, ...], dict[str, Any]] = {}
        for file in (*alone, *plain):  # the first row of a model is that of the default settings
            for row in ours(json.loads(file.read_text()), rows):
                own.setdefault((*_key(row), row["subset"]), row)
        rows += own.values()
        README.write_text(fill(README.read_text(), table(rows)))


if __name__ == "__main__":
    main()
