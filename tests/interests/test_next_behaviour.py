import math

import numpy as np
import pytest
import torch

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import KNOTS_S, WIDTH, gap_features
from penchant.features.reader import FeatureColumns
from penchant.interests.next_behaviour import Behaviour
from penchant.interests.next_behaviour_net import BehaviourNet
from penchant.interests.recurrent import Recurrent, RecurrentConfig
from penchant.interests.sequence_net import Packed
from penchant.training.config import ScheduleConfig
from penchant.training.following import Task
from penchant.training.sequence import train_sequence
from penchant.training.streams import histories

DAY_S = 86_400.0


def look_then_buy(users: int, rounds: int) -> FeatureColumns:
    """Everybody looks (type 1) and buys (type 2) a minute later, then comes back after a day."""
    n = users * rounds * 2
    place = np.arange(n) % (rounds * 2)
    return FeatureColumns(
        (np.arange(n) // (rounds * 2)).astype(np.int32),
        np.random.default_rng(0).integers(0, 9, n).astype(np.int32),
        1 + place % 2,
        np.ones(n, np.float32),
        np.zeros(n, np.float32),
        1e9 + (place // 2) * (DAY_S + 60.0) + (place % 2) * 60.0,
    )


def test_the_expected_gap_is_that_of_its_shares() -> None:
    shares = np.zeros(WIDTH, np.float32)
    shares[[1, 5]] = 0.5
    told = Behaviour(np.ones(1, np.float32), shares)
    assert told.log_gap == pytest.approx((math.log(61) + math.log(86_401)) / 2)


@pytest.mark.slow
def test_who_looks_and_then_buys_is_foretold_in_type_and_time() -> None:
    events = histories(look_then_buy(users=40, rounds=10))
    sizes = RecurrentConfig(
        dim=8, state=8, hidden=16, behaviour=1.0, dropout=0.0, learning_rate=0.03
    )
    schedule = ScheduleConfig(epochs=10, lanes=4, length=16)
    weights = train_sequence(Task(events, 9, 2, "recurrent", sizes, schedule, 0)).weights
    model, vectors = Recurrent(weights, sizes), weights["events.items.weight"]
    state = model.start()
    for n in range(5):
        at_s = 1e9 + n * (DAY_S + 60.0)
        state = model.step(state, EventFeatures(n, vectors[n], 1, 1.0, 0.0, at_s))
        after_look = model.next_behaviour(state)
        state = model.step(state, EventFeatures(n, vectors[n], 2, 1.0, 0.0, at_s + 60.0))
        after_buy = model.next_behaviour(state)
    assert after_look is not None
    assert after_buy is not None
    assert after_look.types[1] > 0.9  # a look is followed by buying
    assert after_buy.types[0] > 0.9
    assert after_look.log_gap == pytest.approx(math.log(61), abs=0.5)
    assert after_buy.log_gap == pytest.approx(math.log(DAY_S), abs=0.5)


def test_its_loss_is_the_cross_entropy_of_what_follows_inside_a_history() -> None:
    torch.manual_seed(0)
    head = BehaviourNet(4, 2)
    with torch.no_grad():
        for each in head.parameters():
            each.zero_()
    first = torch.tensor([[True], [False], [True], [False]])  # the last is padding
    kind = torch.tensor([[1], [2], [1], [2]])
    gap = torch.from_numpy(gap_features([np.nan, KNOTS_S[5], np.nan, 0.0]))[:, None]
    one, time_s = torch.zeros(4, 1), torch.zeros(4, 1, dtype=torch.float64)
    packed = Packed(one.long(), kind, one, one, gap, gap, first, time_s, time_s)
    inside = torch.tensor([[True], [True], [True], [False]])
    loss = head.loss(torch.zeros(4, 1, 4), packed, inside)
    assert loss.item() == pytest.approx(math.log(2) + math.log(WIDTH))
