"""The blend is learned for the first ten places, and never worse there than the best source."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.ranking.blend import CONTEXTS, Form
from penchant.training.blend import Examples, _blended, _loss, _ndcg, _shaped, fit_blend

NAMES = ("topic_average", "recurrent", "fresh")
FORMS: tuple[Form, ...] = ("score", "score", "count")


def examples(count: int, seed: int, hopeless: float = 0.5) -> Examples:
    """Two sources that see another half of the target each; a share that neither finds."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(count, 80, 3)).astype(np.float32)
    scores[..., 2] = rng.random((count, 80)) < 0.05
    seen = rng.random(count) >= hopeless
    scores[:, 0, 0] = np.where(seen, rng.normal(1.6, 0.5, count), -3.0)
    scores[:, 0, 1] = np.where(seen, rng.normal(1.6, 0.5, count), -3.0)
    context = np.zeros((count, CONTEXTS), np.float32)
    context[:, 0] = 1.0
    return Examples(scores, np.ones((count, 80), bool), context, np.ones(count, bool))


def test_two_sources_that_know_half_each_are_better_together() -> None:
    blend, figures = fit_blend(examples(800, seed=0), NAMES, seed=0)
    told = figures["opening"]
    assert blend.chosen == "blend"
    assert told["blend"] > 1.2 * max(told[name] for name in NAMES)
    later = examples(800, seed=1)
    flat = _shaped(later, FORMS, blend.units)
    assert _ndcg(_blended(blend.base, flat, later), later) > 0.9 * told["blend"]


def test_targets_that_nobody_finds_do_not_spoil_the_first_places() -> None:
    some = examples(800, seed=2, hopeless=0.9)
    blend, figures = fit_blend(some, NAMES, seed=0)
    own = _ndcg(_blended(blend.base, _shaped(some, FORMS, blend.units), some), some)
    assert own >= max(figures["opening"][name] for name in NAMES)


def test_the_same_examples_and_seed_give_the_same_weights() -> None:
    first, again = (fit_blend(examples(200, seed=3), NAMES, seed=7)[0] for _ in range(2))
    np.testing.assert_array_equal(first.base, again.base)


@given(st.integers(0, 2**31), st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_the_loss_moves_no_pair_that_the_first_ten_places_do_not_know(seed: int, size: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(5, size, generator=rng).requires_grad_()
    real = torch.rand(5, size, generator=rng) < 0.8
    real[:, 0] = True
    _loss(scores, real).backward()  # type: ignore[no-untyped-call]
    pulled = scores.grad
    assert pulled is not None
    assert bool((pulled[~real] == 0).all())
    ranks = scores.masked_fill(~real, -torch.inf).argsort(dim=1, descending=True).argsort(dim=1)
    below = (ranks[:, :1] >= 10) & (ranks >= 10)
    below[:, 0] = False
    assert bool((pulled[below] == 0).all())
    assert bool((pulled[:, 0] <= 0).all())
