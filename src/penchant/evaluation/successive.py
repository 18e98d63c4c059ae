"""The headline protocol: every later event is a target, predicted just before it happens."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import ItemFacts, Reading, Request
from penchant.core.errors import ConfigError, NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.ids import UserId
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.engine.learned import Learned, read_card
from penchant.engine.read_path import arrange
from penchant.engine.replay import Replay, cut_at
from penchant.engine.stages import Live, Stages, learned_sources, learned_stages
from penchant.engine.user_now import UserNow
from penchant.evaluation.config import SuccessiveConfig as SuccessiveConfig
from penchant.evaluation.contest import masked_rows, ranks_of
from penchant.features.reader import FeatureColumns
from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import hr, ndcg
from penchant.strategy.rules import Rules, StrategyConfig
from penchant.training.fit import Tell, TrainingConfig, fit, refresh, repeats_usual
from penchant.training.sequence import Watch

MOVES_ALWAYS: Final = frozenset(
    {"popular", "trending_1d", "trending_30d", "fresh", "habit", "habit_recent"}
)
"""Sources whose counters move in every variant."""
VARIANTS: Final = ("frozen", "state", "online")
ENGINE: Final = "engine"
SLATE: Final = "slate"


class _Rows:
    """Ranks of the targets, by (model, variant)."""

    def __init__(self) -> None:
        self.ranks: dict[tuple[str, str], list[float]] = {}

    def add(self, names: Sequence[str], variant: str, ranks: NDArray[np.float64]) -> None:
        for name, rank in zip(names, ranks, strict=True):
            self.ranks.setdefault((name, variant), []).append(float(rank))


@dataclass
class Run:
    """One seed's outcome."""

    learned: Learned
    ranks: dict[tuple[str, str], NDArray[np.float64]]
    users: NDArray[np.int32]  # (Q,) of each target
    first: NDArray[np.bool_]  # (Q,) first event of its user's instant


class _Later(NamedTuple):
    """What the target loop needs of one target."""

    at: int
    code: int
    row: int
    now_s: float


def evaluate_successive(  # noqa: PLR0913  data, settings, and who is watching
    name: str,
    columns: EventColumns,
    items: Sequence[Item],
    signals: Mapping[str, Signal],
    config: SuccessiveConfig,
    training: TrainingConfig,
    seeds: Sequence[int],
    repeats: bool | None = None,
    models: frozenset[str] | None = None,
    watch: Watch | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Run every seed and report each row, JSON-ready; `models` chooses rows, None: all.

    `columns` are in fold order, ties already shuffled or placed.
    """
    refuse_unknown(models, training.model, SLATE)
    cut = cut_at(columns.time_s, 1 - config.test_share)
    refuse_later_begin(training, cut)
    before = columns.take(columns.time_s < cut)
    keeps = repeats_usual(before, signals) if repeats is None else repeats
    runs = []
    for seed in seeds:
        learned = fit(before, items, signals, training, seed, keeps, watch, tell)
        runs.append(run_successive(learned, columns, cut, signals, config, training, seed, tell))
    return {
        "data": name,
        "protocol": "successive",
        "repeats": "keep" if keeps else "drop",
        "cut": cut,
        "seeds": list(seeds),
        "events": len(runs[0].users),
        "first_of_group": int(runs[0].first.sum()),
        "items": len(columns.items),
        "serves": [run.learned.blend.chosen for run in runs],
        "passes": [run.learned.card["passes"] for run in runs],
        "train_events_per_s": [round(run.learned.card["events_per_s"]) for run in runs],
        "rows": [row for row in _report(runs) if models is None or row["model"] in models],
    }


def refuse_unknown(models: frozenset[str] | None, model: str, *more: str) -> None:
    """Raise ConfigError for a row that training `model` cannot give, before hours are spent."""
    known = {*learned_sources(model), ENGINE, *more}
    for name in sorted((models or frozenset()) - known):
        raise ConfigError(
            f"no row is named {name!r} where training.model = {model!r}; choose from "
            f"{', '.join(sorted(known))}"
        )


def refuse_later_begin(training: TrainingConfig, cut: float) -> None:
    """Raise ConfigError where `training.begin` has seen events that are to be predicted."""
    if training.begin is None or not training.begin.is_dir():  # which training says
        return
    newest_s = read_card(training.begin).get("newest_s", math.inf)
    if newest_s >= cut:
        raise ConfigError(
            f"training.begin = {training.begin} was trained on events up to {newest_s:.0f}, and "
            f"those from {cut:.0f} on are to be predicted; allowed is an artifact of before that"
        )


def evaluate_learned(
    learned: Learned,
    columns: EventColumns,
    cut: float,
    signals: Mapping[str, Signal],
    tell: Tell | None = None,
) -> dict[str, float]:
    """NDCG@10 over every target from `cut` on, by row: what was trained before it, as published.

    The variant `state`, all targets: states and live counts move with every event, weights stand.
    """
    live = Live(len(columns.items), columns.put_s)
    stages = learned_stages(learned, signals, live, len(columns.items))
    moving = Replay(stages, live, columns, signals)
    targets = targets_of(moving.features, cut)
    if not len(targets):
        raise NotEnoughDataError("no event after the cut follows an earlier event of its user")
    names, rows = tuple(stages.sources), _Rows()
    rules = Rules(StrategyConfig(repeats="keep" if learned.repeats else "drop"))
    request, facts = Request(UserId(""), repeats=learned.repeats), _facts(columns)
    for number, later in enumerate(_walk(moving, targets, cut, {})):
        reading = moving.reading(later.code, later.now_s)
        masked = masked_rows(reading, learned.repeats)
        scores = stages.score(reading, slice(None), names)
        ranks = ranks_of(scores, learned.blend, reading, later.row, masked)
        rows.add([*names, ENGINE], "state", ranks)
        places = arrange(stages, rules, reading, request, facts, np.random.default_rng(0)).places
        rows.add([SLATE], "state", np.array([_place([p.row for p in places], later.row)]))
        if tell is not None and number % 50 == 0:
            tell("replay", (number + 1) / len(targets))
    return {name: float(ndcg(np.array(r), 10).mean()) for (name, _), r in rows.ranks.items()}


def run_successive(
    learned: Learned,
    columns: EventColumns,
    cut: float,
    signals: Mapping[str, Signal],
    config: SuccessiveConfig,
    training: TrainingConfig,
    seed: int,
    tell: Tell | None = None,
) -> Run:
    """One seed: `learned` was made from the events before `cut` alone."""
    live = Live(len(columns.items), columns.put_s)
    stages = learned_stages(learned, signals, live, len(columns.items))
    moving = Replay(stages, live, columns, signals)
    fresh: Replay | None = None
    weights = learned
    targets = targets_of(moving.features, cut)
    if not len(targets):
        raise NotEnoughDataError("no event after the cut follows an earlier event of its user")
    edges = [int(t) for t in np.linspace(0, len(targets), config.windows + 1)[1:-1]]
    rows, frozen = _Rows(), dict[int, UserNow]()
    facts = _facts(columns)
    rules = Rules(StrategyConfig(repeats="keep" if learned.repeats else "drop"))
    rng = np.random.default_rng(seed)
    first = []
    for number, later in enumerate(_walk(moving, targets, cut, frozen)):
        if number in edges:
            weights = refresh(weights, columns.take(slice(later.at)), cut, signals, training, seed)
            fresh = Replay(
                learned_stages(weights, signals, live, len(columns.items)), None, columns, signals
            )
        if fresh is not None:
            fresh.move_to(later.at)
        reading = moving.reading(later.code, later.now_s)
        first.append(reading.recent[-1].time_s != later.now_s)
        _score(rows, moving.stages, fresh, reading, frozen[later.code], later, learned)
        request = Request(UserId(""), repeats=learned.repeats)
        places = arrange(moving.stages, rules, reading, request, facts, rng).places
        rows.add([SLATE], "state", np.array([_place([p.row for p in places], later.row)]))
        if tell is not None and number % 50 == 0:
            tell("replay", (number + 1) / len(targets))
    ranks = {key: np.array(values) for key, values in rows.ranks.items()}
    return Run(learned, ranks, columns.user[targets], np.array(first))


def targets_of(f: FeatureColumns, cut: float) -> NDArray[np.intp]:
    """Positive events from `cut` on whose user has an earlier event with an item: places in `f`."""
    kept = np.flatnonzero(f.row >= 0)
    begins = np.full(int(f.user.max()) + 1, len(f.user))
    np.minimum.at(begins, f.user[kept], kept)
    index = np.arange(len(f.user))
    return np.flatnonzero(
        (f.time_s >= cut) & (f.weight > 0) & (f.row >= 0) & (begins[f.user] < index)
    )


def _walk(
    replay: Replay, targets: NDArray[np.intp], cut: float, frozen: dict[int, UserNow]
) -> Iterator[_Later]:
    """Move to each target in turn; keep each user as of the cut, new ones as of their first."""
    f = replay.features
    wanted = iter(targets)
    nxt = next(wanted, None)
    for index in range(len(f.user)):
        code = int(f.user[index])
        if f.time_s[index] >= cut and code not in frozen and replay.has_met(code):
            frozen[code] = replay.user(code).copy()
        if index == nxt:
            yield _Later(index, code, int(f.row[index]), float(f.time_s[index]))
            nxt = next(wanted, None)
            if nxt is None:
                return
        replay.move()


def _score(
    rows: _Rows,
    stages: Stages,
    fresh: Replay | None,
    reading: Reading,
    frozen: UserNow,
    later: _Later,
    learned: Learned,
) -> None:
    """Rank the target by every source and by the blend, in each variant."""
    names = tuple(stages.sources)  # the blend's order too: it was learned over these stages
    masked = masked_rows(reading, learned.repeats)
    blend = learned.blend
    state = stages.score(reading, slice(None), names)
    as_state = ranks_of(state, blend, reading, later.row, masked)
    rows.add([*names, ENGINE], "state", as_state)
    then = frozen.reading(stages.models, later.now_s)
    old = state.copy()
    for s, name in enumerate(names):
        if name not in MOVES_ALWAYS:
            old[:, s] = stages.sources[name].score(then, slice(None))
    rows.add([*names, ENGINE], "frozen", ranks_of(old, blend, then, later.row, masked))
    if fresh is None:
        rows.add([*names, ENGINE], "online", as_state)
        return
    newest = fresh.reading(later.code, later.now_s)
    new = state.copy()
    for s, name in enumerate(names):
        if name not in MOVES_ALWAYS:
            new[:, s] = fresh.stages.sources[name].score(newest, slice(None))
    rows.add([*names, ENGINE], "online", ranks_of(new, blend, newest, later.row, masked))


def _place(rows: Sequence[int], row: int) -> float:
    return float(rows.index(row)) if row in rows else np.inf


def _facts(columns: EventColumns) -> ItemFacts:
    n = len(columns.items)
    return ItemFacts(np.ones(n, bool), np.full(n, np.inf), np.zeros(n), {}, None)


def _report(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Each (model, variant) over all targets and over the first of each instant."""
    for key in runs[0].ranks:
        if key[0] in MOVES_ALWAYS and key[1] == "online":
            continue
        for subset in ("all", "first_of_group"):
            kept = (
                runs[0].first if subset == "first_of_group" else np.ones(len(runs[0].users), bool)
            )
            if not kept.any():
                continue
            gains = np.stack([ndcg(run.ranks[key][kept], 10) for run in runs])
            hits = np.stack([hr(run.ranks[key][kept], 10) for run in runs])
            users = runs[0].users[kept]
            interval = mean_interval(gains.mean(0), users, np.random.default_rng(0))
            yield {
                "model": key[0],
                "variant": key[1],
                "subset": subset,
                "ndcg@10": round(float(gains.mean()), 5),
                "hr@10": round(float(hits.mean()), 5),
                "ci95": [round(interval.low, 5), round(interval.high, 5)],
                "by_seed": [round(float(g), 5) for g in gains.mean(1)],
            }
