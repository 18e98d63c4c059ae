"""A small log of walks, and what was learned from its first nine tenths, once for all tests."""

import numpy as np
import pytest

from penchant.core.events import EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED
from penchant.engine.learned import Learned
from penchant.evaluation.case import Case
from penchant.evaluation.config import SuccessiveConfig
from penchant.training.config import RecurrentConfig, ScheduleConfig, TrainingConfig

USERS, ITEMS, EVENTS = 12, 20, 960


def walks() -> EventColumns:
    """Even users go up through the items, odd ones down, mostly by one; two hours an event."""
    rng = np.random.default_rng(2)
    user = np.tile(np.arange(USERS), EVENTS // USERS)
    step = np.where(rng.random(EVENTS) < 0.8, 1, 2) * np.where(user % 2, -1, 1)
    row = np.zeros(EVENTS, np.int32)
    at = rng.integers(0, ITEMS, USERS)
    for n, who in enumerate(user.tolist()):
        at[who] = (at[who] + step[n]) % ITEMS
        row[n] = at[who]
    return EventColumns(
        user.astype(np.int32),
        row,
        np.zeros(EVENTS, np.int16),
        np.full(EVENTS, np.nan, np.float32),
        np.arange(EVENTS) * 7200.0,
        [UserId(f"u{n}") for n in range(USERS)],
        [ItemId(f"i{n}") for n in range(ITEMS)],
        ["click"],
    )


@pytest.fixture(scope="session")
def case() -> Case:
    columns = walks()
    training = TrainingConfig(
        recurrent=RecurrentConfig(dim=8, state=8, hidden=8, layers=1),
        schedule=ScheduleConfig(epochs=1),
        ease_items=100,
    )
    items = [Item(item, title=f"Film {item}") for item in columns.items]
    config = SuccessiveConfig(windows=3)
    return Case("walks", columns, items, SHIPPED, config, training, repeats=True)


@pytest.fixture(scope="session")
def learned(case: Case) -> Learned:
    return case.learn(0)
