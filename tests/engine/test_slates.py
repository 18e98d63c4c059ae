"""What a caller sees: events move the next slate, rules hold, pages end, nobody gets an error."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError, NotYetVisibleError, UnknownIdError
from penchant.core.slates import Slate
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.strategy.rules import StrategyConfig

DAY_S = 86_400.0
NOW_S = 1_362_819_516.0 + DAY_S  # a day after the trained database ends


def opened(path: Path, repeats: str = "auto", wait_s: float = 0.02) -> Engine:
    strategy = StrategyConfig.model_validate({"repeats": repeats})
    config = EngineConfig(strategy=strategy, after_wait_s=wait_s)
    return Engine.open(path, config, ManualClock(NOW_S))


def ids(slate: Slate) -> list[str]:
    return [place.item for place in slate.items]


def shop(engine: Engine, n: int = 30) -> None:
    """`n` items of three kinds, and a few people who bought in runs of one kind."""
    kinds = ("tea", "pots", "books")
    engine.put_items(
        {"id": f"{kinds[k % 3]}{k}", "title": f"{kinds[k % 3]} {k}", "categories": [kinds[k % 3]]}
        for k in range(n)
    )
    engine.observe_many(
        {
            "user": f"p{p}",
            "item": f"{kinds[p % 3]}{p % 3 + 3 * step}",
            "type": "purchase",
            "time": NOW_S - DAY_S + 60 * (p + step),
        }
        for p in range(6)
        for step in range(n // 3)
    )


def test_an_event_is_known_to_the_next_slate(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db", "drop") as engine:
        shop(engine)
        before = engine.recommend("ann")
        seen = engine.observe("ann", "pots4", "purchase")
        after = engine.recommend("ann", after=seen.cursor)
        assert seen.status == "new"
        assert after.state_cursor == seen.cursor
        assert before.state_cursor == "0"
        assert set(ids(after)[:3]) == {"pots7", "pots10", "pots13"}  # what came next for others
        assert ids(after) != ids(before)
        assert "pots4" not in ids(after)


@pytest.mark.slow
def test_a_trained_slate_moves_with_every_event(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        items = [item.id for item in engine.items()]
        slates = [ids(engine.recommend("ann"))]
        for item in items[:200:20]:
            engine.observe("ann", item, "rating", value=9.0)
            slates.append(ids(engine.recommend("ann")))
        changed = sum(one != two for one, two in pairwise(slates))
        assert changed >= 9
        assert engine.recommend("ann").artifact == engine.artifact is not None
        assert all("recurrent" in place.parts for place in engine.recommend("ann").items)


def test_a_slate_waits_for_its_cursor_and_says_when_it_never_came(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        seen = engine.observe("ann", "tea", "view")
        assert engine.recommend("ann", after=seen.cursor).state_cursor == seen.cursor
        with pytest.raises(NotYetVisibleError, match=r"up to 99 were not folded within 0\.02 s"):
            engine.recommend("ann", after="99")
        with pytest.raises(InvalidRequestError, match="after is 'soon'; allowed is a cursor"):
            engine.recommend("ann", after="soon")


def test_a_resend_is_a_duplicate_and_an_undone_one_stays_undone(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        for event in (
            {"user": "ann", "item": "tea", "type": "view", "time": NOW_S - 60},
            {"user": "ann", "item": "tea", "type": "view", "timestamp": NOW_S - 50},
            {"user": "ann", "item": "tea", "type": "view", "id": "mine"},
        ):
            (first,) = engine.observe_many([event])
            (again,) = engine.observe_many([event])
            assert (first.status, again.status) == ("new", "duplicate")
            assert again.event == first.event
            assert engine.undo(first.event)
            assert not engine.undo(first.event)
            assert [seen.status for seen in engine.observe_many([event])] == ["undone"]
        assert engine.history("ann") == []
        one, two = engine.observe("ann", "tea", "view"), engine.observe("ann", "tea", "view")
        assert one.event != two.event  # without a time each is its own


def test_an_engine_without_any_item_gives_an_empty_slate(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        slate = engine.recommend("ann")
        assert (ids(slate), slate.next, slate.artifact) == ([], None, None)
        engine.put_items([{"id": "tea"}])
        assert ids(engine.recommend("ann")) == ["tea"]


@pytest.mark.parametrize("learned", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_whatever_is_left_is_shown_and_nothing_left_is_no_error(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    with opened(trained() if learned else tmp_path / "shop.db") as engine:
        if not learned:
            shop(engine)
        every = [item.id for item in engine.items()]
        assert len(ids(engine.recommend("stranger"))) == 10
        assert ids(engine.recommend("stranger", exclude=every)) == []
        assert ids(engine.recommend("stranger", categories=["nowhere"])) == []
        assert ids(engine.recommend("stranger", exclude=every[:-3], n=10)) != []
        assert sorted(ids(engine.recommend("stranger", exclude=every[:-3]))) == sorted(every[-3:])
        engine.observe_many(
            {"user": "ann", "item": item, "type": "dismiss", "time": NOW_S - 9}
            for item in every[2:]
        )
        assert sorted(ids(engine.recommend("ann"))) == sorted(every[:2])
        engine.observe_many({"user": "ann", "item": i, "type": "dismiss"} for i in every[:2])
        assert ids(engine.recommend("ann")) == []


def test_few_found_items_far_down_the_catalogue_are_not_lost_to_its_first_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shop.db"
    with Engine.open(path, clock=ManualClock(NOW_S)) as engine:
        engine.put_items({"id": f"i{n}"} for n in range(400))
    much_later_s = NOW_S + 4_000 * DAY_S  # nothing is fresh any more
    with Engine.open(path, clock=ManualClock(much_later_s)) as engine:
        engine.observe("bob", "i399", "purchase")
        assert ids(engine.recommend("ann"))[0] == "i399"


def test_a_dismissed_item_is_gone_until_that_is_undone(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db", "keep") as engine:
        shop(engine)
        best = ids(engine.recommend("ann"))[0]
        said = engine.observe("ann", best, "dismiss")
        assert best not in ids(engine.recommend("ann", 30))
        assert best in ids(engine.recommend("bob", 30))
        engine.observe("ann", best, "purchase")  # buying it does not bring it back
        assert best not in ids(engine.recommend("ann", 30))
        engine.undo(said.event)
        assert best in ids(engine.recommend("ann", 30))


@pytest.mark.parametrize("learned", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_pages_never_repeat_and_end(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    with opened(trained() if learned else tmp_path / "shop.db", "drop") as engine:
        if not learned:
            shop(engine)
        engine.observe("ann", engine.items()[3].id, "like")
        size, seen, token = (400 if learned else 7), [], None
        for _ in range(12):
            page = engine.recommend("ann", size, next=token)
            seen += ids(page)
            token = page.next
            if token is None:
                break
        assert token is None
        assert len(seen) == len(set(seen)) == len(engine.items()) - 1


def test_a_token_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        shop(engine)
        token = engine.recommend("ann", 5).next
        assert token is not None
        with pytest.raises(InvalidRequestError, match="for the same user, unchanged"):
            engine.recommend("bob", 5, next=token)
        with pytest.raises(InvalidRequestError, match="was not given here"):
            engine.recommend("ann", 5, next=token[:-4] + "AAAA")


def test_what_was_excluded_or_is_of_another_category_does_not_appear(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        shop(engine)
        assert "tea0" not in ids(engine.recommend("ann", 30, exclude=["tea0", "never met"]))
        some = engine.recommend("ann", 30, categories=["tea", "pots"])
        assert {place.categories for place in some.items} == {("tea",), ("pots",)}
        assert len(some.items) == 20


@pytest.mark.parametrize(
    ("policy", "asked", "shown"),
    [
        ("keep", True, True),
        ("keep", False, False),
        ("drop", True, False),
        ("drop", False, False),
    ],
)
def test_taken_items_repeat_only_where_placement_and_request_let_them(
    tmp_path: Path, policy: str, asked: bool, shown: bool
) -> None:
    with opened(tmp_path / "shop.db", policy) as engine:
        shop(engine)
        engine.observe("ann", "books5", "purchase")
        assert ("books5" in ids(engine.recommend("ann", 30, repeats=asked))) is shown


@pytest.mark.slow
def test_variety_spreads_a_slate_and_keeps_its_best(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        user = engine.users(1)[0][0]
        vectors = engine._memory.shelf.facts(engine._memory.live.added_s).vectors
        assert vectors is not None

        def likeness(slate: Slate) -> float:
            rows = [engine._memory.shelf.row_of(place.item) for place in slate.items]
            near = vectors[rows] @ vectors[rows].T
            return float((near.sum() - near.trace()) / (len(rows) * (len(rows) - 1)))

        plain, varied = engine.recommend(user, 20), engine.recommend(user, 20, diversity=0.9)
        assert likeness(varied) < likeness(plain)
        assert ids(varied)[0] == ids(plain)[0]
        with pytest.raises(InvalidRequestError, match=r"diversity is 1\.5; allowed"):
            engine.recommend(user, diversity=1.5)


@pytest.mark.parametrize("n", [0, -1, 1001])
def test_a_slate_of_no_or_too_many_places_is_refused(tmp_path: Path, n: int) -> None:
    with (
        opened(tmp_path / "shop.db") as engine,
        pytest.raises(InvalidRequestError, match=f"n is {n}; allowed are 1 to 1000"),
    ):
        engine.recommend("ann", n)


@pytest.mark.parametrize("learned", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_item_is_recommendable_as_soon_as_it_is_put_and_until_it_is_taken_off(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    with opened(trained() if learned else tmp_path / "shop.db") as engine:
        if not learned:
            shop(engine)
        asked = {"n": 1000, "categories": ["hats"]}
        assert ids(engine.recommend("ann", **asked)) == []
        assert engine.put_items([{"id": "hat", "title": "A hat", "categories": "hats"}]) == 1
        (place,) = engine.recommend("ann", **asked).items
        assert (place.item, place.title, place.categories) == ("hat", "A hat", ("hats",))
        engine.put_items([{"id": "hat", "categories": "hats", "available": False}])
        assert ids(engine.recommend("ann", **asked)) == []
        engine.put_items([{"id": "hat", "categories": "hats", "expires": NOW_S - 1}])
        assert ids(engine.recommend("ann", **asked)) == []
        engine.put_items([{"id": "hat", "categories": "scarves"}])
        assert ids(engine.recommend("ann", **asked)) == []
        assert ids(engine.recommend("ann", 5, categories=["scarves"])) == ["hat"]
        assert "hat" in pages(engine, "ann")


def pages(engine: Engine, user: str) -> Sequence[str]:
    seen, token = [], None
    while True:
        slate = engine.recommend(user, 500, next=token)
        seen += ids(slate)
        token = slate.next
        if token is None:
            return seen


def test_each_place_says_what_every_source_gave(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        shop(engine)
        engine.observe("ann", "pots4", "purchase")
        for place in engine.recommend("ann").items:
            assert sum(place.parts.values()) == pytest.approx(place.score, rel=1e-4)
            assert place.parts[place.source] == max(place.parts.values())
            assert place.propensity == 1.0


def test_the_clock_of_an_empty_log_is_that_of_its_first_events(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "shop.db", EngineConfig(clock="log")) as engine:
        engine.observe("ann", "tea", "view", time=NOW_S)
        assert engine.now_s() == pytest.approx(NOW_S, abs=30)
        engine.observe("ann", "tea", "view", time=NOW_S + 3600)
        assert engine.now_s() == pytest.approx(NOW_S + 3600, abs=30)
        engine.observe("ann", "tea", "view", time=NOW_S - 3600)
        assert engine.now_s() == pytest.approx(NOW_S + 3600, abs=30)


def test_an_item_nobody_knows_cannot_be_explained(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "shop.db") as engine,
        pytest.raises(UnknownIdError, match="no item has the id 'moon'"),
    ):
        engine.explain("ann", "moon")
