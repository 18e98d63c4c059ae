"""Cold: how well items with few training events, and users with few events, are served."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.items import Item
from penchant.evaluation.case import Case, Ranked, rank_later, rows_wanted
from penchant.evaluation.successive import refuse_unknown
from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import hr, ndcg

ITEMS: Final[Mapping[str, tuple[float, float]]] = {
    "0": (0, 0),
    "1-5": (1, 5),
    "6-20": (6, 20),
    "21+": (21, np.inf),
}
"""Events of the target item before the cut."""
USERS: Final[Mapping[str, tuple[float, float]]] = {
    "0": (0, 0),
    "1-2": (1, 2),
    "3-9": (3, 9),
    "10+": (10, np.inf),
}
"""Events that the user had before the target."""


def evaluate_cold(
    case: Case, seeds: Sequence[int], models: frozenset[str] | None = None
) -> dict[str, Any]:
    """`successive` by how cold the item and the user are, JSON-ready; variant `state`.

    Users without any event are asked too. Each row is there twice: as trained, and as the control
    `ids`, trained on a catalogue without titles, categories or texts. What lies between the two is
    what content is worth: nothing, while no source that is ranked by reads it.
    """
    refuse_unknown(models, case.training.model)
    bare = replace(case, items=[Item(item.id) for item in case.items])
    trained = {
        control: [rank_later(one, one.learn(seed), strangers=True) for seed in seeds]
        for control, one in (("none", case), ("ids", bare))
    }
    return {
        "data": case.name,
        "protocol": "cold",
        "repeats": "keep" if case.keeps else "drop",
        "cut": case.cut,
        "seeds": list(seeds),
        "events": len(trained["none"][0].at),
        "rows": [
            {**row, "control": control}
            for control, runs in trained.items()
            for row in cold_rows(case, runs, models)
        ],
    }


def cold_rows(
    case: Case, runs: Sequence[Ranked], models: frozenset[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Each row by each bucket that has targets."""
    counts = np.bincount(case.before.row[case.before.row >= 0], minlength=len(case.columns.items))
    first = runs[0]
    known = counts[case.columns.row[first.at]]
    users = case.columns.user[first.at]
    for name in rows_wanted(models, first.names):
        place = first.names.index(name)
        for of, buckets, size in (("items", ITEMS, known), ("users", USERS, first.past)):
            for bucket, inside in _inside(buckets, size):
                gains = np.stack([ndcg(run.ranks[place, inside], 10) for run in runs])
                hits = np.stack([hr(run.ranks[place, inside], 10) for run in runs])
                near = mean_interval(gains.mean(0), users[inside], np.random.default_rng(0))
                yield {
                    "model": name,
                    "of": of,
                    "bucket": bucket,
                    "events": int(inside.sum()),
                    "ndcg@10": round(near.mean, 5),
                    "ci95": [round(near.low, 5), round(near.high, 5)],
                    "hr@10": round(float(hits.mean()), 5),
                }


def _inside(
    buckets: Mapping[str, tuple[float, float]], size: NDArray[np.intp]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for bucket, (low, high) in buckets.items():
        inside = (size >= low) & (size <= high)
        if inside.any():
            yield bucket, inside
