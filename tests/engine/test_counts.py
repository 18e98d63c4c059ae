"""Live counts are made when first needed, and are those of the whole log however it came in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.engine.config import EngineConfig
from penchant.engine.engine import BULK, Engine
from penchant.ingest.clean_one import CleanConfig
from penchant.strategy.rules import StrategyConfig

DAY_S = 86_400.0
NOON_S = 1_700_000_000.0


def stream(count: int, first: int = 0) -> list[Event]:
    return [
        Event(UserId(f"u{n % 40}"), "view", NOON_S + n * 60.0, ItemId(f"i{(n * n) % 23}"))
        for n in range(first, first + count)
    ]


@pytest.mark.parametrize("size", [BULK, 10 * BULK])
def test_slates_after_bulk_are_those_of_an_engine_opened_on_the_same_log(
    tmp_path: Path, size: int
) -> None:
    path, config = tmp_path / "films.db", EngineConfig(strategy=StrategyConfig(repeats="keep"))
    clock = ManualClock(NOON_S + 30 * DAY_S)
    with Engine.open(path, config, clock) as engine:
        engine.observe_many(stream(30))
        engine.recommend("u1")
        engine.observe_many(stream(size, 30))
        engine.observe_many(stream(5, 30 + size))
        grown = engine.recommend("u1")
    with Engine.open(path, config, clock) as again:
        fresh = again.recommend("u1")
    assert [place.item for place in fresh.items] == [place.item for place in grown.items]
    assert [p.score for p in fresh.items] == pytest.approx([p.score for p in grown.items], 1e-5)
    assert len(fresh.items) == 10


def test_a_flagged_event_of_2099_does_not_move_the_clock_of_the_log(tmp_path: Path) -> None:
    path, config = tmp_path / "films.db", EngineConfig(clock="log")
    far = Event(UserId("u1"), "view", 4_070_908_800.0, ItemId("i1"), flags=("future",))
    with Engine.open(path, config) as engine:
        engine.observe_many([*stream(10), far])
    with Engine.open(path, config) as engine:
        assert engine.now_s() == pytest.approx(NOON_S + 9 * 60, abs=30)
        assert engine.facts()["newest_s"] == NOON_S + 9 * 60
        assert engine.facts()["flags"] == {"future": 1}
        assert engine.facts()["events"] == 11


def test_a_mistaken_event_that_is_undone_leaves_the_clock_of_the_log_where_it_was(
    tmp_path: Path,
) -> None:
    with Engine.open(tmp_path / "films.db", EngineConfig(clock="log")) as engine:
        engine.observe_many(stream(10))
        before = [(item.id, weight) for item, weight in engine.popular(5)]
        assert before
        mistaken = Event(UserId("u1"), "view", NOON_S + 900 * DAY_S, ItemId("i1"))
        (seen,) = engine.observe_many([mistaken])
        assert engine.now_s() > NOON_S + 899 * DAY_S
        assert engine.undo(seen.event)
        assert engine.now_s() == pytest.approx(NOON_S + 9 * 60, abs=30)
        assert [(item.id, weight) for item, weight in engine.popular(5)] == before
        assert engine.observe_many([mistaken])[0].status == "undone"
        assert engine.now_s() == pytest.approx(NOON_S + 9 * 60, abs=30)


def test_time_that_went_by_on_the_clock_of_the_log_is_not_lost_by_undoing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = [1_000.0]
    monkeypatch.setattr("penchant.core.clock.time.monotonic", lambda: wall[0])
    with Engine.open(tmp_path / "films.db", EngineConfig(clock="log")) as engine:
        engine.observe_many(stream(10))
        wall[0] += 3_600.0
        stamped = engine.observe("u1", "i1")  # by the clock itself, which it does not set
        engine.undo(stamped.event)
        assert engine.now_s() == NOON_S + 9 * 60 + 3_600
        (seen,) = engine.observe_many([Event(UserId("u1"), "view", NOON_S + 9e6, ItemId("i1"))])
        wall[0] += 60.0
        assert engine.now_s() == NOON_S + 9e6 + 60
        engine.undo(seen.event)
        assert engine.now_s() == NOON_S + 9 * 60 + 3_660
        flagged = Event(UserId("u1"), "view", NOON_S + 9e7, ItemId("i1"), flags=("future",))
        (seen,) = engine.observe_many([flagged])
        engine.undo(seen.event)
        assert engine.now_s() == NOON_S + 9 * 60 + 3_660
        for user in {event.user for event in stream(10)}:
            engine.forget(user)
        assert engine.now_s() > 1.7e9


def test_a_slate_asked_while_new_items_are_being_stored_is_made(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "films.db", None, ManualClock(NOON_S + DAY_S)) as engine:
        engine.observe_many(stream(BULK))
        put, made = engine._database.catalogue.put, []

        def put_and_look(items: Sequence[Item], now_s: float) -> None:
            put(items, now_s)
            made.append(engine.recommend("u1"))  # as another thread may, between the two

        engine._database.catalogue.put = put_and_look  # type: ignore[method-assign]
        engine.put_items([{"id": "brand new"}])
        assert made[0].items
        assert engine.search_items("brand")[1] == 1


def test_a_type_that_weighs_nothing_may_hide_its_item(tmp_path: Path) -> None:
    signals = {"view": Signal(), "hide": Signal(weight=0, hides=True)}
    config = EngineConfig(signals=signals, strategy=StrategyConfig(repeats="keep"))
    with Engine.open(tmp_path / "films.db", config, ManualClock(NOON_S + DAY_S)) as engine:
        engine.observe_many(stream(60))
        (gone, *rest) = [place.item for place in engine.recommend("u1", 5).items]
        engine.observe("u1", gone, "hide", time=NOON_S + DAY_S)
        left = [place.item for place in engine.recommend("u1", 5).items]
        assert gone not in left
        assert set(rest) <= set(left)


@pytest.mark.slow
def test_an_event_of_the_future_hides_nobody_s_month_after_a_restart(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    config = EngineConfig(clean=CleanConfig(exclude=frozenset({"impossible"})))
    now_s = 1_362_819_516.0 + 60.0  # a minute after the trained database ends
    far = Event(UserId("u1"), "view", now_s + 80 * DAY_S, ItemId("0903624"), flags=("future",))
    with Engine.open(path, config, ManualClock(now_s)) as engine:
        engine.observe_many([far])
        before = [(item.id, weight) for item, weight in engine.popular(5, window="30d")]
    with Engine.open(path, config, ManualClock(now_s)) as again:
        after = [(item.id, weight) for item, weight in again.popular(5, window="30d")]
    assert len(before) == 5
    assert [item for item, _ in after] == [item for item, _ in before]
    assert [w for _, w in after] == pytest.approx([w for _, w in before], rel=1e-5)


def test_an_event_of_the_far_future_makes_no_later_one_late(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "shop.db", clock=ManualClock(NOON_S)) as engine:
        far = Event(UserId("ann"), "view", NOON_S * 2, ItemId("tea"), id=EventId("far"))
        engine.observe_many([replace(far, flags=("future",))])
        recounted: list[str] = []
        recount = engine._memory._recount
        engine._memory._recount = lambda user, *given: (
            recounted.append(user),
            recount(user, *given),
        )
        for n in range(5):
            engine.observe("ann", f"i{n}", "view", time=NOON_S - 60 + n)
        assert recounted == []
        engine.observe("ann", "i9", "view", time=NOON_S - 90)  # truly late
        assert recounted == ["ann"]
        assert engine._memory.user(UserId("ann")).head == engine._database.log.head(UserId("ann"))
        before = list(engine._memory.user(UserId("ann")).recent)
    with Engine.open(tmp_path / "shop.db", clock=ManualClock(NOON_S)) as again:
        assert list(again._memory.user(UserId("ann")).recent) == before


def test_a_call_with_few_of_the_log_s_events_does_not_have_it_counted_again(tmp_path: Path) -> None:
    def views(name: str, count: int, first_s: float) -> list[Event]:
        return [
            Event(
                UserId(f"{name}{n % 40}"),
                "view",
                first_s + n / 100,
                ItemId(f"i{n % 90}"),
                id=EventId(f"{name}-{n}"),
            )
            for n in range(count)
        ]

    config = EngineConfig(strategy=StrategyConfig(repeats="keep"))
    log = views("old", 20 * BULK + 2_000, NOON_S - 3_600)
    new = [views("new", BULK, NOON_S - 600), views("newer", 2 * BULK, NOON_S - 300)]
    with Engine.open(tmp_path / "a.db", config, ManualClock(NOON_S)) as engine:
        engine.observe_many(log)
        engine.recommend("old1")
        counted = []
        for events in new:
            engine.observe_many(events)
            counted.append(engine._memory._counted)
        assert counted == [True, False]  # a twentieth of the log, and more
        grown = [(p.item, p.score) for p in engine.recommend("old1").items]
    with Engine.open(tmp_path / "a.db", config, ManualClock(NOON_S)) as again:
        assert [(p.item, p.score) for p in again.recommend("old1").items] == grown
