"""Items that are drawn stand for all: in the mean, their sum is that of the whole catalogue."""

import numpy as np
import pytest
import torch

from penchant.training.negatives import From, Negatives

SOURCES: tuple[From, ...] = ("uniform", "popular", "mixed")
TAKEN = np.repeat(np.arange(40, dtype=np.int32), np.arange(1, 41))  # item k was taken k + 1 times
CPU = torch.device("cpu")


@pytest.mark.parametrize("source", SOURCES)
def test_the_sum_over_those_drawn_is_in_the_mean_that_over_all(source: From) -> None:
    torch.manual_seed(0)
    logits = torch.randn(40, dtype=torch.float64)
    negatives = Negatives(TAKEN, 8, source, CPU)
    sums = []
    for _ in range(4000):
        drawn = negatives.draw()
        sums.append((logits[drawn.items] + drawn.more).exp().sum().item())
    spread = np.std(sums) / len(sums) ** 0.5
    assert abs(np.mean(sums) - logits.exp().sum().item()) < 4 * spread
    assert spread < 0.01 * logits.exp().sum().item() * 2


@pytest.mark.parametrize("source", SOURCES)
def test_items_are_drawn_as_often_as_their_source_says(source: From) -> None:
    torch.manual_seed(0)
    negatives = Negatives(TAKEN, 20_000, source, CPU)
    seen = np.bincount(negatives.draw().items.numpy(), minlength=40) / 20_000
    uniform, popular = np.full(40, 1 / 40), np.arange(1, 41) / len(TAKEN)
    wanted = {"uniform": uniform, "popular": popular, "mixed": (uniform + popular) / 2}[source]
    np.testing.assert_allclose(seen, wanted, atol=0.006)


@pytest.mark.parametrize("source", SOURCES)
def test_only_items_that_were_taken_are_drawn(source: From) -> None:
    negatives = Negatives(np.array([7, 7, 3], np.int32), 100, source, CPU)
    assert set(negatives.draw().items.tolist()) == {3, 7}


@pytest.mark.parametrize("source", SOURCES)
def test_whoever_is_drawn_for_certain_needs_no_correction(source: From) -> None:
    drawn = Negatives(np.array([5], np.int32), 1, source, CPU).draw()
    assert (drawn.items.tolist(), drawn.more.tolist()) == ([5], [0.0])
