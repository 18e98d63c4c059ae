"""A caller's own list: all of it, in the order that a slate would have, with true reasons."""

from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.strategy.rules import StrategyConfig

NOW_S = 1_362_819_516.0 + 86_400.0  # a day after the trained database ends


def opened(path: Path) -> Engine:
    config = EngineConfig(strategy=StrategyConfig(repeats="keep"))
    return Engine.open(path, config, ManualClock(NOW_S))


def order(engine: Engine, user: str, items: list[str]) -> list[str]:
    return [place.item for place in engine.rank(user, items).places]


def test_all_known_items_are_ranked_whatever_rules_say_and_dismissed_ones_stand_last(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items(
            [
                {"id": "tea", "title": "Tea"},
                {"id": "pot"},
                {"id": "sold-out", "available": False, "title": "Gone soon"},
                {"id": "old", "expires": NOW_S - 9},
                {"id": "gone"},
            ]
        )
        for item, times in {"pot": 1, "sold-out": 2, "old": 3, "tea": 4}.items():
            engine.observe_many(
                {"user": f"u{n}", "item": item, "type": "purchase", "time": NOW_S - 9}
                for n in range(times)
            )
        engine.remove_item("gone")
        ranked = engine.rank("ann", ["pot", "moon", "tea", "gone", "old", "sold-out", "tea"])
        assert [place.item for place in ranked.places] == ["tea", "old", "sold-out", "pot"]
        assert ranked.unknown == ["moon", "gone"]
        assert ranked.places[0].title == "Tea"
        assert ranked.places[0].score == pytest.approx(sum(ranked.places[0].parts.values()))
        assert (ranked.state_cursor, ranked.artifact, ranked.now_s) == ("0", None, NOW_S)
        seen = engine.observe("ann", "tea", "dismiss")
        again = engine.rank("ann", ["pot", "tea", "old"])
        assert [place.item for place in again.places] == ["old", "pot", "tea"]
        assert again.state_cursor == seen.cursor


def test_an_empty_list_or_one_of_strangers_is_no_error_and_one_too_long_is(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "shop.db") as engine:
        assert engine.rank("ann", []).places == []
        assert engine.rank("ann", ["moon"], reasons=True).unknown == ["moon"]
        assert len(engine.rank("ann", [f"i{n}" for n in range(1_000)]).unknown) == 1_000
        with pytest.raises(InvalidRequestError, match="1001 items to rank; allowed are at most"):
            engine.rank("ann", [f"i{n}" for n in range(1_001)])


@pytest.mark.slow
def test_a_list_is_ranked_as_a_slate_is(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        for user, _, _ in engine.users(3):
            slate = engine.recommend(user, 50)
            shown = [place.item for place in slate.items]
            ranked = engine.rank(user, shown[::-1])
            assert [place.item for place in ranked.places] == shown
            assert ranked.places[0].source == slate.items[0].source
            scores = [place.score for place in slate.items]
            assert [place.score for place in ranked.places] == pytest.approx(scores)
            assert ranked.artifact == engine.artifact


@pytest.mark.slow
def test_a_ranked_item_stands_where_its_reason_says_once_the_events_are_undone(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        user, every = "ann", [item.id for item in engine.items()]
        for item in every[:400:80]:
            engine.observe(user, item, "rating", value=9.0, time=NOW_S - 40 * 86_400.0)
        asked, checked = every[7:1000:25], 0
        ranked = engine.rank(user, asked, reasons=True)
        for rank, place in enumerate(ranked.places, start=1):
            for reason in place.reasons:
                assert reason.rank == rank
                checked += 1
        assert checked >= 10
        place = next(place for place in ranked.places if place.reasons)
        for event in place.reasons[0].events:
            engine.undo(event)
        assert order(engine, user, asked).index(place.item) + 1 == place.reasons[0].rank_without
