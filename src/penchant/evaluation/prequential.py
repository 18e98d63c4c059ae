"""Prequential: NDCG window by window after the cut, the worst of them, the slope, paired tests."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penchant.evaluation.case import Case, rows_wanted
from penchant.evaluation.successive import (
    ENGINE,
    MOVES_ALWAYS,
    SLATE,
    Run,
    refuse_unknown,
    run_successive,
)
from penchant.measures.intervals import Interval, difference_interval, mean_interval
from penchant.measures.ranking import ndcg


def evaluate_prequential(
    case: Case, seeds: Sequence[int], models: frozenset[str] | None = None
) -> dict[str, Any]:
    """The targets of `successive`, in as many windows as its settings say, JSON-ready.

    Each row has its NDCG@10 per window, the lowest of these, the slope over the whole stretch, and
    how far it is from the engine of the same variant on the same targets, paired, by user.
    """
    refuse_unknown(models, case.training.model, SLATE)
    runs = [
        run_successive(
            case.learn(seed),
            case.columns,
            case.cut,
            case.signals,
            case.config,
            case.training,
            seed,
            case.tell,
        )
        for seed in seeds
    ]
    edges = window_edges(len(runs[0].users), case.config.windows)
    return {
        "data": case.name,
        "protocol": "prequential",
        "repeats": "keep" if case.keeps else "drop",
        "cut": case.cut,
        "seeds": list(seeds),
        "events": len(runs[0].users),
        "windows": [int(n) for n in np.diff(edges)],
        "rows": list(_report(runs, edges, models)),
    }


def window_edges(targets: int, windows: int) -> NDArray[np.intp]:
    """Where each of `windows` stretches of the targets begins, and the end: (W + 1,)."""
    return np.linspace(0, targets, min(windows, targets) + 1).astype(np.intp)


def slope(gains: NDArray[np.float64], users: NDArray[np.int32]) -> Interval:
    """Least-squares change of `gains` (Q,) from the first target to the last, drawn by user.

    >>> slope(np.array([0.0, 0.5, 1.0]), np.arange(3)).mean
    1.0
    """
    if len(gains) < 2:
        return Interval(0.0, 0.0, 0.0)
    at = np.linspace(-0.5, 0.5, len(gains))
    each = at * (gains - gains.mean()) / np.square(at).mean()
    return mean_interval(each, users, np.random.default_rng(0))


def _report(
    runs: Sequence[Run], edges: NDArray[np.intp], models: frozenset[str] | None
) -> Iterator[dict[str, Any]]:
    users = runs[0].users
    for key in runs[0].ranks:
        name, variant = key
        if not rows_wanted(models, (name,)) or (name in MOVES_ALWAYS and variant == "online"):
            continue
        gains = _gains(runs, key)
        windows = [
            mean_interval(gains[a:b], users[a:b], np.random.default_rng(0))
            for a, b in pairwise(edges)
        ]
        change = slope(gains, users)
        engine = _gains(runs, (ENGINE, variant))
        paired = difference_interval(gains, engine, users, np.random.default_rng(0))
        yield {
            "model": name,
            "variant": variant,
            "ndcg@10": round(float(gains.mean()), 5),
            "by_window": [round(window.mean, 5) for window in windows],
            "by_window_ci95": [[round(w.low, 5), round(w.high, 5)] for w in windows],
            "worst_window": round(min(window.mean for window in windows), 5),
            "slope": round(change.mean, 5),
            "slope_ci95": [round(change.low, 5), round(change.high, 5)],
            "less_engine": round(paired.mean, 5),
            "less_engine_ci95": [round(paired.low, 5), round(paired.high, 5)],
        }


def _gains(runs: Sequence[Run], key: tuple[str, str]) -> NDArray[np.float64]:
    """(Q,) mean over seeds."""
    return np.asarray(np.mean([ndcg(run.ranks[key], 10) for run in runs], axis=0), np.float64)
