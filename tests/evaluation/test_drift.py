"""A user becomes another: the answer is known, and how soon each row has it."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.core.errors import NotEnoughDataError
from penchant.engine.learned import Learned
from penchant.evaluation.case import Case
from penchant.evaluation.drift import Spliced, drift_rows, recovered_after, splice


def spliced(case: Case, learned: Learned, events: int = 6) -> Spliced:
    return splice(case, learned, np.random.default_rng(0), 30, events)


def test_a_model_of_the_last_item_has_recovered_after_one_event(
    case: Case, learned: Learned
) -> None:
    run = spliced(case, learned)
    at = run.names.index("transition")
    assert np.array_equal(run.spliced[at, :, 1:], run.native[at, :, 1:])
    assert run.spliced[at, :, 0].mean() < run.native[at, :, 0].mean() - 0.1
    rows = {row["model"]: row for row in drift_rows([run])}
    assert rows["transition"]["spliced"][1:] == rows["transition"]["native"][1:]
    lost = rows["transition"]["native"][0] - rows["transition"]["spliced"][0]
    assert rows["transition"]["area_lost"] == pytest.approx(lost, abs=1e-4)
    assert rows["transition"]["recovered_after"] == 1


def test_what_is_popular_loses_nothing_and_a_frozen_state_never_learns(
    case: Case, learned: Learned
) -> None:
    run = spliced(case, learned)
    popular, transition = run.names.index("popular"), run.names.index("transition")
    assert np.array_equal(run.spliced[popular], run.native[popular])
    assert np.array_equal(run.frozen[transition, :, 0], run.spliced[transition, :, 0])
    assert run.frozen[transition, :, 1:].mean() < run.native[transition, :, 1:].mean() - 0.1
    assert len(run.second) >= 30
    assert len(np.unique(run.second)) == 12


def test_later_events_of_the_second_user_change_nothing_before_them(
    case: Case, learned: Learned
) -> None:
    late = np.flatnonzero(case.columns.time_s >= case.cut)
    other = case.columns.row.copy()
    other[late[48:]] = (other[late[48:]] + 7) % 20  # from everybody's fifth event on
    changed = replace(case, columns=replace(case.columns, row=other))
    as_was, as_is = spliced(case, learned), spliced(changed, learned)
    for kind in ("native", "spliced", "frozen"):
        one, two = getattr(as_was, kind), getattr(as_is, kind)
        assert np.array_equal(one[:, :, :4], two[:, :, :4])
        assert not np.array_equal(one[:, :, 4:], two[:, :, 4:])


def test_recovery_is_the_first_number_of_events_with_nine_tenths_of_the_native_gain() -> None:
    native = np.full((4, 8), 0.5)
    slow = np.tile(np.array([0.0, 0.1, 0.2, 0.3, 0.45, 0.45, 0.5, 0.5]), (4, 1))
    assert recovered_after(native, slow) == 4
    assert recovered_after(native, native) == 0
    slow[0, 5:] = native[0, 5:] = np.nan  # one stream was shorter
    assert recovered_after(native, slow) == 4


def test_where_nothing_was_asked_nothing_has_recovered() -> None:
    native, far = np.full((4, 8), 0.5), np.full((4, 8), 0.15)
    native[:, 5:] = far[:, 5:] = np.nan
    assert recovered_after(native, far) is None
    assert recovered_after(np.zeros((4, 8)), np.zeros((4, 8))) is None


def test_without_users_on_both_sides_of_the_cut_there_is_no_drift(
    case: Case, learned: Learned
) -> None:
    early = case.columns.time_s < case.cut
    few = case.columns.take(early | (np.arange(len(early)) % 13 == 0))
    alone = replace(case, columns=few)
    object.__setattr__(alone, "cut", case.cut)
    with pytest.raises(NotEnoughDataError, match="0 users have 5 events on each side"):
        spliced(alone, learned)
