"""The same event always has the same id, and no two different ones share one."""

from hypothesis import given
from hypothesis import strategies as st

from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.ingest.event_ids import Ordinals, event_id

EVENT = Event(UserId("ann"), "view", 5.0, ItemId("m1"))
EVENTS = st.builds(
    Event,
    user=st.text(min_size=1).map(UserId),
    type=st.text(min_size=1),
    time_s=st.floats(0, 1e10),
    item=st.none() | st.text(min_size=1).map(ItemId),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(EVENTS)
def test_an_id_depends_on_nothing_but_the_event(event: Event) -> None:
    assert event_id(event) == event_id(event)
    assert len(event_id(event)) == 32


@given(EVENTS, EVENTS)
def test_events_that_differ_have_different_ids(one: Event, other: Event) -> None:
    assert (event_id(one) == event_id(other)) == (one == other)


def test_the_order_of_user_and_item_cannot_be_confused() -> None:
    assert event_id(Event(UserId("a1:b"), "v", 0.0)) != event_id(Event(UserId("a"), "1:bv", 0.0))


def test_alike_rows_of_one_file_are_counted() -> None:
    ordinals = Ordinals()
    first, second, third = (ordinals.identified(EVENT) for _ in range(3))
    assert [first.id, second.id, third.id] == [event_id(EVENT, n) for n in range(3)]


def test_an_id_that_was_given_is_kept() -> None:
    given_one = Event(UserId("ann"), "view", 5.0, id=EventId("mine"))
    assert Ordinals().identified(given_one) is given_one
