"""Many rows at once: the good ones land in order, the wrong ones are told why, one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import (
    InvalidEventError,
    InvalidRequestError,
    UnknownEventTypeError,
)
from penchant.core.events import Event
from penchant.core.ids import UserId
from penchant.core.signals import SHIPPED
from penchant.engine.engine import Engine
from penchant.ingest.clean_one import CleanConfig
from penchant.ingest.datasets import open_dataset

NOW_S = 1_700_000_000.0


@pytest.fixture
def engine(tmp_path: Path):
    with Engine.open(tmp_path / "shop.db", clock=ManualClock(NOW_S)) as opened:
        yield opened


def test_good_rows_land_in_order_and_wrong_ones_get_a_sentence(engine: Engine) -> None:
    rows: list[Any] = [
        {"user": "ann", "item": "tea", "type": "view", "id": "a"},
        {"user": "ann", "item": "tea", "type": "veiw"},
        ["ann", "tea"],
        {"user": "ann", "item": "pot", "type": "view", "id": "b"},
        {"user": "ann", "item": "pot", "type": "view", "id": "a"},
        {"item": "pot", "type": "view"},
        {"user": "ann", "type": "view", "time": 9e9},
        {"user": "ann", "item": "pot", "type": "rating", "value": "much"},
        {"user": "ann", "item": "pot", "type": "view", "colour": "red"},
        None,
    ]
    outcomes, cursor = engine.observe_each(rows)
    assert [one.status for one in outcomes] == [
        "new",
        *["rejected"] * 2,
        "new",
        "duplicate",
        *["rejected"] * 5,
    ]
    assert [one.event for one in outcomes][:5] == ["a", None, None, "b", "a"]
    assert "did you mean 'view'?" in str(outcomes[1].error)
    assert str(outcomes[2].error).startswith("an event is ['ann', 'tea']; allowed is a mapping")
    assert "user is missing" in str(outcomes[5].error)
    assert "lies in the future" in str(outcomes[6].error)
    assert "value is 'much'" in str(outcomes[7].error)
    assert "an event has no field 'colour'" in str(outcomes[8].error)
    assert outcomes[9].error is not None
    assert [one.error for one in outcomes if one.status != "rejected"] == [None] * 3
    assert [event.id for event in engine.history("ann")] == ["a", "b"]
    assert engine.recommend("ann", after=cursor).state_cursor == cursor == "2"


def test_what_is_nested_as_deeply_as_python_goes_is_refused_by_itself(engine: Engine) -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    row = {"user": "ann", "item": "tea", "type": "view"}
    outcomes, _ = engine.observe_each([{**row, "context": deep}, row])
    assert [one.status for one in outcomes] == ["rejected", "new"]
    assert str(outcomes[0].error).startswith("the event is nested too deeply; allowed is")
    told = engine.put_items_each([{"id": "pot", "colours": deep}, {"id": "cup"}])
    assert [one.status for one in told] == ["rejected", "created"]


def test_an_id_longer_than_an_address_may_hold_is_refused(engine: Engine) -> None:
    row = {"user": "ann", "item": "tea", "type": "view"}
    longest = "茶" * 170 + "!!"  # 512 bytes
    rows = [{**row, name: longest + "!"} for name in ("user", "item", "id")]
    outcomes, _ = engine.observe_each([*rows, {**row, "user": 10**5_000}, {**row, "user": longest}])
    assert [one.status for one in outcomes] == [*["rejected"] * 4, "new"]
    for name, one in zip(("user", "item", "id"), outcomes, strict=False):
        told = f"{name} {longest[:40]!r}... has 513 bytes as UTF-8; allowed are at most 512"
        assert one.error == told
    with pytest.raises(InvalidEventError, match="has 600 bytes"):
        engine.observe_many([Event(UserId("x" * 600), "view", NOW_S)])
    with pytest.raises(InvalidRequestError, match="has 600 bytes"):
        engine.put_user("x" * 600, {"age": 5})
    assert engine.forget(longest).events == 1


def test_an_undone_row_is_told_as_such(engine: Engine) -> None:
    engine.observe("ann", "tea", "view", id="a")
    engine.undo("a")
    (outcome,), cursor = engine.observe_each(
        [{"user": "ann", "item": "tea", "type": "view", "id": "a"}]
    )
    assert outcome == ("a", "undone", None)
    assert cursor == "1"


def test_where_nothing_lands_the_cursor_is_where_the_log_stands(engine: Engine) -> None:
    assert engine.observe_each([]) == ([], "0")
    engine.observe("ann", "tea", "view")
    outcomes, cursor = engine.observe_each([{"user": "ann", "type": "nothing of ours"}])
    assert [one.status for one in outcomes] == ["rejected"]
    assert cursor == "1"


def test_of_many_at_once_all_or_none_land(engine: Engine) -> None:
    with pytest.raises(UnknownEventTypeError):
        engine.observe_many([{"user": "ann", "type": "view"}, {"user": "ann", "type": "veiw"}])
    assert engine.history("ann") == []


def test_two_searches_in_the_same_second_are_two_events(engine: Engine) -> None:
    asked = {"user": "ann", "type": "search", "time": NOW_S - 60}
    rows: list[Any] = [
        {**asked, "words": "green tea"},
        {**asked, "words": "iron pot"},
        {**asked, "words": "green tea", "context": {"page": 2, "shop": "x"}},
        {**asked, "words": "green tea", "context": {"shop": "x", "page": 2}},
    ]
    outcomes, _ = engine.observe_each(rows)
    assert [one.status for one in outcomes] == ["new", "new", "new", "duplicate"]
    assert [engine.observe(**row).status for row in rows] == ["duplicate"] * 4
    assert [event.words for event in engine.history("ann")] == [
        "green tea",
        "iron pot",
        "green tea",
    ]


def test_what_comes_in_is_cleaned_as_a_file_is(tmp_path: Path) -> None:
    rows = [
        {"user": "ann", "item": "tea", "type": "view"},
        {"user": "ann", "item": "undefined", "type": "view"},
        {"user": "bob", "item": "pot", "type": "dwell", "value": -5.0},
        {"user": "null", "item": "tea", "type": "view"},
    ]
    timed = [{**row, "time": NOW_S + n} for n, row in enumerate(rows)]
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, timed)))
    data = open_dataset(str(tmp_path / "events.jsonl"), {}, None, None, ids=True, signals=SHIPPED)
    cleaned = data.cleaned(CleanConfig(), NOW_S + 60)
    with (
        Engine.open(tmp_path / "online.db", clock=ManualClock(NOW_S + 60)) as online,
        Engine.open(tmp_path / "file.db", clock=ManualClock(NOW_S + 60)) as offline,
    ):
        outcomes, _ = online.observe_each(timed)
        assert [one.status for one in outcomes] == ["new", "new", "new", "rejected"]
        assert "user is 'null', which stands for none" in str(outcomes[3].error)
        offline.observe_many(event for batch in cleaned.events(1000) for event in batch)
        assert list(online.events()) == list(offline.events())
        assert online.popular() == offline.popular()
        assert [item.id for item, _ in online.popular()] == ["tea"]
        assert online.facts()["flags"] == {"impossible": 1}
