"""Intervals: drawn by user, reproducible, quick."""

import time

import numpy as np
import pytest

from penchant.core.errors import NotEnoughDataError, ShapeError
from penchant.measures.intervals import difference_interval, mean_interval


def test_the_interval_of_independent_events_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 4000)
    found = mean_interval(values, np.arange(4000), np.random.default_rng(0))
    half = 1.96 * 0.1 / np.sqrt(4000)
    assert found.mean == values.mean()
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)
    assert found.low < found.mean < found.high


def test_events_of_one_user_do_not_count_as_independent() -> None:
    taste = np.random.default_rng(1).random(50)
    users = np.repeat(np.arange(50), 100)
    by_user = mean_interval(taste[users], users, np.random.default_rng(0))
    by_event = mean_interval(taste[users], np.arange(5000), np.random.default_rng(0))
    assert by_user.high - by_user.low > 8 * (by_event.high - by_event.low)  # sqrt(100) = 10


def test_a_seed_gives_the_same_interval_again() -> None:
    values, users = np.random.default_rng(1).random(100), np.arange(100) % 7
    one = mean_interval(values, users, np.random.default_rng(5))
    assert mean_interval(values, users, np.random.default_rng(5)) == one


def test_a_small_steady_gain_is_seen_by_pairs_though_not_by_two_intervals() -> None:
    rng = np.random.default_rng(1)
    theirs = rng.random(500)
    ours = theirs + 0.01 + rng.normal(0, 0.02, 500)
    users = np.arange(500)
    gap = difference_interval(ours, theirs, users, np.random.default_rng(0))
    alone = mean_interval(theirs, users, np.random.default_rng(0))
    assert not gap.low <= 0.0 <= gap.high
    assert alone.low <= ours.mean() <= alone.high


def test_a_hundred_thousand_events_take_less_than_two_seconds() -> None:
    values, users = np.random.default_rng(1).random(100_000), np.arange(100_000) % 6000
    begun = time.process_time()
    mean_interval(values, users, np.random.default_rng(0))
    assert time.process_time() - begun < 2.0


def test_no_events_and_arrays_that_do_not_fit_are_errors() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NotEnoughDataError, match="at least one event"):
        mean_interval(np.array([]), np.array([], int), rng)
    with pytest.raises(ShapeError, match=r"values \(2,\) do not fit users \(3,\)"):
        mean_interval(np.zeros(2), np.zeros(3, int), rng)
    with pytest.raises(ShapeError, match=r"our values \(2,\) do not pair with theirs \(3,\)"):
        difference_interval(np.zeros(2), np.zeros(3), np.zeros(2, int), rng)


def test_what_five_users_like_better_is_not_sure_of_others() -> None:
    ours, theirs, users = np.full(9, 0.8), np.full(9, 0.2), np.full(9, 4)
    gap = difference_interval(ours, theirs, users, np.random.default_rng(0))
    assert (gap.mean, gap.low, gap.high) == (pytest.approx(0.6), -1.0, 1.0)
    users[:5] = range(4, 9)
    assert difference_interval(ours, theirs, users, np.random.default_rng(0)).low == -1.0
    users[:6] = range(4, 10)
    assert difference_interval(ours, theirs, users, np.random.default_rng(0)).low > 0.5
