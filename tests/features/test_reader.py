import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.errors import UnknownEventTypeError
from penchant.core.events import Event, EventColumns, as_float32
from penchant.core.ids import ItemId, UserId
from penchant.core.signals import SHIPPED, Signal
from penchant.features.reader import FURTHEST, EventReader

SIGNALS = {**SHIPPED, "vote": Signal(weight=2.0, threshold=3.0), "skip": Signal(weight=-1.0)}
KINDS = ("rating", "vote", "skip", "view", "search", "like")
VECTOR = np.ones(3, np.float32)

values = st.one_of(st.none(), st.integers(-5, 10).map(float), st.floats(0, 1e6, width=32))
rows = st.lists(st.tuples(st.sampled_from(KINDS), values, st.integers(-1, 9)), max_size=30)


def columns_of(events: list[tuple[str, float | None, int]]) -> EventColumns:
    kinds = list(dict.fromkeys(kind for kind, _, _ in events))
    return EventColumns(
        np.zeros(len(events), np.int32),
        np.array([row for _, _, row in events], np.int32),
        np.array([kinds.index(kind) for kind, _, _ in events], np.int16),
        np.array([math.nan if v is None else v for _, v, _ in events], np.float32),
        np.arange(len(events)) * 3600.0,
        [UserId("ann")],
        [ItemId(str(n)) for n in range(10)],
        kinds,
    )


def fitted() -> EventReader:
    return EventReader.fit(
        SIGNALS, columns_of([("rating", float(v), 1) for v in range(11)] + [("view", None, 2)])
    )


@given(rows)
def test_one_event_is_read_as_the_same_event_in_columns(
    events: list[tuple[str, float | None, int]],
) -> None:
    reader = fitted()
    together = reader.columns(columns_of(events))
    for n, (kind, value, row) in enumerate(events):
        event = Event(UserId("ann"), kind, n * 3600.0, ItemId(str(row)), value)
        alone = reader(event, row, VECTOR)
        assert (alone.row, alone.type, alone.time_s) == (
            together.row[n],
            together.type[n],
            together.time_s[n],
        )
        assert alone.weight == together.weight[n]
        assert alone.value == pytest.approx(float(together.value[n]), abs=1e-5)
        assert alone.vector is VECTOR


@given(rows)
def test_a_reader_comes_back_from_json_reading_the_same(
    events: list[tuple[str, float | None, int]],
) -> None:
    reader = EventReader.fit(SIGNALS, columns_of(events))
    back = EventReader.from_json(SIGNALS, reader.to_json())
    one, two = (each.columns(columns_of(events)) for each in (reader, back))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_type_added_after_training_has_code_0_its_weight_and_no_value() -> None:
    read = fitted()(Event(UserId("ann"), "vote", 0.0, value=5.0), 4, None)
    assert (read.type, read.weight, read.value) == (0, 2.0, 0.0)
    columns = fitted().columns(columns_of([("vote", 5.0, 4)]))
    assert (columns.type[0], columns.weight[0], columns.value[0]) == (0, 2.0, 0.0)


def test_a_value_below_the_threshold_turns_the_sign() -> None:
    reader = EventReader(SIGNALS)
    weights = [
        reader(Event(UserId("ann"), "vote", 0.0, value=value), 0, None).weight
        for value in (2.9, 3.0, 5.0, None)
    ]
    assert weights == [-2.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("value", [sum([0.1] * 8), 0.8, 0.79, 4.1, 1e300, -1e300, 1e-300])
@pytest.mark.parametrize("threshold", [0.8, 4.1])
def test_a_value_on_the_threshold_is_on_the_same_side_alone_and_in_columns(
    value: float, threshold: float
) -> None:
    signals = {**SIGNALS, "vote": Signal(weight=2.0, threshold=threshold)}
    columns = columns_of([("vote", 1.0, 1), ("vote", 7.0, 1)])
    reader = EventReader.fit(signals, columns)
    held = replace(columns, value=as_float32(np.array([value, 7.0])))
    together = reader.columns(held)
    alone = reader(Event(UserId("ann"), "vote", 0.0, ItemId("1"), value), 1, VECTOR)
    assert alone.weight == together.weight[0]
    assert alone.value == pytest.approx(float(together.value[0]), abs=1e-5)


def test_values_are_standardised_and_a_shout_is_cut() -> None:
    reader = fitted()
    read = reader.columns(columns_of([("rating", float(v), 1) for v in range(11)]))
    assert read.value.mean() == pytest.approx(0.0, abs=1e-6)
    assert read.value.std() == pytest.approx(1.0, abs=1e-6)
    loud = reader(Event(UserId("ann"), "rating", 0.0, value=1e9), 1, None)
    assert loud.value == FURTHEST


@given(st.floats(0.01, 1e6), st.integers(1, 400))
def test_a_value_that_never_varied_says_nothing_and_another_one_says_how_far_it_is(
    price: float, count: int
) -> None:
    columns = columns_of([("purchase", price, 1)] * count)
    reader = EventReader.fit(SIGNALS, columns)
    assert reader.columns(columns).value == pytest.approx(np.zeros(count), abs=1e-5)
    same = Event(UserId("ann"), "purchase", 0.0, ItemId("1"), price)
    assert reader(same, 1, VECTOR).value == pytest.approx(0.0, abs=1e-5)
    twice = Event(UserId("ann"), "purchase", 0.0, ItemId("1"), 2 * price + 1)
    further = math.log1p(float(np.float32(2 * price + 1))) - math.log1p(float(np.float32(price)))
    assert reader(twice, 1, VECTOR).value == pytest.approx(further, abs=1e-5)  # log 2: no shout


def test_a_type_that_no_signal_describes_is_refused_by_name() -> None:
    with pytest.raises(UnknownEventTypeError, match=r"'viewed'.*did you mean 'view'"):
        fitted()(Event(UserId("ann"), "viewed", 0.0), 0, None)
    with pytest.raises(UnknownEventTypeError, match="'viewed'"):
        fitted().columns(columns_of([("viewed", None, 0)]))
