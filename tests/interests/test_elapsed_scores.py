"""Scores of elapsed time are those that `core.elapsed` would give, and their gradient is exact."""

import numpy as np
import pytest
import torch

from penchant.core.elapsed import WIDTH, gap_features
from penchant.interests import elapsed_scores as module
from penchant.interests.elapsed_scores import elapsed_scores
from penchant.nn.attention import FAR

LANES, LENGTH, KEYS, SCORES = 2, 3, 40, 4


def given() -> tuple[torch.Tensor, ...]:
    """Queries long after their keys; some keys are somebody else's."""
    rng = np.random.default_rng(0)
    ago_s = np.r_[0.0, 60.0, 86_400.0, 1e9, rng.lognormal(9, 4, KEYS - 4)]
    query_s = torch.from_numpy(1e9 + rng.uniform(0, 1e6, (LANES, LENGTH)))
    key_s = torch.from_numpy(1e9 - np.stack([ago_s, ago_s[::-1]]))
    same = torch.from_numpy(rng.random((LANES, LENGTH, KEYS)) < 0.8)
    torch.manual_seed(0)
    weights = torch.randn(SCORES, WIDTH, requires_grad=True)
    return query_s, key_s, same, weights, torch.randn(SCORES, LENGTH, KEYS, requires_grad=True)


def written_out(*of: torch.Tensor) -> torch.Tensor:
    query_s, key_s, same, weights, base = of
    elapsed_s = (query_s[..., None] - key_s[:, None]).numpy()
    hats = torch.from_numpy(gap_features(elapsed_s.ravel()).reshape(*elapsed_s.shape, WIDTH))
    told = torch.einsum("btsg,cg->cbts", hats, weights - weights[:, :1]) + base[:, None]
    return torch.where(same, told, FAR)


@pytest.fixture(params=["lane by lane", "all lanes at once"], autouse=True)
def on_either_hardware(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an accelerator computes is computed here, on the processor."""
    if request.param == "all lanes at once":
        monkeypatch.setattr(module, "_together", lambda lanes, _: lanes)


def test_scores_are_linear_between_the_knots_of_elapsed_time() -> None:
    of = given()
    told, same = elapsed_scores(*of), of[2]
    assert (told[:, ~same] < FAR / 2).all()
    torch.testing.assert_close(told[:, same], written_out(*of)[:, same], atol=1e-5, rtol=1e-5)


def test_gradients_reach_the_weights_and_the_base() -> None:
    grads = []
    for scores in (elapsed_scores, written_out):
        of = given()
        scores(*of).clamp_min(-100).sin().sum().backward()
        grads.append([each.grad for each in of[3:]])
    for one, two in zip(*grads, strict=True):
        torch.testing.assert_close(one, two, atol=1e-3, rtol=1e-3)
