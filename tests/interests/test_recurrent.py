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
