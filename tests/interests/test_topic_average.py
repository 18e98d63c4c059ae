"""The topic average: its formula, its fading, and what speaks against an item."""

import math
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures
from penchant.core.errors import ConfigError, ShapeError
from penchant.core.interests import softmax
from penchant.interests.topic_average import TopicAverage

TAU_S = 3600.0
PRIOR = np.float32([0.4, 0.3, 0.3])
EVEN = np.full(4, 0.25, np.float32)
ITEM = np.float32([0.5, 0.3, 0.2])
V = softmax(ITEM)


def model(rate: float = 0.1, prior: np.ndarray = PRIOR, **more: float) -> TopicAverage:
    """W the identity and b zero, so that an item's memberships are the softmax of its vector."""
    size = len(prior)
    return TopicAverage(
        np.eye(size, dtype=np.float32), np.zeros(size, np.float32), rate, TAU_S, prior, **more
    )


def event(vector: np.ndarray | None = ITEM, weight: float = 1.0, time_s: float = 0.0):
    return EventFeatures(0, vector, 1, weight, 0.0, time_s)


def interest(one: TopicAverage, state, now_s: float) -> np.ndarray:
    return one.read(state, now_s).directions[0]


def test_an_event_moves_the_interest_by_the_formula_with_elapsed_time() -> None:
    one = model()
    first = one.step(one.start(), event(time_s=100.0))
    other = np.float32([0.0, 0.0, 2.0])
    second = one.step(first, event(other, time_s=100.0 + 1800.0))
    rate = 1 - (1 - 0.1) * math.exp(-1800.0 / TAU_S)
    expected = (1 - rate) * interest(one, first, 100.0) + rate * softmax(other)
    np.testing.assert_allclose(interest(one, second, 1900.0), expected, atol=1e-6)


def test_a_heavier_event_counts_as_that_many_at_once() -> None:
    one = model()
    twice = one.step(one.step(one.start(), event()), event())
    heavy = one.step(one.start(), event(weight=2.0))
    np.testing.assert_allclose(heavy.short, twice.short, atol=1e-6)
    assert interest(one, heavy, 0.0)[0] == pytest.approx(0.81 * 0.4 + 0.19 * V[0], abs=1e-6)


def test_a_stranger_wants_what_the_prior_says_at_any_time() -> None:
    one = model()
    for now_s in (0.0, 1e9):
        assert interest(one, one.start(), now_s).tolist() == PRIOR.tolist()


def test_silence_fades_to_the_long_term_interest_and_that_to_the_prior() -> None:
    one = model(rate=0.5, prior_mass=2.0, long_tau_s=1e9)
    old, new = np.float32([9.0, 0.0, 0.0]), np.float32([0.0, 9.0, 0.0])
    events = [event(old, time_s=float(n)) for n in range(98)] + [event(new, time_s=98.0)] * 2
    state = one.fold(one.start(), events)
    assert interest(one, state, 98.0).argmax() == 1  # now: the last two
    month = interest(one, state, 98.0 + 100 * TAU_S)
    long_term = 0.98 * softmax(old) + 0.02 * softmax(new)
    np.testing.assert_allclose(month, (100 * long_term + 2 * PRIOR) / 102, atol=1e-3)
    np.testing.assert_allclose(interest(one, state, 98.0 + 30e9), PRIOR, atol=1e-6)


def test_fading_changes_the_ranking_and_not_only_the_length() -> None:
    one = model(rate=0.9)
    state = one.step(one.start(), event(np.float32([0.0, 0.0, 5.0])))
    assert interest(one, state, 0.0).argmax() == 2
    assert interest(one, state, 1000 * TAU_S).argmax() == 0


@given(
    u=st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5).filter(lambda u: sum(u) > 0.1),
    x=st.lists(st.floats(-30.0, 30.0), min_size=5, max_size=5),
    weight=st.floats(-50.0, -0.01),
    wait_s=st.floats(0.0, 1e7),
)
def test_an_event_against_an_item_moves_away_from_it_and_keeps_a_distribution(
    u: list[float], x: list[float], weight: float, wait_s: float
) -> None:
    prior, item = np.float32(u) / np.float32(sum(u)), np.float32(x)
    one = model(prior=prior)
    met = one.step(one.start(), event(np.float32([1, 0, 0, 2, 0])))
    before = interest(one, met, wait_s)
    after = interest(one, one.step(met, event(item, weight, wait_s)), wait_s)
    v = softmax(item)
    assert after @ v <= before @ v + 1e-5
    assert after.min() >= 0.0
    assert after.sum() == pytest.approx(1.0, abs=1e-5)


def test_away_is_the_interest_without_the_topics_of_the_item_in_proportion() -> None:
    one = model()
    state = one.step(one.start(), event(weight=-1.0))
    left = PRIOR * (1 - V)
    expected = 0.9 * PRIOR + 0.1 * left / left.sum()
    np.testing.assert_allclose(interest(one, state, 0.0), expected, atol=1e-6)


def test_an_interest_that_is_all_in_a_dismissed_topic_leaves_it() -> None:
    sure = np.float32([1.0, 0.0, 0.0])
    one = model(prior=sure)
    state = one.step(one.start(), event(np.float32([200.0, 0.0, 0.0]), weight=-1.0))
    np.testing.assert_allclose(interest(one, state, 0.0), [0.9, 0.05, 0.05], atol=1e-6)


def test_a_dismissal_after_long_silence_does_not_wake_the_old_short_term_interest() -> None:
    one = model(rate=0.9)
    state = one.step(one.start(), event(np.float32([0.0, 0.0, 9.0])))
    later_s = 1e9
    dismissed = one.step(state, event(np.float32([0.0, 9.0, 0.0]), -1.0, later_s))
    assert interest(one, dismissed, later_s)[2] < PRIOR[2] + 0.2


@pytest.mark.parametrize("nothing", [event(None, 1.0, 7200.0), event(ITEM, 0.0, 7200.0)])
def test_an_event_that_moves_time_only_leaves_every_later_reading_as_it_was(nothing) -> None:
    one = model()
    state = one.step(one.start(), event())
    quiet = one.step(state, nothing)
    for now_s in (7200.0, 9000.0, 1e6):
        assert interest(one, quiet, now_s).tolist() == interest(one, state, now_s).tolist()
    after, plain = one.step(quiet, event(time_s=9000.0)), one.step(state, event(time_s=9000.0))
    assert after.short.tolist() == plain.short.tolist()


def test_a_late_event_counts_as_of_the_last_one_seen() -> None:
    one = model()
    state = one.step(one.start(), event(time_s=1000.0))
    late, now = one.step(state, event(time_s=10.0)), one.step(state, event(time_s=1000.0))
    assert late.short.tolist() == now.short.tolist()
    assert late.moved_s == 1000.0


def test_one_step_takes_less_than_fifty_microseconds() -> None:
    rng = np.random.default_rng(0)
    prior = rng.dirichlet(np.ones(48)).astype(np.float32)
    one = TopicAverage(rng.normal(size=(48, 64)).astype("f4"), prior, 0.1, TAU_S, prior)
    moved = event(rng.normal(size=64).astype(np.float32))
    state = one.step(one.start(), moved)
    took_s = min(timeit.repeat(lambda: one.step(state, moved), number=20, repeat=200)) / 20
    assert took_s < 50e-6


def test_shapes_and_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match=r"W \(3, 3\), b \(2,\) and prior \(3,\)"):
        TopicAverage(np.eye(3, dtype="f4"), np.zeros(2, "f4"), 0.1, TAU_S, PRIOR)
    with pytest.raises(ConfigError, match=r"rate 1\.5 must be in"):
        model(rate=1.5)
    one = model()
    with pytest.raises(ShapeError, match=r"\(2,\) does not fit W \(3, 3\)"):
        one.step(one.start(), event(ITEM[:2]))
    with pytest.raises(ShapeError, match="does not fit 3 topics in 50 bytes"):
        one.load(b"short")
    other = model(prior=np.float32([0.5, 0.5]))
    with pytest.raises(ShapeError, match="a state of 2 topics in 42 bytes"):
        one.load(other.dump(other.start()))


def test_a_type_has_its_own_rate_and_one_that_is_new_that_of_the_unknown() -> None:
    one = TopicAverage(np.eye(3, dtype="f4"), np.zeros(3, "f4"), (0.1, 0.5, 0.0), TAU_S, PRIOR)
    for type_, rate in ((0, 0.1), (1, 0.5), (2, 0.0), (9, 0.1)):
        moved = one.step(one.start(), event()._replace(type=type_))
        np.testing.assert_allclose(moved.short, (1 - rate) * PRIOR + rate * V, atol=1e-6)
    with pytest.raises(ConfigError, match=r"rate \(0\.1, 1\.0\) must be in"):
        TopicAverage(np.eye(3, dtype="f4"), np.zeros(3, "f4"), (0.1, 1.0), TAU_S, PRIOR)


def test_the_rate_rises_when_events_surprise_and_falls_as_the_interest_follows() -> None:
    steady, adaptive = model(prior=EVEN), model(prior=EVEN, change=0.05)
    first, second = np.float32([6, 0, 0, 0]), np.float32([0, 0, 0, 6])
    both = [one.fold(one.start(), [event(first)] * 30) for one in (steady, adaptive)]
    rates = []
    for _ in range(8):
        before = interest(adaptive, both[1], 0.0)[3]
        both = [one.step(s, event(second)) for one, s in zip((steady, adaptive), both, strict=True)]
        v = softmax(second)[3]
        rates.append((interest(adaptive, both[1], 0.0)[3] - before) / (v - before))
    assert rates[0] > 0.4
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.12
    assert interest(adaptive, both[1], 0.0)[3] > 1.4 * interest(steady, both[0], 0.0)[3]


def test_how_far_a_surprise_moves_is_its_odds_against_the_interest() -> None:
    one = model(change=0.2)
    state = one.fold(one.start(), [event()] * 3)
    other = np.float32([-3.0, 0.0, 3.0])
    u, v = interest(one, state, 0.0), softmax(other)
    odds = 0.25 * float(PRIOR @ v) / float(u @ v)
    rate = 1 - 0.9 / (1 + odds)
    moved = one.step(state, event(other))
    np.testing.assert_allclose(interest(one, moved, 0.0), u + rate * (v - u), atol=1e-6)


def test_events_against_do_not_surprise() -> None:
    steady, adaptive = model(), model(change=0.3)
    state = steady.start()
    one, two = (each.step(state, event(weight=-1.0)) for each in (steady, adaptive))
    assert np.array_equal(one.short, two.short)
