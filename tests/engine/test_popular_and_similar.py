"""What everybody takes, and what goes with an item: nothing that is not to be had."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError, UnknownIdError
from penchant.engine.engine import Engine
from penchant.retrieval.neighbours import neighbours_from

NOW_S = 1_362_819_516.0 + 86_400.0  # a day after the trained database ends
DAY_S = 86_400.0


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


def ids(found: list) -> list[str]:
    return [item.id for item, _ in found]


def test_popular_counts_the_weights_of_its_window(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items(
            [
                {"id": "tea", "categories": ["drinks"]},
                {"id": "pot"},
                {"id": "out", "available": False, "title": "Sold out"},
                {"id": "never"},
            ]
        )
        for item, days, times in (("tea", 0.5, 1), ("pot", 3, 2), ("old", 20, 4), ("out", 0.1, 9)):
            engine.observe_many(
                {"user": f"u{n}", "item": item, "type": "view", "time": NOW_S - days * DAY_S}
                for n in range(times)
            )
        weight = engine.config.signals["view"].weight
        assert ids(engine.popular()) == ["pot", "tea"]
        assert engine.popular()[0][1] == pytest.approx(2 * weight)
        assert ids(engine.popular(window="1d")) == ["tea"]
        assert ids(engine.popular(window="30d")) == ["old", "pot", "tea"]
        assert ids(engine.popular(1, window="30d")) == ["old"]
        assert ids(engine.popular(category="drinks")) == ["tea"]
        assert engine.popular(category="nowhere") == []
        engine.remove_item("pot")
        assert ids(engine.popular()) == ["tea"]
        with pytest.raises(InvalidRequestError, match=r"window is '2d'.*; allowed are 1d, 7d, 30d"):
            engine.popular(window="2d")
        with pytest.raises(InvalidRequestError, match="n is 0; allowed are 1 to 1000"):
            engine.popular(0)


def test_a_clock_that_is_wrong_empties_nobody_else_s_window(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.observe_many(
            {"user": f"u{n}", "item": "tea", "type": "purchase", "time": NOW_S - 19 * 3600.0 + n}
            for n in range(20)
        )
        was = engine.popular(window="1d")
        told = engine.observe("bob", "pot", "view", time=NOW_S + 86_000.0)
        now = [(item.id, weight) for item, weight in engine.popular(window="1d")]
        assert now == [*((item.id, weight) for item, weight in was), ("pot", 0.5)]
        assert ids(engine.popular(window="7d")) == ["tea", "pot"]
        assert engine.undo(told.event)
        assert engine.popular(window="1d") == was
        engine.observe("bob", "cup", "view", time=NOW_S + 86_000.0)
        before = engine.popular(window="1d")
    with opened(tmp_path / "shop.db") as engine:
        assert engine.popular(window="1d") == before
    later = ManualClock(NOW_S + 6 * 3600.0)  # the purchases are a day old
    with Engine.open(tmp_path / "shop.db", clock=later) as engine:
        assert ids(engine.popular(window="1d")) == ["cup"]


def test_before_training_what_was_only_shown_hides_no_pair(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        for n in range(3):
            shown = [("kettle", "impression")] * 60
            for item, kind in (("tea", "click"), *shown, ("pot", "click")):
                engine.observe(f"u{n}", item, kind)
        ((pot, score),) = engine.similar("tea")
        assert (pot.id, score) == ("pot", 3.0)
        told = engine.observe("u1", "cup", "click")
        assert sorted(ids(engine.similar("tea"))) == ["cup", "pot"]
        engine.undo(told.event)
        engine.forget("u2")
        ((pot, score),) = engine.similar("tea")
        assert (pot.id, score) == ("pot", 2.0)


def test_before_training_similar_is_what_was_taken_next(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items({"id": item} for item in ("tea", "pot", "cup", "lone"))
        for user, items in {"ann": ["tea", "pot"], "bob": ["tea", "pot", "cup"]}.items():
            for item in items:
                engine.observe(user, item, "purchase")
        assert [(item.id, score) for item, score in engine.similar("tea")] == [
            ("pot", 2.0),
            ("cup", 1.0),
        ]
        assert ids(engine.similar("tea", 1)) == ["pot"]
        assert engine.similar("lone") == []
        engine.put_items([{"id": "pot", "expires": NOW_S - 1}])
        assert ids(engine.similar("tea")) == ["cup"]
        with pytest.raises(UnknownIdError, match="no item has the id 'moon'"):
            engine.similar("moon")
        engine.remove_item("cup")
        with pytest.raises(UnknownIdError, match="'cup' was removed"):
            engine.similar("cup")
        assert engine.similar("tea") == []


@pytest.mark.slow
def test_after_training_the_table_comes_first_and_vectors_fill_up(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        learned, every = engine._learned, engine.items()
        assert learned is not None
        table = neighbours_from(learned.tables["item_item"])
        row = int((table.weights > 0).sum(axis=1).argmax())
        known = int((table.weights[row] > 0).sum())
        asked = min(known + 20, 1_000)
        found = engine.similar(every[row].id, asked)
        assert len(found) == asked
        strongest = sorted(zip(-table.weights[row], table.rows[row], strict=True))[:known]
        assert ids(found)[:known] == [every[r].id for _, r in strongest]
        assert every[row].id not in ids(found)
        assert len(set(ids(found))) == asked
        unit = engine._memory.shelf.vectors
        assert unit is not None
        near = [float(unit[engine._memory.shelf.row_of(i.id)] @ unit[row]) for i, _ in found]
        assert near[known:] == sorted(near[known:], reverse=True)
        assert np.allclose(near[known:], [score for _, score in found[known:]])
        engine.put_items([{"id": "new", "title": "Never met"}])
        assert engine.similar("new") == []
