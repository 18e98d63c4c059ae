"""What slates do to a catalogue, on slates small enough to work out by hand."""

import numpy as np
import pytest

from penchant.measures.catalogue import coverage, exposures, gini, intra_list_diversity, novelty


def test_coverage_counts_each_item_once_and_no_empty_place() -> None:
    assert coverage(np.array([[0, 1, -1], [0, 2, -1]]), items=10) == 0.3


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    slates = np.array([[0, 1, 2], [3, 4, -1], [5, -1, -1]])
    pairs = [1 - (unit[a] @ unit[b]) for a, b in [(0, 1), (0, 2), (1, 2)]]
    expected = (np.mean(pairs) + 1 - unit[3] @ unit[4]) / 2  # the slate of one item has no pair
    assert intra_list_diversity(slates, vectors) == pytest.approx(expected)


def test_an_item_without_a_vector_is_far_from_everything() -> None:
    assert intra_list_diversity(np.array([[0, 1]]), np.array([[1.0, 0.0], [0.0, 0.0]])) == 1.0


def test_showing_rare_items_is_more_novel_than_showing_popular_ones() -> None:
    popularity = np.array([97.0, 0.0, 0.0])
    assert novelty(np.array([[1, 2]]), popularity) == pytest.approx(np.log2(100))
    assert novelty(np.array([[0]]), popularity) == pytest.approx(-np.log2(0.98))


def test_gini_tells_fair_exposure_from_one_star() -> None:
    assert gini(exposures(np.array([[0, 1], [2, 3]]), items=4)) == 0.0
    assert gini(exposures(np.array([[2], [2]]), items=100)) == pytest.approx(0.99)


def test_slates_that_showed_nothing_measure_zero() -> None:
    empty = np.full((2, 3), -1)
    assert coverage(empty, 5) == novelty(empty, np.ones(5)) == gini(exposures(empty, 5)) == 0.0
    assert intra_list_diversity(empty, np.eye(5)) == 0.0
