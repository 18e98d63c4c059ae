"""Windows after the cut, the slope over them, and rows paired with the engine."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.evaluation.case import Case
from penchant.evaluation.prequential import evaluate_prequential, slope, window_edges


def test_windows_make_up_the_whole_and_the_worst_is_the_lowest(case: Case) -> None:
    report = evaluate_prequential(case, [0])
    sizes = np.array(report["windows"])
    assert sizes.sum() == report["events"]
    assert len(sizes) == 3
    rows = {(row["model"], row["variant"]): row for row in report["rows"]}
    for row in rows.values():
        mean = float(sizes @ row["by_window"]) / sizes.sum()
        assert row["ndcg@10"] == pytest.approx(mean, abs=2e-5)
        assert row["worst_window"] == min(row["by_window"])
    assert rows["engine", "state"]["less_engine_ci95"] == [0.0, 0.0]
    ours, engine = rows["transition", "state"], rows["engine", "state"]
    gap = ours["ndcg@10"] - engine["ndcg@10"]
    assert ours["less_engine"] == pytest.approx(gap, abs=2e-5)
    low, high = ours["less_engine_ci95"]
    assert 0 < low <= ours["less_engine"] <= high  # too few events to learn a blend from


@pytest.mark.slow
def test_a_later_window_cannot_change_an_earlier_one(case: Case) -> None:
    models = frozenset({"engine", "transition", "recurrent"})
    as_was = evaluate_prequential(case, [0], models)
    last = len(case.columns) - as_was["windows"][-1]
    other = case.columns.row.copy()
    other[last:] = (other[last:] + 7) % len(case.columns.items)
    changed = replace(case, columns=replace(case.columns, row=other))
    as_is = evaluate_prequential(changed, [0], models)
    for one, two in zip(as_was["rows"], as_is["rows"], strict=True):
        assert one["by_window"][:-1] == two["by_window"][:-1]
    assert as_was["rows"] != as_is["rows"]


def test_the_slope_is_the_change_over_the_whole_stretch() -> None:
    gains = np.linspace(0.2, 0.5, 400)
    found = slope(gains, np.arange(400) % 40)
    assert found.mean == pytest.approx(0.3)
    assert found.low < 0.3 < found.high
    flat = slope(np.full(100, 0.4), np.arange(100))
    assert (flat.mean, flat.low, flat.high) == pytest.approx((0.0, 0.0, 0.0))


def test_windows_are_alike_long_and_never_more_than_targets() -> None:
    assert window_edges(10, 4).tolist() == [0, 2, 5, 7, 10]
    assert window_edges(2, 4).tolist() == [0, 1, 2]
