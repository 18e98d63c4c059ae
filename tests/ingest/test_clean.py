"""Cleaning drops only what cannot be an event, flags the rest, and counts everything."""

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from penchant.core.errors import ConfigError, InvalidEventError
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.ingest.clean import clean, clean_events
from penchant.ingest.clean_one import FLAGS, CleanConfig, clean_one, moves
from penchant.ingest.table import SCHEMA, table_of

NOW_S = 1_000_000.0
CONFIG = CleanConfig()


def event(user: str = "ann", type: str = "view", time_s: float = 0.0, **more: Any) -> Event:
    return Event(UserId(user), type, time_s, **more)


def ratings(values: list[float]) -> list[Event]:
    return [
        event(type="rating", time_s=float(n), item=ItemId(str(n)), value=value)
        for n, value in enumerate(values)
    ]


def flags(events: list[Event], config: CleanConfig = CONFIG) -> list[tuple[str, ...]]:
    return [one.flags for one in clean_events(events, config, NOW_S).events()]


def test_only_rows_without_user_type_or_time_and_repeated_ids_are_dropped() -> None:
    rows = [
        ("ann", "view", 1.0, "e1"),
        ("ann", "view", 2.0, "e1"),
        (None, "view", 1.0, None),
        ("NULL", "view", 1.0, None),
        ("ann", " ", 1.0, None),
        ("ann", "view", None, None),
        ("ann", "view", math.nan, None),
        ("ann", "view", 3.0, None),
    ]
    table = (
        pl.DataFrame(schema=dict(SCHEMA))
        .clear(len(rows))
        .with_columns(
            *(
                pl.Series(name, [row[place] for row in rows], SCHEMA[name])
                for place, name in enumerate(("user", "type", "time_s", "id"))
            )
        )
    )
    done = clean(table, CONFIG, NOW_S)
    assert [(one.time_s, one.id) for one in done.events()] == [(1.0, "e1"), (3.0, None)]
    assert {name: n for name, n in done.counts.items() if n} == {
        "dropped_no_user": 2,
        "dropped_no_type": 1,
        "dropped_no_time": 2,
        "dropped_repeated_id": 1,
    }


def test_an_event_of_2099_is_kept_and_flagged() -> None:
    (one,) = clean_events([event(time_s=4_070_908_800.0)], CONFIG, NOW_S).events()
    assert one.flags == ("future",)
    assert not moves(one, CONFIG.exclude)
    assert moves(one, frozenset({"bot"}))


def test_nan_and_infinity_become_missing_and_are_counted() -> None:
    done = clean_events(ratings([3.0, math.nan, math.inf, -math.inf]), CONFIG, NOW_S)
    assert [one.value for one in done.events()] == [3.0, None, None, None]
    assert done.counts["value_not_finite"] == 3
    assert all(one.flags == () for one in done.events())


def test_minus_one_and_999_among_stars_stand_for_nothing() -> None:
    done = clean_events(ratings([1.0, 2.0, 3.0, 4.0, 5.0, -1.0, 999.0]), CONFIG, NOW_S)
    assert [one.value for one in done.events()][5:] == [None, None]
    assert done.counts["value_sentinel"] == 2


def test_minus_one_is_a_value_where_others_are_negative_or_it_is_a_vote() -> None:
    returns = [event(type="return", value=value) for value in (-1.0, -2.0, -6.0, -12.0)]
    votes = [event(type="vote", value=value) for value in (-1.0, 1.0, -1.0)]
    quantities = [event(type="purchase", value=value) for value in (1.0, 2.0, 500.0, 999.0)]
    assert clean_events(returns + votes + quantities, CONFIG, NOW_S).counts["value_sentinel"] == 0


def test_an_item_that_is_called_null_is_no_item() -> None:
    done = clean_events([event(item=ItemId("N/A")), event(item=ItemId("m1"))], CONFIG, NOW_S)
    assert [one.item for one in done.events()] == [None, "m1"]
    assert done.counts["item_sentinel"] == 1


def test_a_rating_outside_the_scale_that_all_others_use_is_impossible() -> None:
    found = flags(ratings([float(1 + n % 5) for n in range(200)] + [11.0]))
    assert found[-1] == ("impossible",)
    assert found.count(()) == 200


def test_a_declared_scale_overrules_what_is_observed() -> None:
    config = CleanConfig(scales={"rating": (1.0, 5.0)})
    assert flags(ratings([5.0, 6.0, 7.0]), config) == [(), ("impossible",), ("impossible",)]


def test_nobody_dwells_for_less_than_no_time() -> None:
    assert flags([event(type="dwell", value=-3.0), event(type="return", value=-3.0)]) == [
        ("impossible",),
        (),
    ]


def test_a_machine_that_acts_each_second_is_a_bot_and_a_person_beside_it_is_not() -> None:
    machine = [event("robot", time_s=n * 1.1) for n in range(3_000)]
    found = clean_events([*machine, event("ann")], CONFIG, NOW_S).events()
    assert {one.user for one in found if "bot" in one.flags} == {"robot"}


def test_a_machine_that_keeps_the_beat_is_a_bot_and_an_uneven_reader_is_not() -> None:
    beat = [event("robot", time_s=n * 60.0) for n in range(200)]
    uneven = [event("ann", time_s=n * 60.0 + (n * 7919 % 40)) for n in range(200)]
    found = clean_events(beat + uneven, CONFIG, NOW_S).events()
    assert {one.user for one in found if "bot" in one.flags} == {"robot"}


def test_who_meets_six_thousand_items_in_a_day_is_a_bot() -> None:
    crawl = [event("spider", time_s=n // 100, item=ItemId(str(n))) for n in range(6_000)]
    assert all("bot" in found for found in flags(crawl))


def test_one_basket_of_five_hundred_goods_is_neither_bot_nor_flood() -> None:
    basket = [event(type="purchase", time_s=5.0, item=ItemId(str(n))) for n in range(500)]
    assert set(flags(basket)) == {()}


def test_hammering_one_item_counts_once() -> None:
    found = flags([event(time_s=float(n * n % 3_000), item=ItemId("m1")) for n in range(60)])
    assert found == [(), *[("flood",)] * 59]


def test_fifty_views_of_one_item_in_an_hour_are_still_a_person() -> None:
    assert set(flags([event(item=ItemId("m1")) for _ in range(50)])) == {()}


def test_what_goes_beyond_a_burst_is_a_flood() -> None:
    burst = [event(time_s=5.0, item=ItemId(str(n))) for n in range(1_005)]
    assert [found for found in flags(burst) if found] == [("flood",)] * 5


def imputed(how: str, events: list[Event], window: tuple[float, float]) -> list[float | None]:
    config = CleanConfig(impute=how)  # type: ignore[arg-type]
    return [one.value for one in clean_events(events, config, NOW_S, window).events()]


WITH_GAPS = ratings([1.0, math.nan, 4.0, 4.0, math.nan, 2.0])


@pytest.mark.parametrize(
    ("how", "first", "second"),
    [("mean", 3.0, 3.0), ("median", 4.0, 4.0), ("mode", 4.0, 4.0), ("interpolate", 2.5, 4.0)],
)
def test_missing_values_are_filled_from_the_training_window_only(
    how: str, first: float, second: float
) -> None:
    values = imputed(how, WITH_GAPS, (0.0, 4.0))
    assert values == [1.0, first, 4.0, 4.0, second, 2.0]


def test_events_without_a_value_can_be_dropped_where_the_type_has_values() -> None:
    events = [*WITH_GAPS, event(type="view")]
    done = clean_events(events, CleanConfig(impute="drop"), NOW_S, (0.0, 9.0))
    assert done.counts["dropped_no_value"] == 2
    assert done.events()[-1].type == "view"


def test_imputation_is_counted_and_off_unless_asked_for() -> None:
    done = clean_events(WITH_GAPS, CleanConfig(impute="mean"), NOW_S, (0.0, 4.0))
    assert done.counts["imputed_mean"] == 2
    assert clean_events(WITH_GAPS, CONFIG, NOW_S).table["value"].null_count() == 2


def test_imputation_without_a_window_is_refused() -> None:
    with pytest.raises(ConfigError, match="impute is 'mean' without a training window"):
        clean_events(WITH_GAPS, CleanConfig(impute="mean"), NOW_S)


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError, match="should be 'future', 'impossible', 'bot' or 'flood'"):
        CleanConfig(exclude=frozenset({"bots"}))  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="sentinel"):
        CleanConfig(sentinel=1)  # type: ignore[call-arg]


def test_no_events_are_clean() -> None:
    assert clean_events([], CONFIG, NOW_S).events() == []


DIRTY = st.lists(
    st.builds(
        Event,
        user=st.sampled_from(["ann", "bob", "null"]).map(UserId),
        type=st.sampled_from(["rating", "dwell", "view"]),
        time_s=st.integers(0, 4_000_000).map(float) | st.integers(0, 300).map(float),
        item=st.sampled_from([None, "m1", "m2", "N/A"]).map(lambda i: i and ItemId(i)),
        value=st.none()
        | st.sampled_from([-1.0, 0.0, 1.0, 3.0, 5.0, 7.0, 999.0, math.nan, math.inf]),
        id=st.none() | st.integers(0, 20).map(lambda n: EventId(str(n))),
        flags=st.sampled_from([(), ("mine",), ("future",)]),
    ),
    max_size=40,
)
STRICT = CleanConfig(flood_repeats_per_hour=2, bot_items_per_day=1, bot_instants_per_hour=5)


@settings(deadline=None)
@given(DIRTY, st.sampled_from([CONFIG, STRICT]))
def test_cleaning_twice_is_cleaning_once(events: list[Event], config: CleanConfig) -> None:
    once = clean_events(events, config, NOW_S)
    twice = clean(once.table, config, NOW_S)
    assert twice.events() == once.events()
    silent = {name: n for name, n in twice.counts.items() if n and not name.startswith("flag_")}
    assert silent == {}


@settings(deadline=None)
@given(DIRTY)
def test_every_event_is_kept_or_counted_as_dropped(events: list[Event]) -> None:
    done = clean_events(events, CONFIG, NOW_S)
    dropped = sum(n for name, n in done.counts.items() if name.startswith("dropped_"))
    assert len(done.table) + dropped == len(events)
    set_flags = {flag for one in done.events() for flag in one.flags}
    assert set_flags <= {*FLAGS, "mine"}


@settings(deadline=None)
@given(DIRTY)
def test_cleaning_leaves_its_input_alone(events: list[Event]) -> None:
    table = table_of(events)
    before = table.clone()
    clean(table, CONFIG, NOW_S)
    assert table.equals(before)


@given(DIRTY)
def test_an_event_alone_is_cleaned_as_it_is_among_others(events: list[Event]) -> None:
    alone = CleanConfig(sentinels=frozenset(), rated=frozenset(), scales={"rating": (1.0, 10.0)})
    finite = [one for one in events if one.value is None or math.isfinite(one.value)]
    for one in finite:
        (among,) = clean_events([one], alone, NOW_S).events() or (None,)
        if among is None:
            with pytest.raises(InvalidEventError):
                clean_one(one, alone)
            continue
        mine = clean_one(one, alone)
        assert mine.item == among.item
        assert ("impossible" in mine.flags) == ("impossible" in among.flags)
        assert clean_one(mine, alone) == mine


@pytest.mark.parametrize("bad", [event(user=" NULL "), event(type="undefined")])
def test_an_event_alone_of_nobody_or_of_no_type_is_refused(bad: Event) -> None:
    with pytest.raises(InvalidEventError, match=r"which stands for none; clean\.null_words"):
        clean_one(bad, CONFIG)
