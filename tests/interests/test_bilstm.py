"""What is particular to the LSTM in both directions; what holds for all is in contracts."""

import numpy as np
import torch
from torch import nn

from penchant.core.contracts import EventFeatures
from penchant.interests.bilstm import Bilstm, BilstmConfig, BilstmState
from penchant.interests.bilstm_net import BilstmNet, _walked

SIZES = BilstmConfig(dim=8, state=6, window=4)


def served() -> tuple[Bilstm, np.ndarray]:
    torch.manual_seed(0)
    weights = {key: each.numpy() for key, each in BilstmNet(12, 2, SIZES).state_dict().items()}
    return Bilstm(weights, SIZES), weights["events.items.weight"]


def taken(rows: list[int]) -> BilstmState:
    model, vectors = served()
    return model.fold(
        model.start(),
        [EventFeatures(r, vectors[r], 1, 1.0, 0.0, 1e9) for r in rows],
    )


def test_what_has_left_the_window_is_forgotten() -> None:
    model, _ = served()
    read = model.read(taken([0, 9, 1, 2, 3, 4]), 2e9).directions
    assert np.array_equal(read, model.read(taken([5, 7, 1, 2, 3, 4]), 2e9).directions)
    assert not np.allclose(read, model.read(taken([0, 9, 7, 2, 3, 4]), 2e9).directions)


def test_the_state_grows_to_the_window_and_no_further() -> None:
    model, _ = served()
    assert [len(taken([1] * n).window) for n in (0, 1, 3, 4, 9)] == [0, 1, 3, 4, 4]
    assert len(model.dump(taken([1] * 9))) == 8 + 4 * 4 * 8


def test_a_direction_is_the_lstm_of_torch_over_each_window() -> None:
    torch.manual_seed(1)
    known, again = nn.LSTM(5, 6), nn.Linear(6, 24, bias=False)
    order = torch.cat([torch.arange(12), torch.arange(18, 24), torch.arange(12, 18)])
    again.weight = nn.Parameter(known.weight_hh_l0[order])  # theirs is i, f, g, o
    x = torch.randn(9, 1, 5)
    bias = known.bias_ih_l0 + known.bias_hh_l0
    made = nn.functional.linear(x, known.weight_ih_l0, bias)[..., order]
    held = torch.cat([made.new_zeros(3, 1, 24), made])
    read = _walked(held, torch.arange(9)[:, None], range(3, -1, -1), again)
    for t in range(9):
        wanted = known(x[max(0, t - 3) : t + 1])[1][0][0, 0]
        torch.testing.assert_close(read[t, 0], wanted)
