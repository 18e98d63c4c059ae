"""What a mapping must say to be an event or an item."""

import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.errors import (
    EventTimeError,
    InvalidEventError,
    InvalidItemError,
    UnknownEventTypeError,
)
from penchant.core.signals import SHIPPED
from penchant.ingest.event_ids import event_id
from penchant.ingest.wire import accepted, check_time, event_from, item_from, seconds

NOON_S = 1_714_564_800.0
GOOD = {"user": "ann", "item": "m1", "type": "view", "time": NOON_S}


def test_an_event_may_use_either_name_of_a_field() -> None:
    long = {"user_id": "ann", "item_id": "m1", "event_type": "view", "timestamp": NOON_S}
    assert event_from(long) == event_from(GOOD)


def test_a_number_and_a_text_are_the_same_id() -> None:
    assert event_from({**GOOD, "user": 7}) == event_from({**GOOD, "user": "7"})


@pytest.mark.parametrize(
    "time",
    [
        NOON_S,
        int(NOON_S),
        str(int(NOON_S)),
        NOON_S * 1e3,
        int(NOON_S) * 10**6,
        int(NOON_S) * 10**9,
        "2024-05-01T12:00:00Z",
        "2024-05-01 12:00",
        "2024-05-01T14:00:00+02:00",
        datetime(2024, 5, 1, 12),  # noqa: DTZ001 - no zone is what is tested
        datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_every_way_to_write_noon_is_noon(time: object) -> None:
    assert seconds(time) == NOON_S


def test_a_date_is_its_midnight() -> None:
    assert seconds(date(2024, 5, 1)) == NOON_S - 12 * 3600


@pytest.mark.parametrize(
    "time",
    [None, "", "noon", -1, "-5", "1969-12-31T23:59:59Z", math.nan, math.inf, True, [1], "nan"],
)
def test_a_time_that_cannot_be_is_refused_with_what_is_allowed(time: object) -> None:
    with pytest.raises(EventTimeError, match="allowed are unix seconds or milliseconds"):
        event_from({**GOOD, "time": time})


def test_the_year_2099_lies_in_the_future() -> None:
    event = event_from({**GOOD, "time": "2099-01-01"})
    with pytest.raises(EventTimeError, match=r"2099-01-01.*'ann' lies in the future.*86400 s"):
        check_time(event, now_s=NOON_S)


def test_a_clock_that_runs_a_day_ahead_is_tolerated() -> None:
    check_time(event_from(GOOD), now_s=NOON_S - 86_400)


def test_an_unknown_type_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownEventTypeError, match=r"'purchse'.*did you mean 'purchase'"):
        event_from({**GOOD, "type": "purchse"})


def test_without_signals_every_type_is_allowed() -> None:
    assert event_from({**GOOD, "type": "purr"}, None).type == "purr"


@pytest.mark.parametrize("user", [None, "", "   ", math.nan, 1.5, True, ["ann"]])
def test_an_event_without_a_user_is_refused(user: object) -> None:
    with pytest.raises(InvalidEventError, match="user is"):
        event_from({**GOOD, "user": user})


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "nan", "many", "1_000", [3], 10**400]
)
def test_a_value_that_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidEventError, match=r"value is .*allowed are finite numbers"):
        event_from({**GOOD, "value": value})


def test_a_misspelt_field_is_refused_and_not_passed_over() -> None:
    with pytest.raises(InvalidEventError, match=r"no field 'itm'.*did you mean 'item'"):
        event_from({**GOOD, "itm": "m1"})


@pytest.mark.parametrize("context", [{"a": math.nan}, {"a": [1]}, {"a": 2**70}, "[1]", "{", 3])
def test_a_context_holds_only_text_and_numbers(context: object) -> None:
    with pytest.raises(InvalidEventError, match="context"):
        event_from({**GOOD, "context": context})


def test_json_nested_deeply_inside_a_text_is_refused() -> None:
    deep = "[" * 100_000
    with pytest.raises(InvalidEventError, match=r"^context '\[{40}'\.\.\. is nested too deeply"):
        event_from({**GOOD, "context": deep})
    with pytest.raises(InvalidItemError, match=r"^categories .* is nested too deeply"):
        item_from({"id": "m1", "categories": deep})


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidEventError, match="not valid Unicode"):
        event_from({**GOOD, "item": "\ud800"})


@given(
    raw=st.dictionaries(
        st.sampled_from(["user", "item", "type", "time", "value", "words", "context", "id"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.datetimes()
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(), st.floats(), max_size=2),
    )
)
def test_whatever_comes_is_an_event_or_a_named_error(raw: dict[str, object]) -> None:
    try:
        event = event_from(raw, None)
    except InvalidEventError:
        return
    assert event.user
    assert event.type
    assert event.time_s >= 0
    assert event.value is None or math.isfinite(event.value)


def test_a_timed_event_sent_twice_has_one_id() -> None:
    first, again = (accepted(GOOD, SHIPPED, now_s=NOON_S, new_id=lambda: "new") for _ in range(2))
    assert first.id == again.id == event_id(event_from(GOOD))


def test_an_event_without_a_time_gets_the_time_it_came_in_and_a_new_id() -> None:
    untimed = {"user": "ann", "item": "m1", "type": "view"}
    event = accepted(untimed, SHIPPED, now_s=NOON_S, new_id=lambda: "new")
    assert (event.time_s, event.id) == (NOON_S, "new")


def test_an_id_that_was_given_is_kept() -> None:
    event = accepted({**GOOD, "id": "mine"}, SHIPPED, now_s=NOON_S, new_id=lambda: "new")
    assert event.id == "mine"


@pytest.mark.parametrize(
    "written",
    [
        ["Crime", "Drama"],
        "Crime|Drama",
        "Crime, Drama",
        '["Crime", "Drama"]',
        "['Crime', \"Drama\"]",  # as Python shows it, and pandas writes it
    ],
)
def test_categories_may_be_written_in_five_ways(written: object) -> None:
    assert item_from({"id": "m1", "categories": written}).categories == ("Crime", "Drama")


def test_a_category_in_brackets_is_a_name() -> None:
    assert item_from({"id": "m1", "categories": "[OST]"}).categories == ("[OST]",)
    assert item_from({"id": "m1", "categories": "[OST]|Film"}).categories == ("[OST]", "Film")
    assert item_from({"id": "m1", "categories": "[OST], Film"}).categories == ("[OST]", "Film")


@pytest.mark.parametrize(
    "written", ["[Crime, Drama]", "['Crime', 'Dra", "[{'id': 16, 'name': 'Crime'}]", "[['Crime']]"]
)
def test_what_looks_like_a_list_and_is_none_of_names_is_refused(written: str) -> None:
    with pytest.raises(InvalidItemError, match="allowed "):
        item_from({"id": "m1", "categories": written})


def test_an_end_in_seconds_is_taken_as_it_stands_and_another_number_by_its_size() -> None:
    told = item_from({"id": "m1", "expires": "9999-12-31T23:59:59Z"}).expires_s
    assert told == 253_402_300_799.0
    assert item_from({"id": "m1", "expires_s": told}).expires_s == told
    assert item_from({"id": "m1", "expires_s": str(told)}).expires_s == told
    assert item_from({"id": "m1", "expires": 1.9e12}).expires_s == 1.9e9
    assert item_from({"id": "m1", "expires": 1.9e12, "expires_s": None}).expires_s == 1.9e9


def test_what_an_item_has_no_field_for_becomes_an_attribute() -> None:
    item = item_from(
        {"id": 5, "title": "Heat", "year": 1995, "image": None, "expires": "2030-01-01"}
    )
    assert item.attributes == {"year": 1995}
    assert item.expires_s == datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    assert item.available


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"title": "Heat"}, "item id is missing"),
        ({"id": "m1", "available": "perhaps"}, "available is 'perhaps'"),
        ({"id": "m1", "expires": "soon"}, "expires: time is 'soon'"),
        ({"id": "m1", "categories": 5}, "categories are 5"),
        ({"id": "m1", "year": math.inf}, "attributes.year is inf"),
    ],
)
def test_an_item_that_cannot_be_is_refused(raw: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidItemError, match=says):
        item_from(raw)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (20240611, "2024-06-11"),
        ("20240611", "2024-06-11"),
        (20240611.0, "2024-06-11"),
        (20240611093005, "2024-06-11T09:30:05"),
    ],
)
def test_a_date_without_dashes_is_no_count_of_seconds(raw: object, told: str) -> None:
    with pytest.raises(EventTimeError, match=f"reads as a date without dashes; write {told}, or"):
        seconds(raw)


@pytest.mark.parametrize("raw", [20241340, 20240611.5, 30240611, 18991231, 1718000000, 2024])
def test_a_number_that_is_no_date_is_one(raw: float) -> None:
    assert seconds(raw) == raw
