"""Ranks and what is made of them, against values worked out by hand."""

import numpy as np
import pytest

from penchant.core.errors import ShapeError
from penchant.measures.ranking import CUTOFFS, f1, hr, mean_rank, means, mrr, ndcg, recall


def slow_mean_rank(scores: np.ndarray, target: int, masked: np.ndarray | None) -> float:
    """The reference: mask by -inf, then count."""
    score = scores[target]
    if masked is not None and masked.size:
        scores = scores.copy()
        scores[masked] = -np.inf
        if scores[target] == -np.inf:
            return float("inf")
    return float((scores > score).sum() + ((scores == score).sum() - 1) / 2)


def test_mean_rank_is_that_of_the_reference_on_tied_and_masked_scores() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        scores = rng.integers(0, 5, 30).astype(np.float32)
        masked = rng.integers(0, 30, rng.integers(0, 12))  # rows may be named twice
        target = int(rng.integers(30))
        assert mean_rank(scores, target, masked) == slow_mean_rank(scores, target, masked)


def test_a_catalogue_that_scores_all_alike_puts_the_target_in_the_middle() -> None:
    assert mean_rank(np.zeros(101), target=100) == 50.0


def test_a_score_that_is_not_a_number_ranks_last_and_hurts_no_rival() -> None:
    scores = np.array([np.nan, 0.1, 0.2])
    assert mean_rank(scores, target=0) == float("inf")
    assert mean_rank(scores, target=1) == 1.0


def test_masking_leaves_the_scores_alone() -> None:
    scores = np.array([0.1, 0.9])
    mean_rank(scores, 0, np.array([1]))
    assert scores.tolist() == [0.1, 0.9]


def test_a_masked_target_earns_nothing_at_any_cutoff() -> None:
    assert set(means(np.array([np.inf])).values()) == {0.0}


def test_means_reports_every_measure_at_every_cutoff_of_the_protocol() -> None:
    found = means(np.array([0.0, 4.0, 50.0]))
    assert len(found) == 6 * len(CUTOFFS)
    assert found["hr@5"] == pytest.approx(2 / 3)
    assert found["ndcg@5"] == pytest.approx((1 + 1 / np.log2(6)) / 3)
    assert found["mrr@100"] == pytest.approx((1 + 1 / 5 + 1 / 51) / 3)
    assert found["recall@20"] == found["hr@20"]
    assert found["f1@1"] == pytest.approx(1 / 3)


def test_no_targets_at_all_mean_zero_rather_than_a_warning() -> None:
    assert means(np.array([]))["ndcg@10"] == 0.0


def test_half_ranks_at_the_cutoff_count_as_hits() -> None:
    ranks = np.array([9.5])
    assert (hr(ranks, 10)[0], hr(ranks, 9)[0]) == (1.0, 0.0)
    assert ndcg(ranks, 10)[0] == pytest.approx(1 / np.log2(11.5))
    assert mrr(ranks, 10)[0] == pytest.approx(1 / 10.5)


def test_targets_of_one_slate_share_their_recall_and_f1() -> None:
    ranks, slates = np.array([0.0, 1.0, 30.0, 2.0]), np.array([0, 0, 0, 1])
    assert recall(ranks, 10, slates).tolist() == pytest.approx([2 / 3, 1.0])
    assert f1(ranks, 10, slates).tolist() == pytest.approx([4 / 13, 2 / 11])


def test_slates_that_do_not_fit_the_ranks_name_both_shapes() -> None:
    with pytest.raises(ShapeError, match=r"slates \(1,\) do not fit ranks \(2,\)"):
        recall(np.zeros(2), 10, np.array([0]))
