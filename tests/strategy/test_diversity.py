"""Maximal marginal relevance against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.errors import ShapeError
from penchant.strategy.diversity import mmr


def by_definition(scores: np.ndarray, vectors: np.ndarray, d: float, n: int) -> list[int]:
    spread = scores.max() - scores.min()
    relevance = (scores - scores.min()) / spread if spread else scores * 0
    chosen: list[int] = []
    for _ in range(min(n, len(scores))):
        left = [k for k in range(len(scores)) if k not in chosen]
        value = {
            k: (1 - d) * relevance[k]
            - d * max((float(vectors[k] @ vectors[c]) for c in chosen), default=0.0)
            for k in left
        }
        chosen.append(max(left, key=lambda k: (value[k], -k)))
    return chosen


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.integers(0, 12))
def test_it_equals_the_definition(seed: int, diversity: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(9).astype(np.float32)
    vectors = rng.integers(-8, 9, (9, 3)).astype(np.float32) / 8
    found = mmr(scores, vectors, diversity, n)
    expected = by_definition(scores.astype(float), vectors.astype(float), diversity, n)
    if diversity in (0.0, 1.0):  # exact in single precision; else ties may fall by a rounding
        assert found.tolist() == expected
    assert sorted(set(found.tolist())) == sorted(found.tolist())
    assert len(found) == min(n, 9)
    assert n == 0 or found[0] == expected[0]


def test_full_variety_begins_with_the_first_and_then_goes_furthest_away() -> None:
    vectors = np.float32([[1, 0], [0.8, 0.6], [-1, 0], [0, 1]])
    assert mmr(np.float32([4, 3, 2, 1]), vectors, 1.0, 4).tolist() == [0, 2, 3, 1]


def test_items_of_unknown_direction_are_like_nothing() -> None:
    vectors = np.float32([[1, 0], [1, 0], [0, 0]])
    assert mmr(np.float32([3, 2, 1]), vectors, 0.9, 3).tolist() == [0, 2, 1]


def test_equal_scores_keep_their_order() -> None:
    assert mmr(np.ones(3, np.float32), np.zeros((3, 2), np.float32), 0.5, 3).tolist() == [0, 1, 2]


def test_vectors_of_other_candidates_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        mmr(np.ones(3, np.float32), np.zeros((2, 2), np.float32), 0.5, 3)
