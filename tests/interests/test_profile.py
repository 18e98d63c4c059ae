"""Profiles a person can read: what is wanted, since when, which way it goes, and the proof."""

import numpy as np
import pytest

from penchant.core.contracts import EventFeatures
from penchant.core.errors import InvalidRequestError, ShapeError
from penchant.core.ids import EventId
from penchant.interests.profile import after_each, profile, timeline
from penchant.interests.topic_average import TopicAverage

DAY_S = 86_400.0
LABELS = ("tea", "books", "bikes")
MODEL = TopicAverage(
    np.eye(3, dtype=np.float32) * 6,
    np.zeros(3, np.float32),
    rate=0.2,
    tau_s=7 * DAY_S,
    prior=np.float32([0.2, 0.3, 0.5]),
)
TEA, BOOKS, BIKES = np.eye(3, dtype=np.float32)


def day(n: int, vector: np.ndarray | None, row: int = 0, weight: float = 1.0) -> EventFeatures:
    return EventFeatures(row, vector, 1, weight, 0.0, n * DAY_S)


def named(events: list[EventFeatures]) -> list[EventId]:
    return [EventId(f"e{n}") for n in range(len(events))]


def test_the_strongest_interest_comes_first_with_its_evidence() -> None:
    events = [day(0, BOOKS, 7), day(1, TEA, 1), day(2, TEA, 2), day(3, TEA, 1)]
    tea, books = profile(MODEL, LABELS, named(events), events, now_s=3 * DAY_S)
    assert (tea.label, books.label) == ("tea", "books")
    assert tea.weight > books.weight
    assert (tea.first_evidence.event, tea.first_evidence.time_s) == ("e1", DAY_S)
    assert (tea.last_evidence.event, tea.last_evidence.time_s) == ("e3", 3 * DAY_S)
    assert tea.evidence_rows == (1, 2)
    assert tea.share == pytest.approx(0.75, abs=0.01)


def test_weights_are_those_the_model_reads_now() -> None:
    events = [day(0, TEA), day(1, BOOKS)]
    found = profile(MODEL, LABELS, named(events), events, now_s=2 * DAY_S)
    read = MODEL.read(MODEL.fold(MODEL.start(), events), 2 * DAY_S).directions[0]
    assert {i.label: i.weight for i in found} == {"tea": read[0], "books": read[1]}


def test_what_only_the_prior_says_is_no_interest_of_the_user() -> None:
    assert profile(MODEL, LABELS, [], [], now_s=0.0) == []
    events = [day(0, TEA)]
    assert [i.label for i in profile(MODEL, LABELS, named(events), events, 0.0)] == ["tea"]


def test_an_interest_of_late_rises_and_one_of_old_falls() -> None:
    events = [day(n, BOOKS) for n in range(10)] + [day(10 + n, TEA) for n in range(5)]
    found = {i.label: i.trend for i in profile(MODEL, LABELS, named(events), events, 15 * DAY_S)}
    assert found["tea"].direction == "rising"
    assert found["tea"].change == pytest.approx(1.0, abs=0.02)
    assert found["books"].direction == "falling"
    assert found["books"].change == pytest.approx(-1.0, abs=0.02)


def test_a_constant_interest_is_steady() -> None:
    events = [day(n, TEA) for n in range(12)]
    (tea,) = profile(MODEL, LABELS, named(events), events, 12 * DAY_S)
    assert (tea.trend.direction, tea.trend.change) == ("steady", pytest.approx(0.0, abs=1e-6))


def test_after_its_half_life_an_interest_stands_half_as_high_above_the_prior() -> None:
    events = [day(n, TEA) for n in range(12)]
    state, now_s = MODEL.fold(MODEL.start(), events), 12 * DAY_S
    (tea,) = profile(MODEL, LABELS, named(events), events, now_s)
    assert tea.half_life_days is not None
    then = MODEL.read(state, now_s + tea.half_life_days * DAY_S).directions[0][0]
    assert (then - 0.2) / (tea.weight - 0.2) == pytest.approx(0.5, abs=0.05)
    assert 0.2 < then < tea.weight_in_a_week < tea.weight


def test_an_interest_below_the_prior_has_no_half_life() -> None:
    events = [day(0, BIKES)] + [day(n, TEA) for n in range(1, 12)]
    found = {i.label: i for i in profile(MODEL, LABELS, named(events), events, 12 * DAY_S)}
    assert found["bikes"].weight < 0.5
    assert found["bikes"].half_life_days is None


def test_dismissals_and_items_without_a_vector_are_no_evidence() -> None:
    events = [day(0, TEA), day(1, BOOKS, weight=-2.0), day(2, None), day(3, BIKES, weight=0.0)]
    (tea,) = profile(MODEL, LABELS, named(events), events, 3 * DAY_S)
    assert tea.last_evidence.event == "e0"


def test_a_profile_of_the_past_knows_nothing_later() -> None:
    events = [day(0, TEA), day(5, BOOKS)]
    assert profile(MODEL, LABELS, named(events), events, DAY_S) == profile(
        MODEL, LABELS, named(events[:1]), events[:1], DAY_S
    )


def test_a_timeline_reads_the_interests_at_each_moment() -> None:
    events = [day(0, TEA), day(3, BOOKS)]
    moments = timeline(MODEL, events, every_s=DAY_S, until_s=5.5 * DAY_S)
    assert [m.time_s / DAY_S for m in moments] == [0, 1, 2, 3, 4, 5]
    for moment in moments:
        state = MODEL.fold(MODEL.start(), [e for e in events if e.time_s <= moment.time_s])
        expected = MODEL.read(state, moment.time_s).directions[0]
        assert moment.weights == pytest.approx(expected.tolist(), abs=1e-6)
    assert moments[3].weights[1] > moments[2].weights[1]


def test_a_timeline_of_nobody_is_empty_and_one_too_fine_is_refused() -> None:
    assert timeline(MODEL, [], DAY_S, 0.0) == []
    for every_s in (0.0, 1.0):
        with pytest.raises(InvalidRequestError, match="every_s must be at least"):
            timeline(MODEL, [day(0, TEA)], every_s, 90 * DAY_S)


@pytest.mark.parametrize("latest", [1, 2, 5])
def test_after_each_of_the_latest_events_and_now_the_interests_are_read(latest: int) -> None:
    events = [day(0, TEA), day(1, BOOKS), day(1, None), day(4, TEA, weight=-1.0)]
    moments = after_each(MODEL, events, latest, now_s=9 * DAY_S)
    ends = list(range(1, 5))[-latest:]
    assert [m.time_s for m in moments] == [events[end - 1].time_s for end in ends] + [9 * DAY_S]
    for moment, end in zip(moments, [*ends, 4], strict=True):
        state = MODEL.fold(MODEL.start(), events[:end])
        expected = MODEL.read(state, moment.time_s).directions[0]
        assert moment.weights == pytest.approx(expected.tolist(), abs=1e-6)


def test_lists_of_different_lengths_are_named() -> None:
    with pytest.raises(ShapeError, match="0 ids and 1 events, 3 labels and 3 topics"):
        profile(MODEL, LABELS, [], [day(0, TEA)], 0.0)
