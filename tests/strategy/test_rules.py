"""Rules keep out what must not be shown and arrange the rest."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penchant.core.contracts import Head, ItemFacts, Reading, Request, Scored
from penchant.core.errors import InvalidRequestError
from penchant.core.ids import START, UserId
from penchant.core.taken import Taken, TakenItems
from penchant.strategy.rules import Rules, StrategyConfig

ANN = UserId("ann")
RNG = np.random.default_rng(0)
RULES = Rules(StrategyConfig())


def facts(n: int = 5, **changed: Any) -> ItemFacts:
    return ItemFacts(np.ones(n, np.bool_), np.full(n, np.inf), np.zeros(n), {}, None)._replace(
        **changed
    )


def reading(**changed: Any) -> Reading:
    return Reading({}, (), TakenItems(), frozenset(), 100.0, Head(START, 0))._replace(**changed)


def scored(scores: list[float], rows: list[int] | None = None) -> Scored:
    parts = np.float32([[s, 0.0] for s in scores])
    at = np.array(rows if rows is not None else range(len(scores)), np.intp)
    return Scored(at, np.float32(scores), parts, ("near", "popular"))


def allowed(rules: Rules = RULES, items: ItemFacts | None = None, **asked: Any) -> list[int]:
    who = asked.pop("reading", reading())
    mask = rules.allowed(Request(ANN, **asked), who, items or facts())
    return np.flatnonzero(mask).tolist()


def test_everything_is_allowed_to_a_stranger_who_asks_for_nothing_special() -> None:
    assert allowed() == [0, 1, 2, 3, 4]


def test_items_unavailable_or_expired_now_stay_out() -> None:
    items = facts(available=np.arange(5) != 1, expires_s=np.array([99, 999, 100, 101, np.inf]))
    assert allowed(items=items) == [3, 4]
    assert items.available.tolist() == [True, False, True, True, True]


def test_items_excluded_shown_before_or_dismissed_stay_out() -> None:
    who = reading(dismissed=frozenset({3}))
    assert allowed(reading=who, exclude=frozenset({0, 99}), shown=frozenset({1, -1})) == [2, 4]


def test_any_of_the_categories_will_do_and_an_unknown_one_holds_nothing() -> None:
    items = facts(categories={"film": np.array([0, 2]), "book": np.array([4])})
    assert allowed(items=items, categories=frozenset({"film", "book"})) == [0, 2, 4]
    assert allowed(items=items, categories=frozenset({"song"})) == []


@pytest.mark.parametrize(
    ("setting", "repeat_ratio", "asked", "kept"),
    [
        ("auto", 0.05, True, False),
        ("auto", 0.06, True, True),
        ("auto", 0.06, False, False),
        ("keep", 0.0, True, True),
        ("keep", 0.0, False, False),
        ("drop", 0.9, True, False),
    ],
)
def test_taken_items_repeat_where_placement_and_request_both_let_them(
    setting: Any, repeat_ratio: float, asked: bool, kept: bool
) -> None:
    rules = Rules(StrategyConfig(repeats=setting), repeat_ratio)
    who = reading(taken=TakenItems({2: Taken(1.0, 0.0)}))
    assert (2 in allowed(rules, reading=who, repeats=asked)) == kept


@pytest.mark.parametrize("asked", [{"n": 0}, {"n": 1001}, {"diversity": 1.5}])
def test_a_request_that_makes_no_sense_is_refused_with_what_is_allowed(asked: Any) -> None:
    with pytest.raises(InvalidRequestError, match="allowed are"):
        RULES.allowed(Request(ANN, **asked), reading(), facts())


def test_a_setting_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="diverstiy"):
        StrategyConfig.model_validate({"diverstiy": 0.5})


def test_the_slate_is_ordered_by_score_then_row_and_names_the_strongest_source() -> None:
    found = scored([0.5, 0.9, 0.5], rows=[7, 4, 2])
    found.parts[0] = [0.1, 0.4]
    slate = RULES.arrange(Request(ANN, n=3), reading(), found, facts(9), RNG)
    assert [(place.row, place.source) for place in slate] == [
        (4, "near"),
        (2, "near"),
        (7, "popular"),
    ]
    assert slate[0].score == pytest.approx(0.9)


def test_a_slate_has_at_most_n_places_and_may_be_empty() -> None:
    assert len(RULES.arrange(Request(ANN, n=2), reading(), scored([3, 2, 1]), facts(), RNG)) == 2
    assert (
        RULES.arrange(
            Request(ANN),
            reading(),
            scored([1])._replace(
                rows=np.zeros(0, np.intp),
                scores=np.zeros(0, np.float32),
                parts=np.zeros((0, 2), np.float32),
            ),
            facts(),
            RNG,
        )
        == []
    )


TWINS = np.float32([[1, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("placement", "asked", "order"),
    [(0.0, 0.0, [0, 1, 2]), (0.0, 0.6, [0, 2, 1]), (0.6, 0.0, [0, 2, 1])],
)
def test_variety_asked_for_by_placement_or_request_parts_the_twins(
    placement: float, asked: float, order: list[int]
) -> None:
    rules = Rules(StrategyConfig(diversity=placement))
    request = Request(ANN, diversity=asked)
    slate = rules.arrange(request, reading(), scored([3, 2.9, 1]), facts(3, vectors=TWINS), RNG)
    assert [place.row for place in slate] == order
    assert [place.score for place in slate] == pytest.approx([[3, 2.9, 1][row] for row in order])


def test_without_vectors_variety_falls_back_to_score() -> None:
    slate = RULES.arrange(Request(ANN, diversity=1.0), reading(), scored([1, 2]), facts(), RNG)
    assert [place.row for place in slate] == [1, 0]


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_a_slate_is_the_same_whenever_it_is_asked_and_never_repeats_an_item(
    seed: int, diversity: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = scored(rng.normal(size=30).tolist())
    before = (found.scores.copy(), vectors.copy())
    request, items = Request(ANN, n=12, diversity=diversity), facts(30, vectors=vectors)
    slate = RULES.arrange(request, reading(), found, items, RNG)
    assert slate == RULES.arrange(request, reading(), found, items, RNG)
    assert len({place.row for place in slate}) == 12
    assert (found.scores == before[0]).all()
    assert (vectors == before[1]).all()
