import math

import numpy as np
import pytest
import torch

from penchant.features.reader import FeatureColumns
from penchant.interests.recurrent_net import RecurrentNet
from penchant.training.config import AugmentConfig, ContrastConfig, RecurrentConfig
from penchant.training.contrastive import Contrast, nt_xent, pieces
from penchant.training.streams import Histories, histories

ITEMS = 12


def walks() -> Histories:
    """Ten users, four events each; those of the same parity end alike."""
    user = np.repeat(np.arange(10), 4).astype(np.int32)
    row = np.array([[n % 10, 10 - n, n % 2, 3 + n % 2] for n in range(10)], np.int32).ravel()
    ones = np.ones(40, np.float32)
    return histories(
        FeatureColumns(user, row, ones.astype(np.int64), ones, 0 * ones, np.arange(40) * 600.0)
    )


def test_the_loss_of_two_pairs_is_what_the_formula_says() -> None:
    one = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    two = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    e = math.exp(1 / 0.5)
    rows = [e / (e + 1 + e), 1 / (1 + 1 + 1), e / (e + 1 + e), 1 / (e + 1 + e)]
    want = -sum(map(math.log, rows)) / 4
    assert float(nt_xent(one, two, 0.5)) == pytest.approx(want, abs=1e-6)


def test_histories_that_lead_to_the_same_item_are_no_wrong_answers() -> None:
    one = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    two = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(nt_xent(one, two, 0.5)) == pytest.approx(math.log(3))
    assert float(nt_xent(one, two, 0.5, torch.tensor([7, 7]))) == pytest.approx(0.0)


def test_a_piece_ends_before_its_end_and_never_enters_another_history() -> None:
    cut = pieces(walks(), np.array([2, 4, 7]), 3)
    assert cut.lengths.tolist() == [2, 3, 3]
    assert cut.events.user.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert cut.events.time_s.tolist() == [600.0 * n for n in (0, 1, 1, 2, 3, 4, 5, 6)]


@pytest.mark.parametrize("kind", ["views", "same_next"])
def test_a_net_learns_to_draw_two_views_together(kind: str) -> None:
    torch.manual_seed(0)
    net = RecurrentNet(ITEMS, 1, RecurrentConfig(dim=8, state=8, hidden=8, dropout=0.1))
    config = ContrastConfig(weight=0.5, kind=kind, histories=10, longest=3)
    loss = Contrast(walks(), config, AugmentConfig(), ITEMS - 1, True)
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    rng = np.random.default_rng(0)
    before = loss(net, np.random.default_rng(5)).item()
    for _ in range(30):
        optimiser.zero_grad()
        loss(net, rng).backward()
        optimiser.step()
    assert loss(net, np.random.default_rng(5)).item() < 0.85 * before
