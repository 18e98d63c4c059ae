"""One suite for every source: what `Source` and `GrowingSource` promise."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pytest

from penchant.core.contracts import EventFeatures, Head, LookingSource, Reading
from penchant.core.errors import ShapeError
from penchant.core.ids import START
from penchant.core.interests import Interests
from penchant.core.taken import Taken, TakenItems
from penchant.retrieval.co_visit import CoVisit
from penchant.retrieval.dates import Dates
from penchant.retrieval.ease import Ease, lately
from penchant.retrieval.fresh import Fresh
from penchant.retrieval.growth import GrowingSource
from penchant.retrieval.habit import Habit
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.interest_search import InterestSearch
from penchant.retrieval.item_item import ItemItem
from penchant.retrieval.learn_ease import learn_ease
from penchant.retrieval.learn_item_item import learn_item_item
from penchant.retrieval.product_table import ProductTable
from penchant.retrieval.transition import Transition, count_transitions
from penchant.retrieval.trending import Trending

N: Final = 40
DAY_S: Final = 86_400.0
RNG = np.random.default_rng(5)
USER = RNG.integers(0, 12, 300)
ROW = RNG.integers(0, N - 5, 300)  # the last five items are never taken
WEIGHT = RNG.choice([1.0, 2.0, 0.5, -1.0], 300)
TIME_S = np.arange(300) * 3600.0
NOW_S = float(TIME_S[-1])
VECTORS = RNG.normal(size=(N, 8)).astype(np.float32)
KNOWN = np.arange(N) != 3
TABLE_SOURCES: Final = ("transition", "item_item", "ease")


def events(user: int | None = None) -> list[EventFeatures]:
    return [
        EventFeatures(int(ROW[k]), None, 1, float(WEIGHT[k]), 0.0, float(TIME_S[k]))
        for k in range(300)
        if user is None or USER[k] == user
    ]


def popular() -> Trending:
    source = Trending(7 * DAY_S, N)
    for event in events():
        source.absorb((), event)
    return source


def co_visit() -> CoVisit:
    source = CoVisit(N)
    for user in range(12):
        history = events(user)
        for k, event in enumerate(history):
            source.absorb(history[:k], event)
    return source


SOURCES: Final[Mapping[str, Callable[[], GrowingSource]]] = {
    "popular": popular,
    "habit": lambda: Habit(popular()),
    "habit_recent": lambda: Habit(popular(), half_life_s=DAY_S),
    "transition": lambda: Transition(count_transitions(USER, ROW, WEIGHT, N), popular()),
    "item_item": lambda: ItemItem(learn_item_item(USER, ROW, WEIGHT, N, keep=8)),
    "ease": lambda: Ease(learn_ease(USER, ROW, WEIGHT, N, penalty=5.0, keep=10)),
    "ease_recent": lambda: Ease(learn_ease(USER, ROW, WEIGHT, N, penalty=5.0, keep=10), lately),
    "fresh": lambda: Fresh(Dates(np.linspace(0, NOW_S, N)), half_life_s=DAY_S),
    "co_visit": co_visit,
    "interest_search": lambda: InterestSearch(
        "gru", VECTORS, bias=VECTORS[:, 0], known=np.arange(N) != 3
    ),
    "interest_search_int8": lambda: InterestSearch(
        "gru", Int8Table.fit(VECTORS), bias=VECTORS[:, 0], known=np.arange(N) != 3
    ),
    "interest_search_pq": lambda: InterestSearch(
        "gru", ProductTable.fit(VECTORS, KNOWN, RNG), bias=VECTORS[:, 0], known=KNOWN
    ),
}


def reading(history: list[EventFeatures], now_s: float = NOW_S) -> Reading:
    taken: dict[int, Taken] = {}
    for event in history:
        times = taken[event.row].times if event.row in taken else 0.0
        taken[event.row] = Taken(times + np.sign(event.weight), event.time_s)
    heads = Interests(VECTORS[:2].copy(), np.float32([1.0, 0.7]))
    return Reading({"gru": heads}, history, TakenItems(taken), frozenset(), now_s, Head(START, 0))


every_source = pytest.mark.parametrize("name", SOURCES)


@every_source
def test_scores_are_float32_one_per_item_of_the_catalogue(name: str) -> None:
    source = SOURCES[name]()
    scores = source.score(reading(events(1)), slice(None))
    assert (scores.dtype, scores.shape) == (np.float32, (N,))
    assert np.isfinite(scores).all()


@every_source
def test_chosen_rows_score_as_they_do_in_the_whole_catalogue(name: str) -> None:
    source, who = SOURCES[name](), reading(events(2))
    for rows in (np.array([7, 3, 3, 39]), np.array([5, 6]), np.zeros(0, np.intp)):
        whole = source.score(who, slice(None))[rows]
        np.testing.assert_allclose(source.score(who, rows), whole, atol=1e-5)


@every_source
def test_found_items_are_the_best_allowed_ones_best_first_with_their_scores(name: str) -> None:
    source, who = SOURCES[name](), reading(events(3))
    allowed = np.arange(N) % 3 != 0
    found = source.find(who, allowed, 6)
    scores = source.score(who, slice(None))
    assert 0 < len(found.rows) <= 6
    assert allowed[found.rows].all()
    order = sorted(range(N), key=lambda row: (-scores[row], row))
    assert found.rows.tolist() == [row for row in order if allowed[row]][: len(found.rows)]
    assert found.scores.tolist() == scores[found.rows].tolist()
    assert len(source.find(who, np.zeros(N, np.bool_), 6).rows) == 0
    assert len(source.find(who, allowed, 0).rows) == 0


LOOKING: Final = tuple(name for name, make in SOURCES.items() if isinstance(make(), LookingSource))


@pytest.mark.parametrize("name", LOOKING)
def test_looks_at_several_users_at_other_times_are_those_at_each_alone(name: str) -> None:
    source = SOURCES[name]()
    asked = [reading(events(user), NOW_S + user * DAY_S) for user in (4, 1, 8)]
    allowed = np.arange(N) % 3 != 0
    looks = source.look(asked)  # type: ignore[attr-defined]
    every = np.arange(N)
    found = [(look.find(allowed, 6), look.score(every)) for look in looks]
    for (best, scores), who in zip(found, asked, strict=True):
        alone = source.find(who, allowed, 6)
        assert best.rows.tolist() == alone.rows.tolist()
        np.testing.assert_allclose(best.scores, alone.scores, atol=1e-6)
        np.testing.assert_array_equal(scores, source.score(who, every))


@every_source
def test_two_reads_without_an_event_between_are_identical(name: str) -> None:
    source = SOURCES[name]()
    for who in (reading(events(4)), reading(events(4), NOW_S + 3 * DAY_S)):
        first = source.score(who, slice(None))
        kept = first.copy()
        first += 1.0  # what a caller does with its scores is its own affair
        assert source.score(who, slice(None)).tolist() == kept.tolist()


@every_source
def test_a_stranger_read_a_thousand_times_changes_nothing(name: str) -> None:
    source, known = SOURCES[name](), reading(events(5))
    stranger = known._replace(recent=[], taken=TakenItems(), interests={}, now_s=NOW_S + 2 * DAY_S)
    before = source.score(known, slice(None)).tolist()
    allowed = np.ones(N, np.bool_)
    for _ in range(1000):
        source.find(stranger, allowed, 5)
    assert source.score(known, slice(None)).tolist() == before
    assert source.n_items == N


@every_source
def test_no_input_is_edited(name: str) -> None:
    source, history = SOURCES[name](), events(6)
    who, allowed, rows = reading(history), np.arange(N) % 2 == 0, np.array([4, 1])
    before = (list(history), dict(who.taken), who.interests["gru"].directions.copy())
    source.find(who, allowed, 5)
    source.score(who, rows)
    assert (list(who.recent), dict(who.taken)) == before[:2]
    assert who.interests["gru"].directions.tolist() == before[2].tolist()
    assert allowed.tolist() == (np.arange(N) % 2 == 0).tolist()
    assert rows.tolist() == [4, 1]


@every_source
def test_a_grown_catalogue_keeps_old_scores_and_ranks_unknown_items_low(name: str) -> None:
    source, who = SOURCES[name](), reading(events(7))
    before = source.score(who, slice(None))
    source.grow(N + 3)
    source.grow(N)  # never shrinks
    after = source.score(who, slice(None))
    assert source.n_items == N + 3 == len(after)
    assert after[:N].tolist() == before.tolist()
    lowest = before.min() if name.startswith("interest_search") else 0.0
    assert (after[N:] == lowest).all()
    assert source.find(who, np.ones(N + 3, np.bool_), N + 3).rows.max() < N


@every_source
def test_a_user_who_took_an_item_newer_than_the_tables_is_served(name: str) -> None:
    source = SOURCES[name]()
    source.grow(N + 1)
    newest = EventFeatures(N, None, 1, 1.0, 0.0, NOW_S)
    scores = source.score(reading([*events(8), newest]), slice(None))
    assert np.isfinite(scores).all()
    assert len(scores) == N + 1


@every_source
def test_a_mask_of_another_catalogue_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match=r"grow\(n\)"):
        SOURCES[name]().find(reading(events(9)), np.ones(N + 1, np.bool_), 5)


@pytest.mark.parametrize("name", TABLE_SOURCES)
def test_a_table_comes_back_from_its_arrays_unchanged(name: str) -> None:
    source = SOURCES[name]()
    assert isinstance(source, Transition | ItemItem | Ease)
    arrays = source.to_arrays()
    assert all(isinstance(array, np.ndarray) for array in arrays.values())
    back: GrowingSource
    if isinstance(source, Transition):
        back = Transition.from_arrays(arrays, popular())
    else:
        back = type(source).from_arrays(arrays)
    for user in range(12):
        who = reading(events(user))
        assert back.score(who, slice(None)).tolist() == source.score(who, slice(None)).tolist()
