"""Items come and go: each row is told what became of it, and what is removed stays removed."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import UnknownIdError
from penchant.engine.engine import BULK, Engine

NOW_S = 1_362_819_516.0 + 86_400.0  # a day after the trained database ends


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


def ids(engine: Engine, user: str = "ann", n: int = 100, **asked: Any) -> list[str]:
    return [place.item for place in engine.recommend(user, n, **asked).items]


def test_each_item_is_told_what_became_of_it(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.observe("ann", "stub", "view")
        rows: list[Any] = [
            {"id": "tea", "title": "Tea"},
            {"title": "no id"},
            {"id": "pot", "expires": "soon"},
            "tea",
            {"id": "tea", "title": "Green tea"},
            {"id": "stub", "title": "Known"},
        ]
        told = engine.put_items_each(rows)
        assert [(one.item, one.status) for one in told] == [
            ("tea", "created"),
            (None, "rejected"),
            (None, "rejected"),
            (None, "rejected"),
            ("tea", "replaced"),
            ("stub", "replaced"),
        ]
        assert "item id is missing" in str(told[1].error)
        assert "expires: time is 'soon'" in str(told[2].error)
        assert str(told[3].error).startswith("an item is 'tea'; allowed is a mapping")
        assert engine.item("tea").title == "Green tea"
        assert sorted(ids(engine, "bob")) == ["stub", "tea"]
        assert engine.put_items_each([]) == []


@pytest.mark.parametrize("learned", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_removed_item_is_gone_until_it_is_put_again(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    path = trained() if learned else tmp_path / "shop.db"
    with opened(path) as engine:
        engine.put_items([{"id": "xqhat", "title": "Xqhat", "categories": ["hats"]}, {"id": "cap"}])
        engine.observe("ann", "xqhat", "view", id="first")
        assert ids(engine, "bob", categories=["hats"]) == ["xqhat"]
        engine.remove_item("xqhat")
        assert engine.search_items("xqhat") == ([], 0)
        assert "hats" not in dict(engine.categories())
        assert [event.id for event in engine.history("ann")] == ["first"]
    with opened(path) as engine:
        with pytest.raises(UnknownIdError, match="the item 'xqhat' was removed; put it again"):
            engine.item("xqhat")
        with pytest.raises(UnknownIdError, match="was removed"):
            engine.remove_item("xqhat")
        with pytest.raises(UnknownIdError, match="no item has the id 'moon'"):
            engine.remove_item("moon")
        for n in range(3):
            engine.observe(f"user{n}", "xqhat", "purchase")
        engine.observe_many(
            {"user": "many", "item": "xqhat", "type": "purchase"} for _ in range(BULK)
        )
        every = [item.id for item in engine.items()]
        others = [item for item in every if item != "xqhat"]
        assert ids(engine, "bob", exclude=others) == []
        assert engine.search_items("xqhat") == ([], 0)
        assert len(engine.history("user0")) == 1
        (told,) = engine.put_items_each([{"id": "xqhat", "title": "Again", "categories": ["hats"]}])
        assert told == ("xqhat", "created", None)
        assert ids(engine, "bob", categories=["hats"]) == ["xqhat"]
        assert engine.item("xqhat").title == "Again"
    with opened(path) as engine:
        assert engine.item("xqhat").title == "Again"


def test_nothing_of_a_removed_item_s_words_is_left_in_the_catalogue(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items([{"id": "xqhat", "title": "Felt", "description": "warm", "size": 7}])
        engine.remove_item("xqhat")
        (item,) = engine.items()
        assert (item.title, item.description, dict(item.attributes)) == (None, None, {})


def test_training_is_told_when_items_were_put_and_nothing_of_their_events(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items([{"id": "known"}, {"id": "lamp"}])
        shown = {"user": "ann", "type": "view"}
        engine.observe_many(
            [{**shown, "item": "lamp", "time": NOW_S - 60}, {**shown, "item": "rug"}]
        )
        columns = engine.columns()
        assert columns.put_s is not None
        told = dict(zip(columns.items, columns.put_s.tolist(), strict=True))
        assert told == {"known": NOW_S, "lamp": NOW_S, "rug": math.inf}
        served = dict(zip(columns.items, engine._memory.live.added_s.tolist(), strict=True))
        assert served == {"known": NOW_S, "lamp": NOW_S - 60, "rug": NOW_S}


@pytest.mark.parametrize("how", ["undo", "forget"])
def test_an_item_that_only_what_was_taken_back_has_named_is_shown_to_nobody(
    tmp_path: Path, how: str
) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.put_items([{"id": "tea"}])
        told = engine.observe("ann", "only hers", "purchase")
        assert sorted(ids(engine, "bob")) == ["only hers", "tea"]
        engine.undo(told.event) if how == "undo" else engine.forget("ann")
        assert ids(engine, "bob") == ["tea"]
        assert [item.id for item in engine.search_items()[0]] == ["tea"]
    with opened(tmp_path / "shop.db") as engine:
        assert ids(engine, "bob") == ["tea"]
        assert [item.id for item in engine.search_items()[0]] == ["tea"]
        engine.observe("carl", "only hers", "view")
        assert sorted(ids(engine, "bob")) == ["only hers", "tea"]
