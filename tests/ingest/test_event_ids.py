"""The same event always has the same id, and no two different ones share one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.ingest.event_ids import Ordinals, event_id
from penchant.ingest.table import event_batches, table_of

EVENT = Event(UserId("ann"), "view", 5.0, ItemId("m1"))
EVENTS = st.builds(
    Event,
    user=st.text(min_size=1).map(UserId),
    type=st.text(min_size=1),
    time_s=st.floats(0, 1e10),
    item=st.none() | st.text(min_size=1).map(ItemId),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    words=st.none() | st.text(),
    context=st.dictionaries(st.text(max_size=2), st.booleans() | st.text(max_size=2), max_size=2),
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


def test_words_and_context_cannot_be_confused() -> None:
    said = [
        {},
        {"words": ""},
        {"words": '{"a":1}'},
        {"context": {"a": 1}},
        {"context": {"a": "1"}},
        {"words": 'x;{"a":1}'},
        {"words": "x", "context": {"a": 1}},
    ]
    assert len({event_id(replace(EVENT, **one)) for one in said}) == len(said)


def test_the_order_of_the_context_does_not_matter() -> None:
    one, other = ({"b": 2, "a": "é"}, {"a": "é", "b": 2})
    assert event_id(replace(EVENT, context=one)) == event_id(replace(EVENT, context=other))


def test_ids_without_words_and_context_are_what_they_have_always_been() -> None:
    assert event_id(EVENT) == "4883d8256f7b3dfab58f6332afc2a2a8"
    assert event_id(EVENT, 1) == "9e20fc4034d5feccb294e3ba5241a2ac"


def test_text_that_is_not_unicode_is_left_to_the_log_to_refuse() -> None:
    odd = replace(EVENT, words="\ud800", context={"a": "\ud800"})
    assert event_id(odd) != event_id(EVENT)


def test_a_row_of_a_table_has_the_id_of_its_event() -> None:
    events = [
        replace(EVENT, words="green tea"),
        replace(EVENT, words="oolong", context={"z": "1", "a": 2.5}),
        replace(EVENT, context={"page": 3, "new": True}),
        EVENT,
        replace(EVENT, words="green tea"),
    ]
    ((*found,),) = event_batches(table_of(events), 10)
    assert [event.id for event in found] == [
        *(event_id(event) for event in events[:4]),
        event_id(events[0], 1),
    ]
    ordinals = Ordinals()
    assert found == [ordinals.identified(event) for event in events]


def test_alike_rows_of_one_file_are_counted() -> None:
    ordinals = Ordinals()
    first, second, third = (ordinals.identified(EVENT) for _ in range(3))
    assert [first.id, second.id, third.id] == [event_id(EVENT, n) for n in range(3)]


def test_an_id_that_was_given_is_kept() -> None:
    given_one = Event(UserId("ann"), "view", 5.0, id=EventId("mine"))
    assert Ordinals().identified(given_one) is given_one
