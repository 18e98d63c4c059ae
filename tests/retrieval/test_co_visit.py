"""CoVisit counts pairs live, takes them back exactly, and stays within its bound."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures, Head, Reading
from penchant.core.ids import START
from penchant.core.taken import TakenItems
from penchant.retrieval.co_visit import CoVisit


def took(row: int, weight: float = 1.0) -> EventFeatures:
    return EventFeatures(row, None, 1, weight, 0.0, 0.0)


def after(source: CoVisit, *rows: int) -> list[float]:
    who = Reading({}, [took(row) for row in rows], TakenItems(), frozenset(), 0.0, Head(START, 0))
    return source.score(who, slice(None)).tolist()


def absorb(source: CoVisit, history: list[EventFeatures]) -> None:
    for k, event in enumerate(history):
        source.absorb(history[:k], event)


histories: Any = st.lists(
    st.builds(took, row=st.integers(-1, 8), weight=st.sampled_from([1.0, 2.0, -1.0, 0.0])),
    max_size=30,
)


@given(histories, histories, histories)
def test_taking_a_user_back_leaves_what_the_others_did(
    first: list[EventFeatures], second: list[EventFeatures], third: list[EventFeatures]
) -> None:
    every, others = CoVisit(9), CoVisit(9)
    for history in (first, second, third):
        absorb(every, history)
    every.retract(second)
    absorb(others, first)
    absorb(others, third)
    for row in range(9):
        assert after(every, row) == after(others, row)
    assert every._pairs == others._pairs == sum(len(f) for f in every._after.values())


@given(histories, histories, st.integers(1, 12))
def test_within_its_bound_every_pair_kept_has_its_exact_count(
    first: list[EventFeatures], second: list[EventFeatures], bound: int
) -> None:
    small, whole = CoVisit(9, max_pairs=bound), CoVisit(9)
    for source in (small, whole):
        absorb(source, first)
        absorb(source, second)
        source.retract(first)
    assert small._pairs <= bound
    for row in range(9):
        kept, exact = np.array(after(small, row)), np.array(after(whole, row))
        assert ((kept == 0) | (kept == exact)).all()


def test_an_item_is_paired_with_the_three_positive_items_before_it() -> None:
    source = CoVisit(7)
    absorb(source, [took(0), took(1), took(6, -1.0), took(2), took(3), took(4)])
    assert after(source, 0) == [0, 1, 1, 1, 0, 0, 0]
    assert after(source, 1) == [0, 0, 1, 1, 1, 0, 0]
    assert after(source, 6) == [0] * 7


def test_the_last_item_of_a_reading_says_twice_as_much_as_the_one_before() -> None:
    source = CoVisit(4)
    absorb(source, [took(0), took(2)])
    absorb(source, [took(1), took(3)])
    assert after(source, 0, 1) == [0, 0, 0.5, 1]


def test_an_item_taken_twice_in_a_row_is_no_pair() -> None:
    source = CoVisit(2)
    absorb(source, [took(0), took(0)])
    assert after(source, 0) == [0, 0]
