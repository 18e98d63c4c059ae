"""What is particular to the causal convolutions; what holds for all is in contracts."""

import numpy as np
import torch

from penchant.core.contracts import EventFeatures
from penchant.interests.cnn import Cnn, CnnConfig, CnnState
from penchant.interests.cnn_net import CnnNet

SIZES = CnnConfig(dim=8, kernel=3, dilations=(1, 2))


def served(seed: int = 0) -> tuple[Cnn, np.ndarray]:
    torch.manual_seed(seed)
    weights = {key: each.numpy() for key, each in CnnNet(12, 2, SIZES).state_dict().items()}
    return Cnn(weights, SIZES), weights["events.items.weight"]


def taken(rows: list[int]) -> CnnState:
    model, vectors = served()
    return model.fold(
        model.start(),
        [EventFeatures(r, vectors[r], 1, 1.0, 0.0, 1e9 + n) for n, r in enumerate(rows)],
    )


def test_as_far_back_as_its_layers_reach_an_event_counts_and_no_further() -> None:
    """Kernels of 3, 1 and 2 events apart: 2 + 4 events before the latest."""
    seven = [1, 2, 3, 4, 5, 6, 7]
    model, _ = served()
    read = model.read(taken([0, 0, *seven]), 2e9).directions
    assert np.array_equal(read, model.read(taken([9, 9, *seven]), 2e9).directions)
    assert not np.allclose(read, model.read(taken([0, 0, 9, *seven[1:]]), 2e9).directions)


def test_a_convolution_is_the_one_of_torch_before_it_joins_the_residual_path() -> None:
    torch.manual_seed(1)
    layer = CnnNet(12, 2, SIZES).layers[1].eval()
    x = torch.randn(9, 1, 8)
    past = torch.zeros(1, 4, 8)
    made, _ = layer(x, torch.arange(9)[:, None], past)
    kernel = layer.taps.weight.view(8, 3, 8).permute(0, 2, 1).flip(-1)  # (out, in, oldest first)
    inputs = torch.nn.functional.pad(layer.norm(x)[:, 0].T[None], (4, 0))
    known = torch.nn.functional.conv1d(inputs, kernel, layer.taps.bias, dilation=2)
    torch.testing.assert_close((made - x)[:, 0], torch.relu(known[0].T))


def test_the_state_is_the_inputs_that_later_events_need() -> None:
    model, _ = served()
    assert [len(each) for each in taken([1, 2]).past] == [2, 4]
    assert not taken([1, 2]).past[1][:2].any()
    assert len(model.dump(taken([1, 2]))) == 8 + 4 * 8 * (2 + 4 + 1)
