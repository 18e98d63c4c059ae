"""Somebody without a name: their events make a slate, and nothing is left of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidEventError, InvalidRequestError
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.strategy.rules import StrategyConfig

NOW_S = 1_362_819_516.0 + 86_400.0  # a day after the trained database ends


def opened(path: Path) -> Engine:
    home = StrategyConfig(repeats="keep", max_n=20)
    config = EngineConfig(strategy=StrategyConfig(repeats="drop"), placements={"home": home})
    return Engine.open(path, config, ManualClock(NOW_S))


@pytest.mark.slow
def test_a_session_gets_the_slate_that_a_user_with_these_events_has(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        items = [item.id for item in engine.items()]
        events = [
            {"item": item, "type": "rating", "value": 9.0, "time": NOW_S - 600 + n}
            for n, item in enumerate(items[:300:50])
        ]
        before = [place.item for place in engine.session(events).items]
        engine.observe_many({**event, "user": "ann"} for event in events)
        known = engine.recommend("ann")
        slate = engine.session(events[::-1])  # what happened first is told by the time
        assert slate.items == known.items
        assert before != [place.item for place in engine.session([]).items]
        assert slate.artifact == known.artifact
        assert (slate.user, slate.next, slate.state_cursor) == ("", None, "0")
        assert slate.to_dict()["user"] is None


def trace(engine: Engine) -> list[Any]:
    """All that an event could have moved."""
    memory = engine._memory
    return [
        engine.facts(),
        [event for _, event in engine._database.log.scan()],
        len(engine._database.states._entries),
        dict(memory.histories._held),
        [source.score(engine_reading(engine), slice(None)).tolist() for source in counting(engine)],
        memory.live.added_s.tolist(),
        len(memory.shelf),
        engine.users(),
    ]


def engine_reading(engine: Engine) -> Any:
    return engine._memory.reading("a stranger", NOW_S)


def counting(engine: Engine) -> list[Any]:
    return list(engine._memory.stages.sources.values())


@pytest.mark.parametrize("learned", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_thousand_sessions_leave_no_trace(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    with opened(trained() if learned else tmp_path / "shop.db") as engine:
        if not learned:
            engine.put_items({"id": f"i{n}"} for n in range(50))
        items = [item.id for item in engine.items()]
        engine.observe("ann", items[0], "like")
        engine.recommend("ann")
        before = trace(engine)
        for n in range(1_000):
            slate = engine.session(
                [
                    {"item": items[n % 40], "type": "like"},
                    {"item": f"never met {n}", "type": "view", "id": "mine"},
                    {"type": "search", "words": "tea"},
                    {"item": items[n % 40 + 1], "type": "dismiss"},
                ],
                5,
            )
            assert len(slate.items) == 5
        assert trace(engine) == before


def test_a_session_moves_the_slate_as_its_events_say(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items({"id": f"i{n}", "categories": ["even", "odd"][n % 2]} for n in range(9))
        for user in ("ann", "bob"):
            for item in ("i1", "i5"):
                engine.observe(user, item, "purchase")
        liked = [{"item": "i1", "type": "like"}]

        def ids(*args: Any, **asked: Any) -> list[str]:
            return [place.item for place in engine.session(*args, **asked).items]

        assert ids(liked)[0] == "i5"
        assert "i1" not in ids(liked)
        assert "i1" in ids(liked, placement="home")
        assert "i5" not in ids([*liked, {"item": "i5", "type": "dismiss"}])
        assert "i5" not in ids(liked, exclude=["i5"])
        assert ids(liked, 9, categories=["even"]) == ["i0", "i2", "i4", "i6", "i8"]
        assert engine.session(liked, placement="home").placement == "home"


def test_what_is_wrong_with_a_session_is_told(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        fine = {"item": "tea", "type": "view"}
        for wrong, said in (
            ({"user": "ann", "type": "view"}, "event 1 of the session: it names a user; allowed"),
            ({"user_id": "ann", "type": "view"}, "event 1 of the session: it names a user"),
            ({"item": "tea", "type": "veiw"}, "did you mean 'view'"),
            ({"item": "tea", "type": "view", "time": "soon"}, "event 1 of the session: time is"),
            ("tea", "event 1 of the session: an event is 'tea'; allowed is a mapping"),
        ):
            rows: Any = [fine, wrong]
            with pytest.raises(InvalidEventError, match=said):
                engine.session(rows)
        with pytest.raises(InvalidRequestError, match="a session of 1001 events; allowed are at"):
            engine.session([fine] * 1_001)
        with pytest.raises(InvalidRequestError, match="n is 0"):
            engine.session([fine], 0)


def test_an_event_that_moves_nobody_by_name_moves_no_session(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        for user in ("ann", "bob"):
            for item in ("tea", "cake"):
                engine.observe(user, item, "purchase", time=NOW_S - 60)
        impossible = {"item": "tea", "type": "purchase", "value": -5, "time": NOW_S - 30}
        slate = engine.session([impossible], repeats=False)
        assert {place.item for place in slate.items} == {"tea", "cake"}
