"""Slates made together are the slates that each would get alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError
from penchant.core.slates import Slate
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine, Wanted
from penchant.strategy.rules import StrategyConfig

NOW_S = 1_362_819_516.0 + 86_400.0  # a day after the trained database ends


def test_slates_made_together_are_those_made_alone(trained: Callable[[], Path]) -> None:
    with Engine.open(trained(), clock=ManualClock(NOW_S)) as engine:
        users = [str(user) for user, _, _ in engine.users(limit=12)] + ["stranger"]
        wanted = [Wanted(user, 5 + place) for place, user in enumerate(users)]
        alone = [engine.recommend(one.user, one.n) for one in wanted]
        together = engine.recommend_each(wanted)
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, Slate)
        assert [p.item for p in other.items] == [p.item for p in one.items]
        assert [p.score for p in other.items] == [p.score for p in one.items]
        assert (other.user, other.state_cursor) == (one.user, one.state_cursor)


def test_a_wrong_request_among_good_ones_is_told_alone(trained: Callable[[], Path]) -> None:
    with Engine.open(trained(), clock=ManualClock(NOW_S)) as engine:
        wanted = [Wanted("a"), Wanted("b", n=0), Wanted("c", placement="nowhere"), Wanted("d", 3)]
        first, second, third, last = engine.recommend_each(wanted)
    assert isinstance(first, Slate)
    assert len(first.items) == 10
    assert isinstance(second, InvalidRequestError)
    assert "n is 0" in str(second)
    assert isinstance(third, InvalidRequestError)
    assert isinstance(last, Slate)
    assert len(last.items) == 3


def test_a_page_whose_token_would_be_too_long_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.strategy.paging.MAX_CHARACTERS", 600)  # of 6,000: fewer items
    config = EngineConfig(strategy=StrategyConfig(max_n=5_000))
    with Engine.open(tmp_path / "shop.db", config, ManualClock(NOW_S)) as engine:
        engine.put_items({"id": f"item {n}"} for n in range(5_200))
        first, second = engine.recommend_each([Wanted("ann", 10), Wanted("bob", 5_000)])
        assert isinstance(first, Slate)
        assert len(first.items) == 10
        assert isinstance(second, InvalidRequestError)
        assert "`next`" in str(second)
        whole = engine.session([], 5_000)  # it has no next page
        assert (len(whole.items), whole.next) == (5_000, None)


def test_one_text_in_place_of_a_list_and_ids_that_are_none_are_refused(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "shop.db", clock=ManualClock(NOW_S)) as engine:
        engine.observe(42, "tea", "dismiss")  # type: ignore[arg-type]  whole numbers are ids
        engine.put_items([{"id": 5}, {"id": "pot", "categories": ["Drinks"]}])
        every = [place.item for place in engine.recommend("42").items]
        assert every == [place.item for place in engine.recommend(42).items]  # type: ignore[arg-type]
        assert sorted(every) == ["5", "pot"]
        assert [p.item for p in engine.recommend("42", exclude=[5]).items] == ["pot"]  # type: ignore[list-item]
        ranked = engine.rank(42, [5, "pot", "tea", 9])  # type: ignore[arg-type, list-item]
        assert {place.item for place in ranked.places} == {"5", "pot", "tea"}
        assert ranked.unknown == ["9"]
        engine.observe("42", "pot", id=77)  # type: ignore[arg-type]
        assert engine.undo(77)  # type: ignore[arg-type]
        assert [event.item for event in engine.history("42")] == ["tea"]
        engine.remove_item(5)  # type: ignore[arg-type]
        assert [p.item for p in engine.recommend("42").items] == ["pot"]
        with pytest.raises(InvalidRequestError, match="event is empty"):
            engine.undo("")
        for asked in ({"categories": "Drinks"}, {"exclude": "tea"}):
            with pytest.raises(InvalidRequestError, match=r"allowed is a list: \['"):
                engine.recommend("42", **asked)  # type: ignore[arg-type]
        with pytest.raises(InvalidRequestError, match="user is"):
            engine.recommend(None)  # type: ignore[arg-type]
