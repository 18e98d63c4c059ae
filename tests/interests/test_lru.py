"""What is particular to the complex recurrence; what holds for all is in contracts."""

import numpy as np
import pytest
import torch

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import KNOTS_S
from penchant.interests.lru import Lru, LruConfig, LruState
from penchant.interests.lru_net import FASTEST, SLOWEST, LruNet

SIZES = LruConfig(dim=16, state=12, hidden=20, layers=1)


def made(types: int = 2) -> LruNet:
    torch.manual_seed(0)
    return LruNet(9, types, SIZES).eval()


def served(net: LruNet, sizes: LruConfig = SIZES) -> Lru:
    return Lru({name: each.numpy() for name, each in net.state_dict().items()}, sizes)


def silent(net: LruNet) -> LruNet:
    """Nothing is heard of events: the state can only fade."""
    with torch.no_grad():
        net.layers[0].into.weight.zero_()
        net.layers[0].into.bias.zero_()
    return net


def after(model: Lru, elapsed_s: float, kind: int = 1) -> LruState:
    """One silent event `elapsed_s` after a state of ones."""
    ones = np.ones((1, SIZES.state), np.complex64)
    state = LruState(ones, np.zeros(16, np.float32), 1.3e9)
    vector = np.ones(16, np.float32)
    return model.step(state, EventFeatures(0, vector, kind, 1.0, 0.0, 1.3e9 + elapsed_s))


def test_at_the_default_sizes_a_user_costs_1288_bytes() -> None:
    sizes = LruConfig()
    torch.manual_seed(0)
    model = served(LruNet(3, 1, sizes), sizes)
    assert len(model.dump(model.start())) == 1288


def test_before_training_it_keeps_between_half_and_all_of_a_state_per_event() -> None:
    kept = np.abs(after(served(silent(made())), 0.0).layers)
    assert (kept < SLOWEST).all()
    assert (kept > 0.98 * FASTEST).all()


def test_a_state_fades_by_the_rate_learned_for_the_elapsed_time() -> None:
    net = silent(made())
    with torch.no_grad():  # nothing at once, e^-1 a day, e^-3 a year: softplus(x + begin) = rate
        rates = torch.tensor([1e-6 if s < 80_000 else 1.0 for s in KNOTS_S], dtype=torch.float64)
        rates[-1] = 3.0
        net.layers[0].fading[:] = (torch.log(torch.expm1(rates)) + 4.0)[:, None].float()
    model = served(net)
    at_once, day, year = (np.abs(after(model, s).layers) for s in (0.0, 86_400.0, 31_536_000.0))
    np.testing.assert_allclose(day / at_once, np.exp(-1.0), rtol=1e-4)
    np.testing.assert_allclose(year / at_once, np.exp(-3.0), rtol=1e-4)


def test_an_event_type_may_clear_the_state_faster_or_say_nothing() -> None:
    net = made()
    with torch.no_grad():
        net.layers[0].gates.weight[2, : SIZES.state] = 20.0  # fades twice as fast
        net.layers[0].gates.weight[2, SIZES.state :] = -30.0  # is not heard
        begun = torch.exp(net.layers[0].nu).numpy()
    model = served(net)
    before = after(served(silent(made())), 0.0, kind=1)
    unheard = after(model, 0.0, kind=2)
    wanted = np.abs(before.layers[0]) * np.exp(-begun)
    np.testing.assert_allclose(np.abs(unheard.layers[0]), wanted, rtol=1e-4)


@pytest.mark.parametrize("learned", [-20.0, 0.0, 20.0])
def test_whatever_is_learned_a_silent_event_lets_no_part_of_a_state_grow(learned: float) -> None:
    net = silent(made())
    with torch.no_grad():
        net.layers[0].nu.fill_(learned)
        net.layers[0].theta.fill_(learned)
        net.layers[0].gates.weight.fill_(learned)
    kept = np.abs(after(served(net), 86_400.0).layers)
    assert (kept <= 1.0).all()
