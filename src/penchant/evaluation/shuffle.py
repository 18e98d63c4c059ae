"""Shuffle: successive again after each history was shuffled; what does not lose is no sequence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.events import EventColumns
from penchant.engine.replay import cut_at
from penchant.evaluation.case import Case, Ranked, rank_later, rows_wanted
from penchant.evaluation.successive import refuse_unknown
from penchant.measures.intervals import difference_interval


def evaluate_shuffle(
    case: Case, seeds: Sequence[int], models: frozenset[str] | None = None
) -> dict[str, Any]:
    """Every row with its order, without it, and the share that is lost, JSON-ready.

    Each user's events change places among themselves: those after the cut, those of the window
    before it from which blends are learned, and those before that, each apart. So the same events
    are known and asked for; training and targets are as in `successive`, variant `state`. The
    difference is paired by event and drawn by user.
    """
    refuse_unknown(models, case.training.model)
    pairs = [pair(case, seed) for seed in seeds]
    return {
        "data": case.name,
        "protocol": "shuffle",
        "repeats": "keep" if case.keeps else "drop",
        "cut": case.cut,
        "seeds": list(seeds),
        "events": len(np.intersect1d(pairs[0][0].at, pairs[0][1].at)),
        "rows": list(shuffle_rows(case, pairs, models)),
    }


def pair(case: Case, seed: int, ordered: Ranked | None = None) -> tuple[Ranked, Ranked]:
    """As it was (unless that is given), and shuffled; both with indexes of the true order.

    What is asked in the true order with a history is asked again, wherever it stands now; an event
    without one has nothing that could be shuffled, and would be given one here alone.
    """
    held = cut_at(case.before.time_s, 1 - case.training.held_out)
    columns, origin = shuffled(case.columns, (held, case.cut), np.random.default_rng(seed))
    other = replace(case, columns=columns)
    if ordered is None:
        ordered = rank_later(case, case.learn(seed))
    again = np.isin(origin, ordered.at[ordered.past > 0])
    mixed = rank_later(other, other.learn(seed), only=again)
    return ordered, mixed._replace(at=origin[mixed.at])


def shuffled(
    columns: EventColumns, edges: Sequence[float], rng: Generator
) -> tuple[EventColumns, NDArray[np.intp]]:
    """Each user's events dealt anew to the user's own times, between ascending `edges` apart.

    The second is (T,): which event stands at each place now.
    """
    late = np.searchsorted(edges, columns.time_s, side="right")
    places = np.lexsort((np.arange(len(columns)), late, columns.user))
    dealt = np.lexsort((rng.random(len(columns)), late, columns.user))
    origin = np.empty(len(columns), np.intp)
    origin[places] = dealt
    moved = columns.take(origin)
    return replace(moved, time_s=columns.time_s), origin


def shuffle_rows(
    case: Case, pairs: Sequence[tuple[Ranked, Ranked]], models: frozenset[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Each row over the events that are targets both times, mean over seeds."""
    for name in rows_wanted(models, pairs[0][0].names):
        with_order, without, users = [], [], []
        for ordered, mixed in pairs:
            _, here, there = np.intersect1d(ordered.at, mixed.at, return_indices=True)
            with_order.append(ordered.gains(name)[here])
            without.append(mixed.gains(name)[there])
            users.append(case.columns.user[ordered.at[here]])
        ours, theirs = np.concatenate(with_order), np.concatenate(without)
        lost = difference_interval(ours, theirs, np.concatenate(users), np.random.default_rng(0))
        whole = float(ours.mean())
        yield {
            "model": name,
            "ndcg@10": round(whole, 5),
            "shuffled_ndcg@10": round(float(theirs.mean()), 5),
            "lost": round(lost.mean, 5),
            "lost_ci95": [round(lost.low, 5), round(lost.high, 5)],
            "lost_share": round(lost.mean / whole, 4) if whole else 0.0,
        }
