"""Which model to serve, and why: from the rows of a comparison and their gains by target."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from penchant.engine.stages import ALIKE
from penchant.measures.intervals import Interval, difference_interval

Row = Mapping[str, Any]
Gains = Mapping[str, NDArray[np.float64]]
MATTERS: Final = 0.1
"""Share of a figure by which it may differ and still be called as good."""


def verdict(
    rows: Sequence[Row], gains: Gains, users: NDArray[np.int32], log: Mapping[str, int]
) -> dict[str, Any]:
    """The cheapest engine that no other is surely better than, and sentences that say why.

    `gains` (Q,) by row on the same targets, `users` (Q,) of them; `log` counts the `events` and
    `users` that were trained on. Surely: the 95 % interval of the
    paired difference lies above 0.
    """
    engines = sorted((r for r in rows if r["kind"] == "engine"), key=lambda r: -r["ndcg@10"])
    best = engines[0]
    equals = [
        row
        for place, row in enumerate(engines)
        if not any(
            _less(gains, better["model"], row["model"], users).low > 0 for better in engines[:place]
        )
    ]
    served = min(equals, key=lambda row: row["cost_ms"])
    return {
        "model": served["with"],
        "why": [
            _accuracy(served, best, equals, engines),
            *_without(served),
            _baselines(served, rows, gains, users, log),
            _order(served, rows),
            *_drift(served),
        ],
    }


def _less(gains: Gains, ours: str, theirs: str, users: NDArray[np.int32]) -> Interval:
    return difference_interval(gains[ours], gains[theirs], users, np.random.default_rng(0))


def _accuracy(served: Row, best: Row, equals: Sequence[Row], engines: Sequence[Row]) -> str:
    cost = f"{served['cost_ms']:.2f} ms an event"
    here = f"NDCG@10 {served['ndcg@10']:.4f} ({_between(served['ci95'])})"
    if len(engines) == 1:
        return f"The engine with {served['with']} reaches {here} at {cost}; no other model was run."
    if len(equals) == 1:
        return f"The engine with {served['with']} reaches {here} at {cost}, surely above all."
    among = ", ".join(row["with"] for row in equals)
    if served is best:
        return (
            f"The engine with {served['with']} reaches {here}, the most of all, and at {cost} it "
            f"is the cheapest of those that cannot be told apart from it ({among})."
        )
    return (
        f"The engine with {served['with']} reaches {here}. That cannot be told apart from the most "
        f"({best['with']}, {best['ndcg@10']:.4f}), and at {cost} it is the cheapest of {among}."
    )


def _without(served: Row) -> list[str]:
    """Where the blend leaves the model out, what makes the slates."""
    used = {part for chosen in served["serves"] for part in chosen.split(" / ")}
    if used & {"blend", served["with"]}:
        return []
    if used == {ALIKE}:
        return [
            "Too few events were held out to weigh its sources by: its slates are made of counts, "
            f"all weighing alike, so that {served['with']} makes no difference to them."
        ]
    few = (
        " or, where too few events were held out, counts that weigh alike" if ALIKE in used else ""
    )
    return [
        f"Its slates are those of {' and '.join(sorted(used - {ALIKE}))} alone: on the events held "
        f"out no blend was better{few}, so that {served['with']} makes no difference to them."
    ]


def _baselines(
    served: Row,
    rows: Sequence[Row],
    gains: Gains,
    users: NDArray[np.int32],
    log: Mapping[str, int],
) -> str:
    strongest = max(
        (row for row in rows if row["kind"] == "baseline"), key=lambda row: row["ndcg@10"]
    )
    name, worth = strongest["model"], f"{strongest['ndcg@10']:.4f}"
    gap = _less(gains, served["model"], name, users)
    by = f"{gap.mean:+.4f}, {_between((gap.low, gap.high))}"
    size = f"{log['events']:,} events, {log['events'] / max(1, log['users']):.1f} a user"
    if gap.low > 0:
        return (
            f"The log is large enough to learn from ({size}): it is surely above the strongest "
            f"baseline, {name} ({worth}): {by}."
        )
    if gap.high < 0:
        return (
            f"But {name} alone ({worth}) is surely above it: {by}. Serve that, or train on more "
            f"events or for longer and compare again."
        )
    said = f"It cannot be told apart from {name} alone ({worth}): {by}."
    if gap.high > MATTERS * strongest["ndcg@10"]:
        return f"{said} The {len(users):,} events asked are too few to tell."
    return f"{said} With {size}, a baseline does as well."


def _order(served: Row, rows: Sequence[Row]) -> str:
    """What the shuffle control says of sequences in this log."""
    ordered = [
        row["order"]
        for row in rows
        if row["model"] in (served["with"], "transition") and row["order"] is not None
    ]
    shown = max(ordered, key=lambda order: order["lost_ci95"][0])
    told = (
        f"{shown['model']} loses {shown['lost']:.4f} ({_between(shown['lost_ci95'])}) of its "
        f"{shown['ndcg@10']:.4f} when histories are shuffled"
    )
    if shown["lost_ci95"][0] > 0:
        return f"Order matters here: {told}. A model of sequences has something to learn."
    if shown["lost_ci95"][1] > MATTERS * shown["ndcg@10"]:
        return f"Whether order matters cannot be told from so few events: {told}."
    return f"Order is not seen to matter here: {told}. A model of sequences has little to add."


def _drift(served: Row) -> list[str]:
    drift = served["drift"]
    if drift is None:
        return []
    if not any(drift["native"]):
        return []  # nothing is known of the other either
    after, splices = drift["recovered_after"], f"(over {max(drift['asked']):,} splices)"
    if after is None:
        return [
            f"When a user becomes another, it does not reach 90 % of what it knows of the other "
            f"within {len(drift['native'])} events {splices}."
        ]
    if after == 0:
        return [f"When a user becomes another, no loss is seen at its first events {splices}."]
    return [
        f"When a user becomes another, it is back at 90 % of what it knows of the other after "
        f"{after} event{'' if after == 1 else 's'} {splices}."
    ]


def _between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"
