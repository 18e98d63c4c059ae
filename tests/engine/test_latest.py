"""What is kept of a user in memory: the latest events, and what was taken."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures
from penchant.core.taken import Taken, TakenItems
from penchant.engine.latest import RECENT, LatestEvents
from penchant.engine.user_now import UserNow

EVENTS = st.builds(
    EventFeatures,
    st.integers(-1, 12),
    st.none(),
    st.integers(0, 3),
    st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
    st.floats(-3, 3),
    st.floats(0, 1e9),
)


@given(st.lists(EVENTS, max_size=30), st.integers(0, 12))
def test_a_user_holds_what_a_plain_fold_of_the_events_gives(
    events: list[EventFeatures], row: int
) -> None:
    now, taken = UserNow.stranger({}), dict[int, Taken]()
    for event in events:
        now.remember(event, hides=False)
        if event.row >= 0 and event.weight != 0:
            before = taken.get(event.row, Taken(0.0, event.time_s))
            times = before.times + (1.0 if event.weight > 0 else -1.0)
            taken[event.row] = Taken(times, max(before.last_s, event.time_s))
    assert list(now.recent) == events
    assert dict(now.taken) == taken
    assert list(now.taken) == sorted(taken)
    assert (row in now.taken) == (np.int64(row) in now.taken) == (row in taken)
    rows = now.taken.rows().tolist()
    assert now.taken.times().tolist() == [taken[each].times for each in rows]
    assert now.taken.last_s().tolist() == [taken[each].last_s for each in rows]


def test_only_the_latest_200_events_are_kept_in_order() -> None:
    latest = LatestEvents()
    for row in range(RECENT + 50):
        latest.append(EventFeatures(row, None, 1, 1.0, 0.0, float(row)))
    assert [event.row for event in latest] == list(range(50, RECENT + 50))
    assert [event.row for event in latest[-2:]] == [RECENT + 48, RECENT + 49]
    assert next(reversed(latest)).row == RECENT + 49


def test_a_copy_does_not_move_with_the_user() -> None:
    now = UserNow.stranger({})
    now.remember(EventFeatures(3, None, 1, 1.0, 0.0, 5.0), hides=False)
    copy, reading = now.copy(), now.reading({}, 9.0)
    now.remember(EventFeatures(4, None, 1, 1.0, 0.0, 6.0), hides=True)
    assert [event.row for event in copy.recent] == [event.row for event in reading.recent] == [3]
    assert dict(copy.taken) == {3: Taken(1.0, 5.0)}
    assert copy.dismissed == frozenset()


def test_what_is_not_taken_is_not_there() -> None:
    with pytest.raises(KeyError, match="5"):
        TakenItems({4: Taken(1.0, 0.0)})[5]
    assert "4" not in TakenItems({4: Taken(1.0, 0.0)})


def test_a_thousand_events_of_a_user_weigh_less_than_forty_thousand_bytes() -> None:
    now, vector = UserNow.stranger({}), np.zeros(64, np.float32)
    tracemalloc.start()
    for row in range(1000):
        now.remember(EventFeatures(row, vector[:], 1, 1.0, 0.0, 60.0 * row), hides=False)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 40_000
