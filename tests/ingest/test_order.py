"""Ties of time say nothing about before and after."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.events import Event
from penchant.core.ids import ItemId, UserId
from penchant.ingest.order import fold_order, out_of_order, shuffled_ties
from penchant.ingest.table import columns_of, table_of

EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=30)

VIEWS = frozenset({"view"})


def columns(pairs: list[tuple[str, int]]):
    events = [
        Event(UserId(user), "view", float(time), ItemId(str(n)))
        for n, (user, time) in enumerate(pairs)
    ]
    catalogue = [ItemId(str(n)) for n in range(len(pairs))]
    return columns_of(fold_order(table_of(events)), catalogue)


@given(EVENTS, st.integers(0, 5))
def test_only_events_of_one_user_at_one_instant_change_places(
    pairs: list[tuple[str, int]], seed: int
) -> None:
    before = columns(pairs)
    after = shuffled_ties(before, seed, VIEWS)
    assert np.array_equal(before.user, after.user)
    assert np.array_equal(before.time_s, after.time_s)
    assert sorted(before.row) == sorted(after.row)


def test_the_same_seed_gives_the_same_order_and_another_another() -> None:
    tied = columns([("a", 0)] * 20)
    assert shuffled_ties(tied, 7, VIEWS).row.tolist() == shuffled_ties(tied, 7, VIEWS).row.tolist()
    assert shuffled_ties(tied, 7, VIEWS).row.tolist() != shuffled_ties(tied, 8, VIEWS).row.tolist()


@given(EVENTS, st.lists(st.booleans(), min_size=30, max_size=30), st.integers(0, 5))
def test_events_that_are_no_targets_leave_the_order_of_the_targets_alone(
    pairs: list[tuple[str, int]], returned: list[bool], seed: int
) -> None:
    events = [
        Event(UserId(u), "return" if back else "view", float(t), ItemId(str(n)))
        for n, ((u, t), back) in enumerate(zip(pairs, returned, strict=False))
    ]
    catalogue = [ItemId(str(n)) for n in range(len(pairs))]
    every = columns_of(fold_order(table_of(events)), catalogue)
    views = columns_of(
        fold_order(table_of([e for e in events if e.type == "view"] or events)), catalogue
    )
    mixed = shuffled_ties(every, seed, VIEWS)
    kept = mixed.row[[mixed.types[code] == "view" for code in mixed.type]]
    if len(kept):
        assert kept.tolist() == shuffled_ties(views, seed, VIEWS).row.tolist()


def test_without_ties_nothing_moves() -> None:
    free = columns([("a", 0), ("b", 0), ("a", 1)])
    assert shuffled_ties(free, 7, VIEWS).row.tolist() == free.row.tolist()


def test_rows_behind_a_later_one_of_their_user_are_counted() -> None:
    times = [("a", 5.0), ("b", 1.0), ("a", 3.0), ("a", 4.0), ("a", 6.0)]
    table = table_of([Event(UserId(user), "view", time) for user, time in times])
    assert out_of_order(table) == 2
