"""Which model is served: the cheapest that nothing is surely better than, and true reasons."""

from typing import Any

import numpy as np

from penchant.evaluation.verdict import verdict

USERS = np.arange(200)
LOG = {"events": 3000, "users": 200, "items": 50}
RNG = np.random.default_rng(0)
BASE = RNG.random(200)


def row(name: str, kind: str, cost: float, gains: np.ndarray, lost: float = 0.1) -> dict[str, Any]:
    mean = round(float(gains.mean()), 5)
    return {
        "model": f"engine ({name})" if kind == "engine" else name,
        "kind": kind,
        "with": name,
        "serves": ["blend"] if kind == "engine" else [],
        "ndcg@10": mean,
        "ci95": [mean - 0.01, mean + 0.01],
        "cost_ms": cost,
        "order": {
            "model": name,
            "ndcg@10": mean,
            "lost": lost,
            "lost_ci95": [lost - 0.05, lost + 0.05],
        },
        "drift": {"recovered_after": 1, "native": [0.1] * 20, "asked": [60] * 20},
    }


def judged(*rows_and_gains: tuple[dict[str, Any], np.ndarray]) -> dict[str, Any]:
    rows = [one for one, _ in rows_and_gains]
    return verdict(rows, {one["model"]: gains for one, gains in rows_and_gains}, USERS, LOG)


def entry(name: str, kind: str, cost: float, gains: np.ndarray, lost: float = 0.1):
    return row(name, kind, cost, gains, lost), gains


def test_the_cheapest_of_equals_is_served_and_a_surely_worse_one_is_not() -> None:
    noise = RNG.normal(0, 0.1, 200)
    found = judged(
        entry("big", "engine", 5.0, BASE + 0.3 + noise),
        entry("small", "engine", 1.0, BASE + 0.3),
        entry("poor", "engine", 0.1, BASE),
        entry("popular", "baseline", 0.01, BASE - 0.2),
        entry("transition", "baseline", 0.01, BASE - 0.3),
        *(entry(n, "sequence", 0.1, BASE, 0.2) for n in ("big", "small", "poor")),
    )
    assert found["model"] == "small"
    accuracy, baseline, order, drift = found["why"]
    assert "the cheapest of" in accuracy
    assert "poor" not in accuracy
    assert "(3,000 events, 15.0 a user): it is surely above the strongest" in baseline
    assert order.startswith("Order matters here: small loses 0.2")
    assert "after 1 event (over 60 splices)." in drift


def test_a_baseline_that_is_better_and_histories_without_order_are_told() -> None:
    weak = entry("transition", "baseline", 0.01, BASE - 0.2, 0.0)
    weak[0]["order"]["lost_ci95"] = [-0.02, 0.02]
    found = judged(
        entry("only", "engine", 1.0, BASE),
        entry("popular", "baseline", 0.01, BASE + 0.2, 0.0),
        weak,
        entry("only", "sequence", 0.1, BASE, 0.01),
    )
    accuracy, baseline, order, _ = found["why"]
    assert accuracy.endswith("no other model was run.")
    assert baseline.startswith("But popular alone")
    assert order.startswith("Order is not seen to matter here")


def test_a_model_that_the_blend_leaves_out_is_said_to_make_no_difference() -> None:
    others = (
        entry("trending_1d", "baseline", 0.01, BASE),
        entry("transition", "baseline", 0.01, BASE - 0.2),
        entry("only", "sequence", 0.1, BASE),
    )
    engine = {**row("only", "engine", 1.0, BASE), "serves": ["trending_1d", "trending_1d / habit"]}
    told = judged((engine, BASE), *others)["why"][1]
    assert told.startswith("Its slates are those of habit and trending_1d alone: ")
    alike = {**engine, "serves": ["counts alike", "counts alike"]}
    told = judged((alike, BASE), *others)["why"][1]
    assert told.startswith("Too few events were held out to weigh its sources by: ")


def test_too_few_events_are_said_to_be_too_few() -> None:
    few = np.tile([0.0, 0.3], 4)
    engine, alone, baseline = (
        row(name, kind, 1.0, few)
        for name, kind in (("only", "engine"), ("only", "sequence"), ("transition", "baseline"))
    )
    for each in (alone, baseline):
        each["order"]["lost_ci95"] = [-0.1, 0.5]
    gains = {"engine (only)": few, "transition": few[::-1], "only": few}
    why = verdict([engine, alone, baseline], gains, np.arange(8), LOG)["why"]
    assert why[1].endswith("The 8 events asked are too few to tell.")
    assert why[2].startswith("Whether order matters cannot be told from so few events")


def test_what_may_be_a_tenth_better_is_not_called_as_good() -> None:
    other = entry("only", "sequence", 1.0, BASE)
    other[0]["order"] |= {"lost": 0.03, "lost_ci95": [-0.003, 0.064], "ndcg@10": 0.15}
    weak = entry("transition", "baseline", 0.01, BASE - 0.2)
    weak[0]["order"]["lost_ci95"] = [-0.01, 0.01]
    close = entry("popular", "baseline", 0.01, BASE)
    noisy = entry("only", "engine", 1.0, BASE + RNG.normal(0.01, 0.6, 200))
    why = judged(noisy, other, close, weak)["why"]
    assert why[1].endswith("The 200 events asked are too few to tell.")
    assert why[2].startswith("Whether order matters cannot be told from so few events")


def test_one_that_another_is_surely_better_than_is_not_served_however_noisy_the_best_is() -> None:
    noisy = BASE + RNG.normal(0, 1.0, 200)
    noisy += 0.02 - noisy.mean() + BASE.mean()
    found = judged(
        entry("noisy", "engine", 3.0, noisy),
        entry("steady", "engine", 2.0, BASE),
        entry("worse", "engine", 1.0, BASE - 0.004 + RNG.normal(0, 0.001, 200)),
        entry("transition", "baseline", 0.01, BASE - 0.2),
        *(entry(name, "sequence", 0.1, BASE) for name in ("noisy", "steady", "worse")),
    )
    assert found["model"] == "steady"


def test_where_nothing_is_known_of_the_second_user_nothing_is_said_of_drift() -> None:
    engine = entry("only", "engine", 1.0, BASE)
    engine[0]["drift"] = {"recovered_after": None, "native": [0.0] * 20, "asked": [60] * 20}
    engine[0]["serves"] = ["counts alike", "popular"]
    found = judged(
        engine,
        entry("transition", "baseline", 0.01, BASE - 0.2),
        entry("only", "sequence", 0.1, BASE),
    )
    assert not any("becomes another" in sentence for sentence in found["why"])
    assert found["why"][1].startswith("Its slates are those of popular alone: ")
    assert "or, where too few events were held out, counts that weigh alike" in found["why"][1]


def test_the_best_is_named_alone_when_all_others_are_surely_below() -> None:
    found = judged(
        entry("good", "engine", 9.0, BASE + 0.5),
        entry("poor", "engine", 0.1, BASE),
        entry("popular", "baseline", 0.01, BASE + 0.5),
        entry("transition", "baseline", 0.01, BASE),
        *(entry(n, "sequence", 0.1, BASE) for n in ("good", "poor")),
    )
    assert found["model"] == "good"
    assert "surely above all" in found["why"][0]
    assert "cannot be told apart from popular alone" in found["why"][1]
