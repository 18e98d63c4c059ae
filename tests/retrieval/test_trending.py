"""Trending is an exact sliding window, whatever the order in which events come and go."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures, Head, Reading
from penchant.core.ids import START
from penchant.core.taken import TakenItems
from penchant.retrieval.over_popular import back_off
from penchant.retrieval.trending import Trending

WINDOW_S = 10.0


def event(row: int, time_s: float, weight: float = 1.0) -> EventFeatures:
    return EventFeatures(row, None, 1, weight, 0.0, time_s)


def at(now_s: float) -> Reading:
    return Reading({}, (), TakenItems(), frozenset(), now_s, Head(START, 0))


def scores(source: Trending, now_s: float) -> list[float]:
    return source.score(at(now_s), slice(None)).tolist()


def counted_by_hand(
    events: list[EventFeatures], newest_s: float, now_s: float, n_items: int
) -> list[float]:
    end_s, sums = max(now_s, newest_s), [0] * n_items
    for e in events:
        if e.weight > 0 and e.row >= 0 and end_s - e.time_s <= WINDOW_S:
            sums[e.row] += round(e.weight * 2**20)
    return np.float32([s / 2**20 for s in sums]).tolist()


events_strategy: Any = st.builds(
    event,
    row=st.integers(-1, 6),
    time_s=st.integers(0, 60).map(float),
    weight=st.sampled_from([1.0, 0.1, 2.5, 0.3, -1.0, 0.0]),
)


@given(st.lists(st.tuples(events_strategy, st.integers(0, 15))))
def test_it_equals_a_count_by_hand_for_late_events_and_reads_in_between(
    stream: list[tuple[EventFeatures, int]],
) -> None:
    source, seen, newest_s = Trending(WINDOW_S, 7), [], -np.inf
    for e, later_s in stream:
        source.absorb((), e)
        seen.append(e)
        if e.weight > 0 and e.row >= 0:
            newest_s = max(newest_s, e.time_s)
        now_s = max(newest_s, 0.0) + later_s
        assert scores(source, now_s) == counted_by_hand(seen, newest_s, now_s, 7)


@given(st.lists(events_strategy), st.lists(events_strategy), st.randoms())
def test_taking_a_user_back_leaves_what_the_others_did(
    others: list[EventFeatures], theirs: list[EventFeatures], shuffle: Any
) -> None:
    both, alone = Trending(WINDOW_S, 7), Trending(WINDOW_S, 7)
    mixed = [*others, *theirs]
    shuffle.shuffle(mixed)
    for e in mixed:
        both.absorb((), e)
    for e in others:
        alone.absorb((), e)
    both.retract(theirs)
    newest_s = max((e.time_s for e in mixed), default=0.0)
    for now_s in (newest_s, newest_s + 4, newest_s + 11):
        assert scores(both, now_s) == scores(alone, now_s)


def test_an_event_counts_until_exactly_one_window_has_passed() -> None:
    source = Trending(WINDOW_S, 1)
    source.absorb((), event(0, 5.0))
    assert (scores(source, 15.0), scores(source, 15.5), scores(source, 15.0)) == ([1], [0], [1])


def test_an_event_that_comes_too_late_for_the_window_is_not_counted() -> None:
    source = Trending(WINDOW_S, 2)
    source.absorb((), event(0, 50.0))
    source.absorb((), event(1, 39.0))
    source.retract([event(1, 39.0)])
    assert scores(source, 50.0) == [1, 0]


def test_taking_back_what_was_never_counted_changes_nothing() -> None:
    source = Trending(WINDOW_S, 2)
    source.absorb((), event(0, 1.0))
    source.retract([event(1, 1.0), event(0, 1.0, weight=2.0), event(0, 2.0)])
    assert scores(source, 1.0) == [1, 0]


def test_an_item_met_later_makes_room_for_itself() -> None:
    source = Trending(WINDOW_S)
    for row in (0, 5, 300):
        source.absorb((), event(row, 1.0))
    assert source.n_items == 301
    assert source.find(at(1.0), np.ones(301, np.bool_), 9).rows.tolist() == [0, 5, 300]


def test_memory_is_that_of_the_window_however_long_the_stream() -> None:
    source = Trending(WINDOW_S, 3)
    for k in range(20_000):
        source.absorb((), event(k % 3, float(k)))
    assert len(source._times) == 64
    assert scores(source, 19_999.0) == [4, 4, 3]


def test_the_back_off_never_reaches_a_thousandth() -> None:
    source = Trending(WINDOW_S, 2)
    for _ in range(999):
        source.absorb((), event(1, 1.0))
    assert np.allclose(back_off(source.at(1.0), slice(None)), [0, 0.000999])
    assert scores(source, 1.0) == [0, 999]
