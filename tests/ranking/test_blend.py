import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures, Found, Head, Reading, Request
from penchant.core.ids import START, UserId
from penchant.core.taken import Taken, TakenItems
from penchant.ranking.blend import CONTEXTS, REGIME, Blend, Form, contexts

SOURCES = ("popular", "habit", "recurrent")
FORMS: tuple[Form, ...] = ("count", "count", "score")
ASK = Request(UserId("ann"))
counts = st.floats(0, 1e4, width=32)
opinions = st.lists(
    st.tuples(counts, counts, st.floats(-20, 20, width=32)), min_size=1, max_size=12
)


def blend(seed: int) -> Blend:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(CONTEXTS, 2, len(SOURCES))).astype(np.float32)
    return Blend(SOURCES, FORMS, np.float32([3.0, 1.0, 0.5]), base)


def reading(events: int, repeats: int = 0, away_s: float = 60.0) -> Reading:
    history = [
        EventFeatures(max(0, n - repeats), None, 1, 1.0, 0.0, 1000.0 * n) for n in range(events)
    ]
    taken: dict[int, Taken] = {}
    for event in history:
        times = taken[event.row].times if event.row in taken else 0.0
        taken[event.row] = Taken(times + 1.0, event.time_s)
    now_s = (history[-1].time_s if history else 0.0) + away_s
    return Reading({}, history, TakenItems(taken), frozenset(), now_s, Head(START, 0))


def found(scores: list[tuple[float, ...]]) -> Found:
    rows = np.arange(len(scores))[::-1].copy()
    return Found(rows, np.float32(scores).reshape(len(scores), 3), SOURCES)


@given(seed=st.integers(0, 50), events=st.integers(0, 300), away_s=st.floats(0, 1e9))
def test_no_weight_is_negative_whoever_asks(seed: int, events: int, away_s: float) -> None:
    weights = blend(seed).weights(reading(events, away_s=away_s))
    assert weights.shape == (2, 3)
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()


@given(scores=opinions, seed=st.integers(0, 20), source=st.integers(0, 2), more=counts)
def test_an_item_that_a_source_likes_more_never_sinks(
    scores: list[tuple[float, ...]], seed: int, source: int, more: float
) -> None:
    ranker, who = blend(seed), reading(5)
    raw = np.float32(scores).reshape(-1, 3)
    raised = raw.copy()
    raised[0, source] += np.float32(more)
    before, after = (ranker.total(who, each) for each in (raw, raised))
    slack = 1e-5 * max(1.0, abs(float(before[0])))
    assert after[0] >= before[0] - slack
    assert np.array_equal(after[1:], before[1:])


@given(scores=opinions, seed=st.integers(0, 20))
def test_the_total_is_its_parts_and_orders_the_slate_with_ties_by_row(
    scores: list[tuple[float, ...]], seed: int
) -> None:
    ranker, who = blend(seed), reading(5)
    raw = np.float32(scores).reshape(-1, 3)
    parts = ranker.parts(who, raw)
    np.testing.assert_allclose(ranker.total(who, raw), parts.sum(axis=1), rtol=1e-4, atol=1e-4)
    scored = ranker(who, ASK, found(scores))
    assert list(zip(-scored.scores, scored.rows, strict=True)) == sorted(
        zip(-scored.scores, scored.rows, strict=True)
    )
    np.testing.assert_allclose(scored.parts.sum(axis=1), scored.scores, rtol=1e-5, atol=1e-5)


def test_equal_items_stand_by_row() -> None:
    scored = blend(1)(reading(5), ASK, found([(1.0, 2.0, 0.5)] * 6))
    assert scored.rows.tolist() == [0, 1, 2, 3, 4, 5]


@given(scores=opinions, chosen=st.sampled_from(SOURCES), events=st.integers(0, 40))
def test_a_single_source_ranks_as_it_does_alone(
    scores: list[tuple[float, ...]], chosen: str, events: int
) -> None:
    raw = np.float32(scores).reshape(-1, 3)
    scored = Blend.single(SOURCES, FORMS, chosen)(reading(events), ASK, found(scores))
    own = raw[:, SOURCES.index(chosen)][::-1][scored.rows]
    assert (np.diff(own) <= 1e-5 * np.maximum(1.0, np.abs(own[1:]))).all()


@given(seed=st.integers(0, 50))
def test_a_blend_comes_back_from_json_weighing_the_same(seed: int) -> None:
    ranker, who = blend(seed), reading(9, repeats=3)
    back = Blend.from_json(json.loads(json.dumps(ranker.to_json())))
    assert np.array_equal(back.weights(who), ranker.weights(who))
    assert (back.sources, back.forms, back.chosen) == (SOURCES, FORMS, "blend")


def test_sources_may_come_in_any_order() -> None:
    ranker, who = blend(3), reading(5)
    one = found([(5.0, 0.0, 1.0), (0.0, 3.0, -1.0), (1.0, 1.0, 0.0)])
    turned = Found(one.rows, one.scores[:, ::-1].copy(), SOURCES[::-1])
    assert ranker(who, ASK, turned).rows.tolist() == ranker(who, ASK, one).rows.tolist()


def test_the_context_knows_activity_time_away_and_repeats() -> None:
    stranger, regular = contexts(reading(0)), contexts(reading(30, repeats=15, away_s=86400.0))
    assert stranger.shape == regular.shape == (CONTEXTS,)
    assert stranger[0] == regular[0] == 1.0
    assert stranger[1] == 1.0  # the knot of no events
    assert regular[5] == pytest.approx(1.0)  # that of thirty
    assert regular[REGIME - 1] == pytest.approx(0.5)
    assert stranger[REGIME - 1] == 0.0


def test_inside_a_visit_the_weights_are_others() -> None:
    opening, inside = contexts(reading(30, away_s=60.0)), contexts(reading(30, away_s=0.2))
    assert opening[REGIME:].tolist() == [0.0] * REGIME
    assert inside[:REGIME].tolist() == [0.0] * REGIME
    assert inside[REGIME] == 1.0


def test_where_the_one_source_says_nothing_the_others_part_items_by_all_their_digits() -> None:
    near = [(100.0 + n / 100, 0.0, 0.0) for n in range(40)]
    scored = Blend.single(SOURCES, FORMS, "recurrent")(reading(0), ASK, found(near))
    assert scored.rows.tolist() == list(range(40))  # `found` gives the last the row 0
    assert len(set(scored.scores.tolist())) == 40
