"""Cold items and cold users: who falls into which bucket, and what may be known of them."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.engine.learned import Learned
from penchant.evaluation.case import Case, Ranked, rank_later
from penchant.evaluation.cold import cold_rows, evaluate_cold
from penchant.measures.ranking import ndcg


def test_each_target_falls_into_one_bucket_of_items_and_one_of_users(case: Case) -> None:
    columns = case.columns
    late = np.flatnonzero(columns.time_s >= case.cut)
    row = columns.row.copy()
    early = columns.time_s < case.cut
    row[early & (row == 3)] = 4  # item 3 is never met in training
    row[np.flatnonzero(early & (row == 5))[4:]] = 6  # item 5 four times
    other = replace(case, columns=replace(columns, row=row))
    past = np.arange(len(late)) % 12
    ranks = np.where(row[late] == 3, 1.0, 0.0)[None]
    ran = Ranked(("engine",), late, past, ranks)
    rows = {(r["of"], r["bucket"]): r for r in cold_rows(other, [ran])}
    assert rows["items", "0"]["events"] == int((row[late] == 3).sum())
    assert rows["items", "1-5"]["events"] == int((row[late] == 5).sum())
    assert rows["items", "0"]["ndcg@10"] == pytest.approx(1 / np.log2(3), abs=1e-5)
    assert rows["items", "21+"]["ndcg@10"] == 1.0
    assert rows["users", "0"]["events"] == int((past == 0).sum())
    assert rows["users", "10+"]["events"] == int((past >= 10).sum())
    for of in ("items", "users"):
        assert sum(r["events"] for (o, _), r in rows.items() if o == of) == len(late)


def test_a_later_event_changes_no_bucket_of_an_earlier_target(case: Case, learned: Learned) -> None:
    as_was = rank_later(case, learned, strangers=True)
    cut_off = replace(case, columns=case.columns.take(np.arange(len(case.columns)) < 940))
    object.__setattr__(cut_off, "cut", case.cut)
    as_is = rank_later(cut_off, learned, strangers=True)
    n = len(as_is.at)
    kept = Ranked(as_was.names, as_was.at[:n], as_was.past[:n], as_was.ranks[:, :n])
    assert list(cold_rows(case, [kept])) == list(cold_rows(cut_off, [as_is]))


def test_rows_come_as_trained_and_as_the_control_of_ids_alone(case: Case) -> None:
    report = evaluate_cold(case, [0], frozenset({"engine", "popular"}))
    controls = {(row["model"], row["control"]) for row in report["rows"]}
    assert controls == {(m, c) for m in ("engine", "popular") for c in ("none", "ids")}
    ran = rank_later(case, case.learn(0), strangers=True)
    whole = float(ndcg(ran.ranks[ran.names.index("popular")], 10).mean())
    of_items = [
        row
        for row in report["rows"]
        if row["control"] == "none" and row["of"] == "items" and row["model"] == "popular"
    ]
    mean = sum(row["events"] * row["ndcg@10"] for row in of_items) / report["events"]
    assert mean == pytest.approx(whole, abs=2e-5)
