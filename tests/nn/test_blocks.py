"""Dropout by bytes is dropout: the share, the scale, the gradient, and nothing outside training."""

import pytest
import torch

from penchant.nn.blocks import Dropout


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_a_share_of_activations_is_zero_and_their_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    out = Dropout(share)(torch.ones(100, 1003))
    assert (out == 0).float().mean() == pytest.approx(share, abs=0.004)
    assert out.mean() == pytest.approx(1.0, abs=0.02)
    assert len(out.unique()) == 2


def test_every_activation_is_dropped_alike() -> None:
    torch.manual_seed(0)
    dropped = sum((Dropout(0.3)(torch.ones(37)) == 0).float() for _ in range(4000)) / 4000
    assert (dropped - 0.3).abs().max() < 0.04


def test_gradients_pass_where_activations_do() -> None:
    torch.manual_seed(0)
    x = torch.ones(64, 64, requires_grad=True)
    out = Dropout(0.2)(x)
    out.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, out.detach())


def test_outside_training_and_at_a_share_of_nothing_all_stay_as_they_are() -> None:
    x = torch.randn(5, 7)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_the_same_seed_drops_the_same() -> None:
    one, two = ([torch.manual_seed(3), Dropout(0.4)(torch.ones(9, 9))][1] for _ in range(2))
    assert torch.equal(one, two)
