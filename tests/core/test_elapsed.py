import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.elapsed import KNOTS_S, WIDTH, gap_feature, gap_features, hats

gaps = st.one_of(
    st.floats(-1e9, 1e10),
    st.sampled_from([*KNOTS_S, 0.0, -0.0, 1e-9, 31536000.1, 1e12]),
    st.just(math.nan),
)


@given(st.lists(gaps, max_size=20))
def test_many_gaps_at_once_are_as_each_by_itself(elapsed_s: list[float]) -> None:
    together = gap_features(np.array(elapsed_s, np.float64))
    assert together.shape == (len(elapsed_s), WIDTH)
    alone = [gap_feature(each) for each in elapsed_s]
    for one, many in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, many, atol=1e-6)


@given(st.floats(0.0, 1e12))
def test_the_hats_of_a_gap_sum_to_one_and_at_most_two_neighbours_speak(elapsed_s: float) -> None:
    felt = gap_feature(elapsed_s)
    assert felt.dtype == np.float32
    assert felt.sum() == pytest.approx(1.0, abs=1e-6)
    assert (felt >= 0).all()
    places = np.flatnonzero(felt)
    assert len(places) <= 2
    assert len(places) < 2 or places[1] == places[0] + 1


@given(st.floats(0.0, 1e9), st.floats(0.0, 1e9))
def test_a_longer_gap_lies_further_right(one: float, two: float) -> None:
    scale = np.arange(WIDTH, dtype=np.float64)
    short, long = sorted((one, two))
    assert gap_feature(short) @ scale <= gap_feature(long) @ scale + 1e-5


def test_at_a_knot_only_that_knot_speaks() -> None:
    for place, knot in enumerate(KNOTS_S):
        assert gap_feature(knot).tolist() == np.eye(WIDTH, dtype=np.float32)[place].tolist()


def test_no_earlier_event_is_no_gap_and_a_negative_one_is_an_instant() -> None:
    assert gap_feature(math.nan).tolist() == [0.0] * WIDTH
    assert gap_feature(-7200.0).tolist() == gap_feature(0.0).tolist()
    assert gap_feature(1e12).tolist() == gap_feature(KNOTS_S[-1]).tolist()


def test_halfway_in_the_logarithm_is_half_of_each_neighbour() -> None:
    halfway = math.sqrt(2.0 * 8.0) - 1.0  # log(1 + x) in the middle of log 2 and log 8
    np.testing.assert_allclose(hats(halfway, (1.0, 7.0, 20.0)), [0.5, 0.5, 0.0], atol=1e-6)
