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
        "ndcg@10": mean,
        "ci95": [mean - 0.01, mean + 0.01],
        "cost_ms": cost,
        "order": {"model": name, "ndcg@10": mean, "lost": lost, "lost_ci95": [lost - 0.05, 0.5]},
        "drift": {"recovered_after": 1, "native": [0.1] * 20},
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
    assert "after 1 event." in drift


def test_a_baseline_that_is_better_and_histories_without_order_are_told() -> None:
    found = judged(
        entry("only", "engine", 1.0, BASE),
        entry("popular", "baseline", 0.01, BASE + 0.2, 0.0),
        entry("transition", "baseline", 0.01, BASE - 0.2, 0.0),
        entry("only", "sequence", 0.1, BASE, 0.01),
    )
    accuracy, baseline, order, _ = found["why"]
    assert accuracy.endswith("no other model was run.")
    assert baseline.startswith("But popular alone")
    assert order.startswith("Order is not seen to matter here")


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
