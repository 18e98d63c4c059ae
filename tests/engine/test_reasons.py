"""Reasons are true: undo what a reason names, and the item falls to the rank it says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.slates import Reason
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.strategy.rules import StrategyConfig

LATER_S = 1_362_819_516.0 + 90 * 86_400.0
"""Out of every window of the trained database: of one user's event only the user is moved."""

pytestmark = pytest.mark.slow


def opened(path: Path, repeats: str = "keep") -> Engine:
    strategy = StrategyConfig.model_validate({"repeats": repeats})
    return Engine.open(path, EngineConfig(strategy=strategy), ManualClock(LATER_S))


def undone(path: Path, reason: Reason, folder: Path) -> Path:
    """A copy of the database in which the events that the reason names were taken back."""
    shutil.copytree(path.parent, folder)
    with opened(folder / path.name) as engine:
        assert all(engine.undo(event) for event in reason.events)
    return folder / path.name


def rank(engine: Engine, user: str, item: str, exclude: list[str]) -> int | None:
    slate = engine.recommend(user, 100, exclude=exclude)
    order = [place.item for place in slate.items]
    return order.index(item) + 1 if item in order else None


@pytest.mark.parametrize("repeats", ["keep", "drop"])
def test_without_the_named_events_the_item_stands_where_the_reason_says(
    trained: Callable[[], Path], tmp_path: Path, repeats: str
) -> None:
    path, checked = trained(), 0
    with opened(path, repeats) as engine:
        asked = {user: engine.recommend(user, 10, reasons=True) for user, _, _ in engine.users(4)}
        taken = {user: [event.item for event in engine.history(user)] for user in asked}
    for user, slate in asked.items():
        for place in slate.items[::5]:
            for reason in place.reasons:
                masked = [item for item in taken[user] if item] if repeats == "drop" else []
                copied = undone(path, reason, tmp_path / f"{repeats}-{user}-{place.item}")
                with opened(copied, repeats) as engine:
                    assert rank(engine, user, place.item, masked) == reason.rank_without
                assert place.item == slate.items[reason.rank - 1].item
                assert reason.rank_without is None or reason.rank_without > reason.rank
                checked += 1
    assert checked >= 4


def test_explaining_one_item_gives_the_reason_of_its_slate(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        user = engine.users(1)[0][0]
        for place in engine.recommend(user, reasons=True).items:
            assert list(engine.explain(user, place.item)) == list(place.reasons)
            for reason in place.reasons:
                assert set(reason.events) <= {event.id for event in engine.history(user)}
                assert "without" in reason.sentence()


def test_a_stranger_has_no_reasons(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        slate = engine.recommend("stranger", reasons=True)
        assert [place.reasons for place in slate.items] == [[]] * 10
        assert engine.explain("stranger", slate.items[0].item) == []


def test_reasons_of_a_long_slate_stand_at_its_places(trained: Callable[[], Path]) -> None:
    told = 0
    with opened(trained()) as engine:
        for user, _, _ in engine.users(3):
            slate = engine.recommend(user, 150, reasons=True)
            for number, place in enumerate(slate.items, 1):
                assert {reason.rank for reason in place.reasons} <= {number}
                told += number > 100 and bool(place.reasons)
    assert told > 10
