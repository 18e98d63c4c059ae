"""Drift with a known answer: at the cut one user's stream goes on as another real user's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures, Reading
from penchant.core.errors import NotEnoughDataError
from penchant.engine.learned import Learned
from penchant.engine.replay import Replay
from penchant.engine.stages import Live, learned_stages
from penchant.engine.user_now import UserNow
from penchant.evaluation.case import Case, rows_wanted
from penchant.evaluation.contest import masked_rows, ranks_of
from penchant.evaluation.successive import ENGINE, refuse_unknown
from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import ndcg

SPLICES: Final = 1000
"""At least so many, where there are as many pairs of users."""
EVENTS: Final = 20
"""Events of the second user after the splice that are predicted."""
LEAST: Final = 5
"""Events that both users must have before the cut, and the second one after it."""
RECOVERED: Final = 0.9
"""Share of the second user's native NDCG that counts as recovered."""
SMOOTH: Final = 3
"""Neighbouring numbers of events whose gains are pooled where recovery is looked for."""


class Spliced(NamedTuple):
    """Gains (NDCG@10) by row, splice and events since the splice; NaN where nothing was asked."""

    names: tuple[str, ...]  # R rows: every source, then the engine
    second: NDArray[np.intp]  # (S,) the user as whom the stream goes on
    native: NDArray[np.float64]  # (R, S, K) with the second user's own past
    spliced: NDArray[np.float64]  # (R, S, K) with the first user's, and what came since
    frozen: NDArray[np.float64]  # (R, S, K) with the first user's alone


@dataclass
class _Splice:
    """One user who becomes another."""

    number: int
    now: UserNow
    then: UserNow
    done: int = field(default=0)


def evaluate_drift(
    case: Case,
    seeds: Sequence[int],
    models: frozenset[str] | None = None,
    splices: int = SPLICES,
    events: int = EVENTS,
) -> dict[str, Any]:
    """How soon each row knows that the user is another now, JSON-ready.

    Up to the cut the state is that of one user; after it come the events of a second one, as they
    really happened. The known answer is the second user's own state: the same targets, candidates
    and times. `recovered_after` is the first number of events since the splice at which NDCG@10
    reaches 90 % of it (None: not within `events`), `area_lost` the mean NDCG lost, summed over the
    events since the splice. `frozen` never learns of the second user. What is
    popular is among the rows; it knows no user and loses nothing.
    """
    refuse_unknown(models, case.training.model)
    runs = [
        splice(case, case.learn(seed), np.random.default_rng(seed), splices, events)
        for seed in seeds
    ]
    return {
        "data": case.name,
        "protocol": "drift",
        "repeats": "keep" if case.keeps else "drop",
        "cut": case.cut,
        "seeds": list(seeds),
        "splices": sum(len(run.second) for run in runs),
        "events": runs[0].native.shape[2],
        "rows": list(drift_rows(runs, models)),
    }


def splice(
    case: Case,
    learned: Learned,
    rng: Generator,
    splices: int = SPLICES,
    events: int = EVENTS,
) -> Spliced:
    """Give the later events of each second user to the states of others, drawn by `rng`."""
    n_items = len(case.columns.items)
    live = Live(n_items, case.columns.put_s)
    stages = learned_stages(learned, case.signals, live, n_items)
    moving = Replay(stages, live, case.columns, case.signals)
    pairs = _pairs(case, splices, rng)
    cut = int(np.searchsorted(case.columns.time_s, case.cut))
    moving.move_to(cut)
    second = np.array([code for code, firsts in pairs.items() for _ in firsts], np.intp)
    names = (*stages.sources, ENGINE)
    gains = np.full((3, len(names), len(second), events), np.nan)
    waiting = _splices(moving, pairs)
    positive, hides = case.positive(), _hides(case)
    for at in range(cut, len(case.columns)):
        moving.move_to(at)
        code = int(case.columns.user[at])
        if not waiting.get(code) or case.columns.row[at] < 0:
            continue
        event = moving.event(at)
        native = moving.reading(code, event.time_s)
        for one in waiting[code]:
            if positive[at]:
                gains[:, :, one.number, one.done] = _asked(moving, learned, native, one, event)
            one.now.absorb(stages.models, event, bool(hides[at]))
            one.done += 1
        waiting[code] = [one for one in waiting[code] if one.done < events]
        if case.tell is not None:
            case.tell("splices", 1 - sum(map(len, waiting.values())) / len(second))
    return Spliced(names, second, gains[0], gains[1], gains[2])


def drift_rows(
    runs: Sequence[Spliced], models: frozenset[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Each row by events since the splice."""
    second = np.concatenate([run.second for run in runs])
    for name in rows_wanted(models, runs[0].names):
        place = runs[0].names.index(name)
        native, spliced, frozen = (
            np.concatenate([getattr(run, kind)[place] for run in runs])
            for kind in ("native", "spliced", "frozen")
        )  # (S, K) each
        asked = ~np.isnan(native)
        lost = np.where(asked, native - spliced, 0.0)  # (S, K)
        each = lost * (len(lost) / np.maximum(1, asked.sum(0)))  # means by K, summed
        area = mean_interval(each.sum(1), second, np.random.default_rng(0))
        yield {
            "model": name,
            "asked": asked.sum(0).tolist(),
            "native": _means(native),
            "spliced": _means(spliced),
            "frozen": _means(frozen),
            "recovered_after": recovered_after(native, spliced),
            "area_lost": round(area.mean, 4),
            "area_lost_ci95": [round(area.low, 4), round(area.high, 4)],
        }


def recovered_after(native: NDArray[np.float64], spliced: NDArray[np.float64]) -> int | None:
    """First k at which the splices reach 90 % of the native gain: (S, K), NaN where not asked.

    So must the gains at k and the next two, pooled: chance at one k does not decide. Where nothing
    was asked, or nothing gained natively, nothing has been reached.

    >>> native = np.full((2, 5), 0.5)
    >>> recovered_after(native, np.array([[0.0, 0.5, 0.5, 0.5, 0.5]] * 2))
    1
    >>> recovered_after(native, native * 0.5) is None
    True
    """
    aims, reached = np.nansum(native, 0), np.nansum(spliced, 0)  # (K,)
    for k in range(len(aims)):
        after = slice(k, k + SMOOTH)
        pooled = reached[after].sum() >= RECOVERED * aims[after].sum()
        if aims[k] > 0 and pooled and reached[k] >= RECOVERED * aims[k]:
            return k
    return None


def _means(gains: NDArray[np.float64]) -> list[float | None]:
    """(S, K) -> K means; None where nothing was asked."""
    counts = (~np.isnan(gains)).sum(0)
    sums = np.nansum(gains, 0)
    return [
        round(float(total / n), 5) if n else None for total, n in zip(sums, counts, strict=True)
    ]


def _pairs(case: Case, splices: int, rng: Generator) -> dict[int, list[int]]:
    """Second user -> first users, drawn without repetition, alike many for each."""
    named = case.columns.row >= 0
    users = len(case.columns.users)
    late = case.columns.time_s >= case.cut
    before = np.bincount(case.columns.user[named & ~late], minlength=users)
    after = np.bincount(case.columns.user[named & late], minlength=users)
    firsts = np.flatnonzero(before >= LEAST)
    seconds = np.flatnonzero((before >= LEAST) & (after >= LEAST))
    if len(firsts) < 2 or not len(seconds):
        raise NotEnoughDataError(
            f"{len(seconds)} users have {LEAST} events on each side of the cut and {len(firsts)} "
            f"have {LEAST} before it; drift needs at least one of those and two of these"
        )
    each = min(-(-splices // len(seconds)), len(firsts) - 1)
    chosen = seconds if each > 1 else rng.permutation(seconds)[:splices]
    return {
        int(code): rng.choice(firsts[firsts != code], each, replace=False).tolist()
        for code in np.sort(chosen)
    }


def _splices(moving: Replay, pairs: Mapping[int, Sequence[int]]) -> dict[int, list[_Splice]]:
    """The first users' states as of now, under the second user's name."""
    found: dict[int, list[_Splice]] = {}
    number = 0
    for code, firsts in pairs.items():
        for first in firsts:
            state = moving.user(first)
            found.setdefault(code, []).append(_Splice(number, state.copy(), state.copy()))
            number += 1
    return found


def _asked(
    moving: Replay, learned: Learned, native: Reading, one: _Splice, event: EventFeatures
) -> NDArray[np.float64]:
    """(3, R) gains of the native, spliced and frozen state; NaN: either past has the target."""
    stages = moving.stages
    names = tuple(stages.sources)
    readings = (
        native,
        one.now.reading(stages.models, event.time_s),
        one.then.reading(stages.models, event.time_s),
    )
    masked = sorted({row for r in readings[:2] for row in masked_rows(r, learned.repeats)})
    if event.row in masked:
        return np.full((3, len(names) + 1), np.nan)
    return np.stack(
        [
            ndcg(
                ranks_of(
                    stages.score(reading, slice(None), names),
                    learned.blend,
                    reading,
                    event.row,
                    masked,
                ),
                10,
            )
            for reading in readings
        ]
    )


def _hides(case: Case) -> NDArray[np.bool_]:
    """(T,) whether each event dismisses its item."""
    hides = np.array([case.signals[name].hides for name in case.columns.types], bool)
    return np.asarray(hides[case.columns.type])
