"""How fast libraries train: events a second, and seconds until a model is about as good as a peer.

    python speed.py OURS PEER... --out ../results/training-speed-ml-100k.json

The runs are those of one machine, one epoch of each in turn (`--turn`), on one split.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np

ABOUT: Final = 0.97
"""Share of a peer's best validation NDCG@10 at which another is as good."""


def seconds_to(run: Mapping[str, Any], level: float) -> float | None:
    """Training until the first epoch whose validation reaches `level`; None: none does."""
    training = run["training"]
    spent = accumulate(training["epoch_s"])
    pairs = zip(spent, training["valid_ndcg@10"], strict=True)
    return next((round(s, 1) for s, figure in pairs if figure >= level), None)


def events_per_s(run: Mapping[str, Any]) -> float:
    """Events predicted a second, none of them padding, in the median epoch."""
    training = run["training"]
    return float(training["events_per_epoch"] / np.median(training["epoch_s"]))


def compared(ours: Mapping[str, Any], peers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for ours, then one for each peer with how many times faster ours is."""
    rows = []
    for run in (ours, *peers):
        if run["split"] != ours["split"]:
            sys.exit(f"{run['peer']} ran on split {run['split']}, not {ours['split']}")
        best = max(run["training"]["valid_ndcg@10"])
        theirs, here = (seconds_to(each, ABOUT * best) for each in (run, ours))
        both = theirs is not None and here is not None
        rows.append(
            {
                "peer": f"{run['peer']} {run['model']}",
                "valid_ndcg@10": best,
                "epochs": len(run["training"]["epoch_s"]),
                "stopped": run["training"]["stopped"],
                "events_per_s": round(events_per_s(run)),
                "events_per_s_ratio": round(events_per_s(ours) / events_per_s(run), 2),
                "seconds_to_about_its_best": theirs,
                "ours_to_the_same": here,
                "time_ratio": round(theirs / here, 1) if both else None,
            }
        )
    return rows


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders; ours first")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    runs = [json.loads((folder / "run.json").read_text()) for folder in given.runs]
    told = {
        "data": runs[0]["data"],
        "protocol": runs[0]["protocol"],
        "split": runs[0]["split"],
        "about": ABOUT,
        "rows": [
            {"run": folder.name, **row}
            for folder, row in zip(given.runs, compared(runs[0], runs[1:]), strict=True)
        ],
        "runs": runs,
    }
    if given.out is not None:
        given.out.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told["rows"], indent=1))


if __name__ == "__main__":
    main()
