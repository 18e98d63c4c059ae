"""What is asked of a model while it trains, and how its answers are counted."""

import numpy as np
import torch

from penchant.features.reader import FeatureColumns
from penchant.interests.nets import NETS
from penchant.interests.recurrent import RecurrentConfig
from penchant.training.validation import Held, ndcg_at_10

ITEMS = 12
MET = np.ones(ITEMS, bool)


def clicks(shown: bool) -> tuple[FeatureColumns, np.ndarray]:
    """Each of 6 users clicks 8 items; where `shown`, an event of weight 0 on the same item comes
    5 s before.
    """
    rows = [
        (user, (user + n) % ITEMS, weight, 1e9 + n * 3600.0 + at)
        for user in range(6)
        for n in range(8)
        for weight, at in ([(0.0, 0.0), (1.0, 5.0)] if shown else [(1.0, 5.0)])
    ]
    user, row, weight, time_s = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(time_s, kind="stable")
    columns = FeatureColumns(
        user[order].astype(np.int32),
        row[order].astype(np.int32),
        np.where(weight[order] > 0, 1, 2),
        weight[order].astype(np.float32),
        np.zeros(len(order), np.float32),
        time_s[order],
    )
    return columns, columns.time_s > 1e9 + 4 * 3600.0


def held(shown: bool) -> Held:
    columns, later = clicks(shown)
    return Held.make(columns, later & (columns.weight > 0), MET, repeats=False)


def test_an_item_that_was_only_shown_is_still_to_be_predicted() -> None:
    alone, shown = held(shown=False), held(shown=True)
    assert len(shown.target) == len(alone.target) == 24
    assert (shown.events.events.weight[shown.target] > 0).all()


def test_an_item_that_was_only_shown_stays_in_the_contest() -> None:
    torch.manual_seed(0)
    net = NETS["recurrent"](ITEMS, 2, RecurrentConfig(dim=8, state=8, hidden=8))
    told = held(shown=True)
    with torch.no_grad():
        net.events.item_bias[:] = 100.0  # all alike, so that what is taken alone decides
        net.events.items.weight.zero_()
    place = [ITEMS - 1 - n for n in range(4, 8)]  # rivals left: those neither taken nor it
    wanted = np.mean([1 / np.log2(rivals / 2 + 2) for rivals in place])
    assert np.isclose(ndcg_at_10(net, told), wanted)


def test_a_model_whose_scores_are_no_numbers_has_gained_nothing() -> None:
    net = NETS["recurrent"](ITEMS, 2, RecurrentConfig(dim=8, state=8, hidden=8))
    with torch.no_grad():
        net.events.item_bias[:] = torch.nan
    assert ndcg_at_10(net, held(shown=False)) == 0.0
