"""Every sequence model and baseline on one log: accuracy, cost, windows, order, drift, cold."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ConfigError, NotEnoughDataError
from penchant.engine.learned import Learned
from penchant.engine.replay import Replay
from penchant.engine.stages import Live, learned_stages
from penchant.evaluation.case import Case, Ranked, rank_later
from penchant.evaluation.cold import cold_rows
from penchant.evaluation.drift import EVENTS, SPLICES, Spliced, drift_rows, splice
from penchant.evaluation.prequential import slope, window_edges
from penchant.evaluation.shuffle import pair, shuffle_rows
from penchant.evaluation.successive import ENGINE
from penchant.evaluation.verdict import verdict
from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import hr, ndcg
from penchant.training.config import ModelName
from penchant.training.fit import Tell
from penchant.training.sequence import Progress, Watch

BASELINES: Final = (
    *("popular", "trending_1d", "trending_30d", "habit", "habit_recent", "fresh"),
    *("transition", "item_item", "ease", "ease_recent"),
)
"""Rows beside the sequence models and the engines with them; `habit*` where repeats are kept."""
TIMED: Final = 200
"""Events over which the cost of one is measured."""


class Effort(NamedTuple):
    """How much is asked."""

    targets: int | None = None
    """At most, evenly spread; None: all."""
    splices: int = SPLICES
    events: int = EVENTS
    """After each splice."""
    passes: int | None = None
    """Of training, at most; None: as the settings say."""
    orders: int | None = None
    """Models that are also trained without order, the first of them; None: all."""


QUICK: Final = Effort(targets=1000, splices=60, events=10, passes=2, orders=1)
"""A first look; too little for a claim."""


class _Runs(NamedTuple):
    """All that was run with one sequence model, by seed."""

    ranked: list[Ranked]
    pairs: list[tuple[Ranked, Ranked]]
    drifts: list[Spliced]
    costs: dict[str, float]
    passes: list[int]
    events_per_s: list[int]
    serves: list[str]
    """What the engine makes slates by: `blend`, or the source that nothing beat."""


def compare(
    case: Case, models: Sequence[ModelName], seeds: Sequence[int], effort: Effort | None = None
) -> dict[str, Any]:
    """Train each of `models`, judge it and the engine with it, and say which to serve; JSON-ready.

    Rows are the baselines, each sequence model alone, and the engine (the blend of all sources)
    with each. Targets, order, drift and buckets are those of `successive`, `shuffle`, `drift` and
    `cold`, variant `state`.
    """
    if case.training.begin is not None and len(models) > 1:
        raise ConfigError(
            f"training.begin = {case.training.begin} is of one model, and {len(models)} are to be "
            "trained; name it with --models"
        )
    asked = effort or Effort()
    baselines = BASELINES if case.keeps else tuple(b for b in BASELINES if "habit" not in b)
    runs: dict[str, _Runs] = {
        model: _run(
            _with(case, model, asked), seeds, asked, asked.orders is None or number < asked.orders
        )
        for number, model in enumerate(models)
    }
    rows = list(_rows(case, runs, baselines))
    first = next(iter(runs.values())).ranked[0]
    known = case.before
    log = {
        "events": len(known),
        "users": len(np.unique(known.user)),
        "items": len(np.unique(known.row[known.row >= 0])),
    }
    report = {
        "data": case.name,
        "protocol": "compare",
        "repeats": "keep" if case.keeps else "drop",
        "cut": case.cut,
        "seeds": list(seeds),
        "quick": effort == QUICK,
        "models": list(models),
        "log": log,
        "events": int((first.past > 0).sum()),
        "splices": sum(len(run.second) for run in next(iter(runs.values())).drifts),
        "rows": rows,
    }
    gains = {name: gain for name, gain, _ in _gains(runs, baselines)}
    users = case.columns.user[first.at[first.past > 0]]
    return {**report, "serve": verdict(rows, gains, users, log)}


def _with(case: Case, model: ModelName, asked: Effort) -> Case:
    """The case with one model, its progress told under the model's name."""
    schedule = case.training.schedule
    if asked.passes is not None:
        schedule = schedule.model_copy(update={"epochs": asked.passes})
    training = case.training.model_copy(update={"model": model, "schedule": schedule})
    return replace(
        case,
        training=training,
        watch=_named(case.watch, model),
        tell=_told(case.tell, model),
    )


def _named(watch: Watch | None, model: str) -> Watch | None:
    if watch is None:
        return None
    told = watch

    def under(at: Progress) -> None:
        told(at._replace(stage=f"{at.stage}:{model}"))

    return under


def _told(tell: Tell | None, model: str) -> Tell | None:
    if tell is None:
        return None
    told = tell

    def under(stage: str, share: float) -> None:
        told(f"{stage.partition(':')[0]}:{model}", share)

    return under


def _run(case: Case, seeds: Sequence[int], asked: Effort, order: bool) -> _Runs:
    runs = _Runs([], [], [], {}, [], [], [])
    for seed in seeds:
        learned = case.learn(seed)
        ranked = rank_later(case, learned, strangers=True, most=asked.targets)
        runs.ranked.append(ranked)
        if order:
            runs.pairs.append(pair(case, seed, ranked))
        runs.drifts.extend(_drift(case, learned, seed, asked))
        runs.costs.update(costs(case, learned))
        runs.passes.append(learned.card["passes"])
        runs.events_per_s.append(round(learned.card["events_per_s"]))
        runs.serves.append(learned.blend.chosen)
    return runs


def _drift(case: Case, learned: Learned, seed: int, asked: Effort) -> list[Spliced]:
    """Nothing where no user has a history on both sides of the cut."""
    rng = np.random.default_rng(seed)
    try:
        return [splice(case, learned, rng, asked.splices, asked.events)]
    except NotEnoughDataError:
        return []


def costs(case: Case, learned: Learned) -> dict[str, float]:
    """Milliseconds of one event by row: step and read of its model, then every item scored.

    Medians over the first events after the cut, on this machine as it is loaded now; `engine` is
    all of it and the blend.
    """
    n_items = len(case.columns.items)
    live = Live(n_items, case.columns.put_s)
    stages = learned_stages(learned, case.signals, live, n_items)
    moving = Replay(stages, live, case.columns, case.signals)
    first = int(np.searchsorted(case.columns.time_s, case.cut))
    spent: dict[str, list[float]] = {}
    for at in range(first, min(first + TIMED, len(case.columns))):
        moving.move_to(at)
        event, now = moving.event(at), moving.user(int(case.columns.user[at]))
        whole = 0.0
        for name, source in stages.sources.items():
            began = time.perf_counter()
            if name in stages.models:
                state = stages.models[name].step(now.states[name], event)
                stages.models[name].read(state, event.time_s)
            stepped = time.perf_counter() - began
            reading = now.reading(stages.models, event.time_s)
            began = time.perf_counter()
            source.score(reading, slice(None))
            spent.setdefault(name, []).append(stepped + time.perf_counter() - began)
            whole += spent[name][-1]
        scores = stages.score(reading, slice(None), tuple(stages.sources))
        began = time.perf_counter()
        learned.blend.total(reading, scores)
        spent.setdefault(ENGINE, []).append(whole + time.perf_counter() - began)
    return {name: round(1000 * float(np.median(times)), 3) for name, times in spent.items()}


def engine_with(model: str) -> str:
    """The name of the row."""
    return f"engine ({model})"


def _gains(
    runs: Mapping[str, _Runs], baselines: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.float64], tuple[str, str]]]:
    """Each row's name, its mean gains over seeds for known users (Q,), and where it is from."""
    for name, (model, source) in _places(runs, baselines).items():
        ranked = runs[model].ranked
        known = ranked[0].past > 0
        yield (
            name,
            np.asarray(np.mean([one.gains(source)[known] for one in ranked], axis=0)),
            (model, source),
        )


def _places(runs: Mapping[str, _Runs], baselines: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Row -> the model with which it ran, and its source there."""
    first = next(iter(runs))
    return {
        **{name: (first, name) for name in baselines},
        **{model: (model, model) for model in runs},
        **{engine_with(model): (model, ENGINE) for model in runs},
    }


def _rows(
    case: Case, runs: Mapping[str, _Runs], baselines: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for name, gains, (model, source) in _gains(runs, baselines):
        run = runs[model]
        known = run.ranked[0].past > 0
        users = case.columns.user[run.ranked[0].at[known]]
        place = run.ranked[0].names.index(source)
        ranks = [one.ranks[place, known] for one in run.ranked]
        only = frozenset({source})
        near = mean_interval(gains, users, np.random.default_rng(0))
        drift = next(drift_rows(run.drifts, only), None) if run.drifts else None
        yield {
            "model": name,
            "kind": "engine" if source == ENGINE else "sequence" if source == model else "baseline",
            "with": model,
            "serves": run.serves if source == ENGINE else [],
            "ndcg@10": round(near.mean, 5),
            "ci95": [round(near.low, 5), round(near.high, 5)],
            "hr@10": round(float(np.mean([hr(one, 10) for one in ranks])), 5),
            "by_seed": [round(float(ndcg(one, 10).mean()), 5) for one in ranks],
            "cost_ms": run.costs[source],
            "passes": run.passes if source == model else [],
            "train_events_per_s": run.events_per_s if source == model else [],
            **_windows(gains, users, case.config.windows),
            "order": next(shuffle_rows(case, run.pairs, only)) if run.pairs else None,
            "drift": drift,
            "cold": list(cold_rows(case, run.ranked, only)),
        }


def _windows(gains: NDArray[np.float64], users: NDArray[np.int32], windows: int) -> dict[str, Any]:
    edges = window_edges(len(gains), windows).tolist()
    each = [
        mean_interval(gains[a:b], users[a:b], np.random.default_rng(0)) for a, b in pairwise(edges)
    ]
    return {
        "by_window": [round(window.mean, 5) for window in each],
        "by_window_ci95": [[round(w.low, 5), round(w.high, 5)] for w in each],
        "slope": round(slope(gains, users).mean, 5),
    }
