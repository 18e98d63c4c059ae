"""Histories without their order: the same events, and only those models lose that use it."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.core.ids import UserId
from penchant.evaluation.case import Case, rank_later
from penchant.evaluation.shuffle import evaluate_shuffle, pair, shuffled


def test_each_user_keeps_the_same_events_before_the_cut_and_after_it(case: Case) -> None:
    moved, origin = shuffled(case.columns, (4e6, case.cut), np.random.default_rng(0))
    assert moved.time_s.tolist() == case.columns.time_s.tolist()
    assert moved.user.tolist() == case.columns.user.tolist()
    assert moved.row.tolist() == case.columns.row[origin].tolist()
    assert sorted(origin.tolist()) == list(range(len(origin)))
    for edge in (4e6, case.cut):
        late = case.columns.time_s >= edge
        assert np.array_equal(late, late[origin])
    assert moved.row.tolist() != case.columns.row.tolist()


def test_what_comes_after_the_cut_changes_nothing_before_it(case: Case) -> None:
    early = case.columns.time_s < case.cut
    whole, _ = shuffled(case.columns, (4e6, case.cut), np.random.default_rng(0))
    other = case.columns.row.copy()
    other[~early] = (other[~early] + 3) % 20
    changed = type(case.columns)(**{**vars(case.columns), "row": other})
    again, _ = shuffled(changed, (4e6, case.cut), np.random.default_rng(0))
    assert whole.row[early].tolist() == again.row[early].tolist()


def test_an_event_is_asked_twice_only_where_its_user_has_a_past_both_times(case: Case) -> None:
    user = case.columns.user.copy()
    late = np.flatnonzero((user == 3) & (case.columns.time_s >= case.cut))
    user[late] = 12
    columns = replace(case.columns, user=user, users=[*case.columns.users, UserId("new")])
    met = replace(case, columns=columns)
    ordered, mixed = pair(met, 0, rank_later(met, met.learn(0), strangers=True))
    assert late[0] in ordered.at
    assert late[0] not in mixed.at
    assert (ordered.past[np.isin(ordered.at, mixed.at)] > 0).all()
    assert (mixed.past > 0).all()
    assert evaluate_shuffle(met, [0])["events"] == len(np.intersect1d(ordered.at, mixed.at))


def test_transitions_lose_and_habits_do_not(case: Case) -> None:
    report = evaluate_shuffle(case, [0])
    rows = {row["model"]: row for row in report["rows"]}
    transition, habit = rows["transition"], rows["habit"]
    assert transition["lost_share"] > 0.2
    assert transition["lost_ci95"][0] > 0
    assert abs(habit["lost"]) < transition["lost"] / 2
    difference = transition["ndcg@10"] - transition["shuffled_ndcg@10"]
    assert transition["lost"] == pytest.approx(difference, abs=2e-5)
