"""What is particular to the gated linear recurrence; what holds for all is in contracts."""

import numpy as np
import pytest
import torch

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import WIDTH
from penchant.interests.recurrent import Recurrent, RecurrentConfig, RecurrentState
from penchant.interests.recurrent_net import RecurrentNet

YEAR_S = 31_536_000.0
SIZES = RecurrentConfig(dim=16, state=24, hidden=20)


def test_the_longer_the_wait_the_nearer_the_interest_to_the_lasting_one() -> None:
    torch.manual_seed(0)
    made = RecurrentNet(12, 4, SIZES).eval()
    with torch.no_grad():  # what is kept falls with every knot of elapsed time
        made.fading.fade.weight[:] = torch.linspace(3, -9, WIDTH)
        made.fading.fade.bias.fill_(0.0)
    weights = {name: each.numpy() for name, each in made.state_dict().items()}
    model, vectors = Recurrent(weights, SIZES), weights["events.items.weight"]
    state: RecurrentState = model.start()
    for n in range(8):
        state = model.step(state, EventFeatures(n, vectors[n], 1, 1.0, 0.0, 1.3e9 + 3600.0 * n))
    lasting = model.read(state, state.time_s + 50 * YEAR_S).directions[0]
    waits_s = (0.0, 60.0, 3600.0, 86_400.0, 30 * 86_400.0, YEAR_S)
    far = [
        float(np.linalg.norm(model.read(state, state.time_s + s).directions[0] - lasting))
        for s in waits_s
    ]
    assert far == sorted(far, reverse=True)
    assert far[0] > 0
    assert far[-1] == pytest.approx(0.0, abs=1e-3)


def test_training_drops_parts_of_what_is_read_of_the_state_and_never_of_the_state() -> None:
    torch.manual_seed(0)
    layer = RecurrentNet(12, 4, SIZES.model_copy(update={"dropout": 0.5, "layers": 1})).layers[0]
    x, first = torch.randn(6, 2, SIZES.dim), torch.zeros(6, 2, dtype=torch.bool)
    start = torch.randn(2, SIZES.state)
    read, state = layer.eval()(x, first, start)
    layer.mix.out.weight.data.zero_()  # only what is said of the state is left
    layer.out.weight.data = torch.eye(SIZES.state)[: SIZES.dim]  # unit by unit
    said = layer.eval()(x, first, start)[0] - x
    heard, learnt = layer.train()(x, first, start)
    assert torch.equal(learnt, state)
    assert not torch.equal(heard, read)
    kept = heard - x
    twice = kept[kept != 0] / said[kept != 0]
    assert set(twice.round(decimals=3).tolist()) == {4.0}  # kept by both dropouts, scaled by each
    assert 0.6 < float((kept == 0).float().mean()) < 0.9
