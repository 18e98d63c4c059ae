"""What is particular to GRU and LSTM; what holds for all is in contracts."""

import numpy as np
import torch
from torch import nn

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import WIDTH
from penchant.interests import gated_net
from penchant.interests.gated import GatedConfig, gru, lstm
from penchant.interests.sequence_net import Packed

SIZE, LANES = 6, 5
SIZES = GatedConfig(dim=8, state=SIZE, dropout=0.0)


def test_the_gru_cell_is_the_one_everybody_knows() -> None:
    torch.manual_seed(0)
    known = nn.GRUCell(4, SIZE)
    again = nn.Linear(SIZE, 3 * SIZE)
    again.weight, again.bias = known.weight_hh, known.bias_hh
    x, h = torch.randn(LANES, 4), torch.randn(LANES, SIZE)
    made = nn.functional.linear(x, known.weight_ih, known.bias_ih)
    torch.testing.assert_close(gated_net.gru_cell(made, h, again), known(x, h))


def test_the_lstm_cell_is_the_one_everybody_knows() -> None:
    torch.manual_seed(0)
    known = nn.LSTMCell(4, SIZE)
    ours = torch.cat([torch.arange(2 * SIZE), torch.arange(3 * SIZE, 4 * SIZE)])
    order = torch.cat([ours, torch.arange(2 * SIZE, 3 * SIZE)])  # theirs is i, f, g, o
    again = nn.Linear(SIZE, 4 * SIZE)
    again.weight = nn.Parameter(known.weight_hh[order])
    again.bias = nn.Parameter(known.bias_hh[order])
    x, h, c = torch.randn(LANES, 4), torch.randn(LANES, SIZE), torch.randn(LANES, SIZE)
    made = nn.functional.linear(x, known.weight_ih, known.bias_ih)[:, order]
    said, kept = known(x, (h, c))
    wanted = torch.cat([said, kept], -1)
    torch.testing.assert_close(gated_net.lstm_cell(made, torch.cat([h, c], -1), again), wanted)


def test_a_user_who_begins_inside_a_stretch_begins_with_nothing() -> None:
    torch.manual_seed(0)
    for make in (gated_net.gru_net, gated_net.lstm_net):
        net = make(9, 2, SIZES).eval()
        alone, _ = net(Packed(*(each[2:] for each in packed(first=2))), net.start(1))
        inside, _ = net(packed(first=2), [100.0 * torch.ones_like(h) for h in net.start(1)])
        torch.testing.assert_close(inside[2:], alone)


def test_an_lstm_keeps_two_states_where_a_gru_keeps_one() -> None:
    event = EventFeatures(0, np.ones(8, np.float32), 1, 1.0, 0.0, 1e9)
    sizes = {}
    for name, make, serve in (
        ("gru", gated_net.gru_net, gru),
        ("lstm", gated_net.lstm_net, lstm),
    ):
        weights = {key: each.numpy() for key, each in make(9, 2, SIZES).state_dict().items()}
        model = serve(weights, SIZES)
        sizes[name] = len(model.dump(model.step(model.start(), event)))
    assert sizes == {"gru": 8 + 4 * (SIZE + 8), "lstm": 8 + 4 * (2 * SIZE + 8)}


def packed(first: int, length: int = 5) -> Packed:
    """Events 0, 1, ... of one lane, in which a user begins at `first`."""
    one = torch.ones(length, 1)
    row = torch.arange(length)[:, None]
    none = torch.zeros(length, 1, WIDTH)
    time_s = torch.full((length, 1), 1e9, dtype=torch.float64)
    return Packed(row, one.long(), one, one, none, none, row == first, time_s, time_s)
