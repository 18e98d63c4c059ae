"""Slates made together are the slates that each would get alone."""

from collections.abc import Callable
from pathlib import Path

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError
from penchant.core.slates import Slate
from penchant.engine.engine import Engine, Wanted

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
