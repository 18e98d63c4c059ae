"""Habit, transition, item-item, EASE, fresh and interest search score what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures, Head, Reading
from penchant.core.errors import ConfigError, NotEnoughDataError, ShapeError
from penchant.core.ids import START
from penchant.core.interests import Interests
from penchant.core.signals import DAY_S
from penchant.core.taken import Taken, TakenItems
from penchant.retrieval.dates import Dates
from penchant.retrieval.ease import Ease, lately
from penchant.retrieval.exact_search import best_places, top
from penchant.retrieval.fresh import Fresh
from penchant.retrieval.habit import Habit
from penchant.retrieval.interest_search import InterestSearch
from penchant.retrieval.item_item import ItemItem
from penchant.retrieval.learn_ease import learn_ease
from penchant.retrieval.learn_item_item import learn_item_item
from penchant.retrieval.takings import takings
from penchant.retrieval.transition import Transition, count_transitions
from penchant.retrieval.trending import Trending


def took(row: int, weight: float = 1.0, time_s: float = 0.0) -> EventFeatures:
    return EventFeatures(row, None, 1, weight, 0.0, time_s)


def reading(
    recent: list[EventFeatures] | None = None,
    taken: dict[int, Taken] | None = None,
    now_s: float = 0.0,
    interests: dict[str, Interests] | None = None,
) -> Reading:
    own = TakenItems(taken or {})
    return Reading(interests or {}, recent or [], own, frozenset(), now_s, Head(START, 0))


def popular(*rows: int) -> Trending:
    source = Trending(100.0, 5)
    for row in rows:
        source.absorb((), took(row))
    return source


@given(st.lists(st.integers(-3, 3)), st.integers(0, 12))
def test_the_best_places_are_those_of_a_full_stable_sort(scores: list[int], limit: int) -> None:
    expected = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:limit]
    assert best_places(np.float32(scores), limit).tolist() == expected


def test_a_score_that_is_no_number_is_never_found() -> None:
    found = top(np.float32([np.nan, 1.0, -np.inf]), np.ones(3, np.bool_), 3)
    assert found.rows.tolist() == [1]


def test_habit_puts_own_counts_first_and_parts_ties_by_popularity() -> None:
    taken = {0: Taken(2, 0.0), 1: Taken(-1, 0.0), 2: Taken(1, 0.0), 3: Taken(1, 0.0)}
    scores = Habit(popular(3, 3, 4)).score(reading(taken=taken), slice(None))
    assert np.allclose(scores, [2, 0, 1, 1 + 2e-3 / 3, 1e-3 / 3])


def test_a_habit_with_a_half_life_fades_with_the_time_since_it_was_last_kept_up() -> None:
    taken = {0: Taken(4, 0.0), 1: Taken(3, 10.0)}
    source = Habit(popular(), half_life_s=10.0)
    assert source.score(reading(taken=taken, now_s=10.0), slice(None))[:2].tolist() == [2, 3]


def test_transition_follows_the_last_positive_item_only() -> None:
    counts = count_transitions([1, 1, 1, 2, 2], [0, 1, 2, 0, 1], [1, 1, 1, 1, 1], 5)
    source = Transition(counts, popular(4))
    scores = source.score(reading([took(1), took(0), took(3, -1.0), took(-1)]), slice(None))
    assert np.allclose(scores, [0, 2, 0, 0, 5e-4])


def test_a_negative_event_between_two_items_does_not_part_them() -> None:
    followers = count_transitions([1, 1, 1], [0, 3, 2], [1, -1, 1], 5)
    assert [of.tolist() for of in followers] == [[0, 1, 1, 1, 1, 1], [2], [1.0]]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="differ"):
        takings([1, 2], [0], [1])


def test_item_item_is_the_shrunk_cosine_of_the_users_in_common() -> None:
    user, row = [1, 1, 2, 2, 3, 1], [0, 1, 0, 1, 0, 0]  # 0 by three users, 1 by two of them
    source = ItemItem(learn_item_item(user, row, np.ones(6), 3, shrinkage=2.0), decay=0.5)
    assert np.allclose(source.score(reading([took(0)]), slice(None)), [0, 2 / (6**0.5 + 2), 0])
    both = source.score(reading([took(1), took(0)]), slice(None))
    assert np.allclose(both, [0.5 * 2 / (6**0.5 + 2), 2 / (6**0.5 + 2), 0])


def test_item_item_keeps_the_strongest_neighbours_and_of_equal_ones_the_first() -> None:
    rng = np.random.default_rng(3)
    user, row = rng.integers(0, 30, 600), rng.integers(0, 50, 600)
    whole = learn_item_item(user, row, np.ones(600), 50, keep=49)
    some = learn_item_item(user, row, np.ones(600), 50, keep=7)
    assert some.weights.tolist() == whole.weights[:, :7].tolist()
    assert some.rows.tolist() == whole.rows[:, :7].tolist()


def steck(matrix: np.ndarray, penalty: float) -> np.ndarray:
    """The published formula, as the paper's own listing has it."""
    gram = matrix.T @ matrix + penalty * np.eye(matrix.shape[1])
    p = np.linalg.inv(gram)
    b = p / -np.diag(p)
    b[np.diag_indices(len(b))] = 0
    return b


@pytest.mark.parametrize("penalty", [20.0, 0.001])  # the small one needs double precision
def test_ease_equals_the_published_formula(penalty: float) -> None:
    rng = np.random.default_rng(1)
    user, row = rng.integers(0, 60, 900), rng.integers(0, 25, 900)
    matrix = np.zeros((60, 25))
    matrix[user, row] = 1.0
    source = Ease(learn_ease(user, row, np.ones(900), 25, penalty=penalty, keep=None))
    taken = {4: Taken(1, 0.0), 9: Taken(3, 0.0), 11: Taken(-1, 0.0)}
    expected = steck(matrix, penalty)[[4, 9]].sum(axis=0)
    scores = source.score(reading(taken=taken), slice(None))
    assert np.allclose(scores, expected, rtol=1e-3, atol=1e-3)


def test_recent_ease_hears_the_latest_items_loudest_and_all_of_them_less_with_every_day() -> None:
    user, row = np.repeat(np.arange(8), 3), np.random.default_rng(3).integers(0, 12, 24)
    source = Ease(learn_ease(user, row, np.ones(24), 12, penalty=1.0, keep=None))
    recent = source.with_inputs(lately)
    said = {
        item: source.score(reading(taken={item: Taken(1, 0.0)}), slice(None)) for item in range(12)
    }
    of_two_days = [took(3), took(5), took(3, 1.0, DAY_S), took(4, -1.0, DAY_S)]
    expected = said[3] / 2 + 0.5 ** (1 / 8) * said[5] / 3
    scores = recent.score(reading(of_two_days, now_s=2 * DAY_S), slice(None))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
    assert not recent.score(reading(), slice(None)).any()


def test_pruned_ease_finds_nearly_what_dense_ease_finds() -> None:
    rng = np.random.default_rng(2)
    taste = rng.integers(0, 8, 300)  # users and items of eight tastes, and some noise
    user = np.repeat(np.arange(300), 25)
    noise = rng.random(len(user)) < 0.2
    row = np.where(noise, rng.integers(0, 400, len(user)), 0)
    row = np.where(noise, row, taste[user] * 50 + rng.integers(0, 50, len(user)))
    ones = np.ones(len(user))
    dense = Ease(learn_ease(user, row, ones, 400, penalty=10.0, keep=None))
    pruned = Ease(learn_ease(user, row, ones, 400, penalty=10.0, keep=100))
    common = []
    for who in range(50):
        mine = reading(taken={int(i): Taken(1, 0.0) for i in row[user == who]})
        allowed = np.ones(400, np.bool_)
        lists = [set(s.find(mine, allowed, 20).rows.tolist()) for s in (dense, pruned)]
        common.append(len(lists[0] & lists[1]) / 20)
    assert np.mean(common) > 0.95
    assert pruned.to_arrays()["weights"].shape == (len(np.unique(row)), 100)


def test_ease_learns_only_the_most_frequent_items_and_tells_how_far_it_is() -> None:
    told: list[tuple[str, float]] = []
    user, row = [1, 1, 1, 2, 2, 3], [0, 2, 4, 2, 4, 4]
    table = learn_ease(
        user,
        row,
        np.ones(6),
        5,
        most_items=2,
        progress=lambda what, share: told.append((what, share)),
    )
    assert table.items.tolist() == [2, 4]
    assert told[-1] == ("ease: weights", 1.0)
    scores = Ease(table).score(reading(taken={0: Taken(1, 0.0), 2: Taken(1, 0.0)}), slice(None))
    assert np.flatnonzero(scores).tolist() == [4]


def test_ease_refuses_a_penalty_of_zero_and_a_log_without_events() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        learn_ease([1], [0], [1], 1, penalty=0.0)
    with pytest.raises(NotEnoughDataError, match="at least one"):
        learn_ease([1], [0], [-1], 1)


def test_freshness_halves_with_every_half_life_and_begins_when_the_item_is_met() -> None:
    added_s = np.array([100.0, 90.0, 80.0, 101.0, np.nan, -np.inf])
    source = Fresh(Dates(added_s), half_life_s=10.0)
    assert source.score(reading(now_s=100.0), slice(None)).tolist() == [1, 0.5, 0.25, 0, 0, 0]


def test_fresh_sees_items_that_were_met_since() -> None:
    dates = Dates([0.0])
    source = Fresh(dates, half_life_s=10.0)
    source.grow(2)
    assert source.score(reading(now_s=10.0), slice(None)).tolist() == [0.5, 0]
    dates.met(1, 10.0)
    assert source.score(reading(now_s=10.0), slice(None)).tolist() == [0.5, 1]


VECTORS = np.float32([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]])
EAST = {"gru": Interests(np.float32([[1, 0]]), np.float32([1.0]))}


def test_interest_search_adds_the_bias_and_puts_items_without_a_vector_below_all_others() -> None:
    source = InterestSearch(
        "gru", VECTORS, np.float32([0, 0.5, 0, 0]), np.array([True, True, True, False])
    )
    source.grow(5)
    who = reading(interests=EAST)
    assert source.score(who, slice(None)).tolist() == [1, 0.5, -1, -2, -2]
    assert source.score(who, np.array([3, 0])).tolist() == [-2, 1]
    assert source.find(who, np.ones(5, np.bool_), 5).rows.tolist() == [0, 1, 2]


def test_of_several_interests_each_brings_the_items_near_it() -> None:
    source = InterestSearch("gru", VECTORS, np.float32([0, 0, 0.5, 0]))
    apart = {"gru": Interests(np.float32([[1, 0], [-0.2, 0.9]]), np.ones(2, np.float32))}
    who, plain = reading(interests=apart), reading(interests=EAST)
    assert source.score(who, slice(None)).tolist() == pytest.approx([1, 0.9, 0.7, 0.6])
    assert source.find(who, np.ones(4, np.bool_), 2).rows.tolist() == [0, 1]
    looks = source.look([plain, who, plain])  # one has one direction, the other two
    found = [look.find(np.ones(4, np.bool_), 2).rows.tolist() for look in looks]
    assert found == [[0, 3], [0, 1], [0, 3]]


def test_without_interests_of_its_model_it_finds_nothing_and_scores_zero() -> None:
    source = InterestSearch("transformer", VECTORS)
    who = reading(interests=EAST)
    assert len(source.find(who, np.ones(4, np.bool_), 5).rows) == 0
    assert source.score(who, slice(None)).tolist() == [0, 0, 0, 0]


def test_a_bias_of_another_table_is_refused() -> None:
    with pytest.raises(ShapeError, match="bias"):
        InterestSearch("gru", VECTORS, bias=np.zeros(3, np.float32))
