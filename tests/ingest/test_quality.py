"""What a data set is worth, in numbers, and whether it is enough."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.events import Event, EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED, Signal
from penchant.ingest.datasets import open_dataset
from penchant.ingest.order import fold_order
from penchant.ingest.quality import positive_events, quality_report
from penchant.ingest.table import columns_of, table_of

ITEMS = [Item(ItemId("m1"), title="One", categories=("A",)), Item(ItemId("m2"))]


def event(user: str, item: str | None, time: float, type: str = "view", value: float | None = None):
    return Event(UserId(user), type, time, None if item is None else ItemId(item), value)


def columns(*events: Event) -> EventColumns:
    return columns_of(fold_order(table_of(events)), [item.id for item in ITEMS])


FEW = columns(
    event("ann", "m1", 1.0),
    event("ann", "m1", 1.0),
    event("ann", "m2", 2.0, "rating", 1.0),
    event("bob", "m1", 3.0, "rating", 3.0),
    event("bob", None, 4.0, "search"),
    event("bob", "m1", 5.0, "rating", 5.0),
)


def test_completeness_is_the_share_that_is_there() -> None:
    found = quality_report(FEW, ITEMS, SHIPPED).completeness
    assert found.event_item == 5 / 6
    assert found.event_value == 3 / 6
    assert (found.item_title, found.item_categories, found.item_description) == (0.5, 0.5, 0.0)


def test_consistency_names_what_does_not_fit() -> None:
    signals = {name: SHIPPED[name] for name in ("view", "rating")}
    found = quality_report(FEW, ITEMS, signals, {"out_of_order": 3}).consistency
    assert found.types_without_items == ("search",)
    assert found.types_without_signal == ("search",)
    assert found.events_outside_catalogue == 1
    assert found.out_of_order_share == 0.5
    assert found.duplicate_share == 1 / 6


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["m1", "m2", None]),
            st.sampled_from([1.0, 2.0]),
            st.sampled_from(["view", "rating"]),
            st.sampled_from([None, 1.0, 2.0]),
        ),
        max_size=30,
    )
)
def test_a_duplicate_repeats_an_event_in_all_that_is_known(rows: list[Any]) -> None:
    found = quality_report(columns(*(event(*row) for row in rows)), (), SHIPPED).consistency
    assert found.duplicate_share == (len(rows) - len(set(rows))) / max(len(rows), 1)


def test_accuracy_is_counted_over_the_rows_read() -> None:
    counts = {"rows": 10, "rejected_no_time": 1, "dropped_no_user": 1, "value_sentinel": 2}
    found = quality_report(FEW, ITEMS, SHIPPED, {**counts, "flag_bot": 4, "rejected_items": 9})
    assert found.accuracy.rejected_share == 0.2
    assert found.accuracy.sentinel_share == 0.2
    assert found.accuracy.flags == {"bot": 4}


def test_diversity_of_two_items_with_four_and_one_events() -> None:
    found = quality_report(FEW, ITEMS, SHIPPED).diversity
    assert (found.users, found.items_met, found.items_in_catalogue) == (2, 2, 2)
    assert found.gini_of_items == pytest.approx(0.3)
    assert found.top_1_percent_share == pytest.approx(0.8)
    assert found.entropy_bits == pytest.approx(0.7219, abs=1e-4)
    assert found.events_per_user["50%"] == 3.0


def test_ties_are_neighbours_of_one_user_at_one_time() -> None:
    assert quality_report(FEW, ITEMS, SHIPPED).ties_share == 1 / 4


def test_repeats_above_five_percent_are_kept() -> None:
    often = columns(*(event("ann", "m1", float(n)) for n in range(10)))
    once = columns(event("ann", "m1", 1.0), event("ann", "m2", 2.0), event("bob", "m1", 3.0))
    assert quality_report(often, ITEMS, SHIPPED).repeats.auto == "keep"
    assert quality_report(once, ITEMS, SHIPPED).repeats.auto == "drop"


def test_low_ratings_speak_against_an_item_only_with_a_threshold() -> None:
    hint = quality_report(FEW, ITEMS, SHIPPED).values["rating"].hint
    assert hint is not None
    assert "33% of rating values lie below 3; set signals.rating.threshold" in hint
    strict = {**SHIPPED, "rating": Signal(threshold=3.0)}
    assert quality_report(FEW, ITEMS, strict).values["rating"].hint is None
    assert positive_events(FEW, SHIPPED).tolist() == [True, True, True, True, False, True]
    assert positive_events(FEW, strict).tolist() == [True, True, False, True, False, True]


def test_too_little_says_what_is_missing_and_by_how_much() -> None:
    found = quality_report(FEW, ITEMS, SHIPPED).enough
    assert not found.enough
    assert found.reasons == (
        "3 positive events after a user's first; 1,000 are needed, 997 more",
        "2 users with at least 3 events; 50 are needed, 48 more",
        "0 items with at least 5 events; 20 are needed, 20 more",
    )


@pytest.mark.parametrize(("later", "enough"), [(0, False), (60, False), (300, True)])
def test_a_log_that_cannot_be_cut_by_time_is_not_enough(later: int, enough: bool) -> None:
    items = [Item(ItemId(f"i{n}")) for n in range(25)]
    pairs = [(f"u{n}", item.id) for n in range(60) for item in items]
    rows = [event(u, i, 6.0 if n < later else 5.0) for n, (u, i) in enumerate(pairs)]
    log = columns_of(fold_order(table_of(rows)), [item.id for item in items])
    found = quality_report(log, items, SHIPPED).enough
    assert found.enough is enough
    if not enough:
        assert found.reasons == (
            f"{1 - later / 1_500:.0%} of 1,500 events have the earliest time there is; less than "
            "90% may, so that the log can be cut into earlier and later ones",
        )


def test_nothing_at_all_is_a_report_too() -> None:
    report = quality_report(columns(), [], SHIPPED)
    assert (report.events, report.start_s, report.enough.enough) == (0, None, False)
    assert json.loads(json.dumps(report.to_dict()))["repeats"]["auto"] == "drop"


def test_the_bundled_shop_is_enough_comes_back_and_is_tied() -> None:
    dataset = open_dataset("online-retail")
    report = quality_report(dataset.columns, dataset.items, SHIPPED, dataset.counts)
    assert report.enough.enough
    assert report.repeats.auto == "keep"
    assert report.ties_share == pytest.approx(0.956, abs=0.001)
    assert report.values["return"].quantiles["100%"] == -1.0
    assert np.isfinite(report.diversity.gini_of_items)
    json.dumps(report.to_dict())
