"""The rows of an artifact already trained are those that the protocol reports for it."""

import numpy as np
import pytest

from penchant.core.errors import NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED
from penchant.engine.replay import cut_at
from penchant.evaluation.config import SuccessiveConfig
from penchant.evaluation.successive import evaluate_learned, run_successive
from penchant.measures.ranking import ndcg
from penchant.training.config import RecurrentConfig, ScheduleConfig, TrainingConfig
from penchant.training.fit import fit

SMALL = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=8, layers=1), schedule=ScheduleConfig(epochs=1)
)


def walks(events: int = 600, users: int = 20, items: int = 30) -> EventColumns:
    rng = np.random.default_rng(4)
    user = rng.integers(0, users, events).astype(np.int32)
    row = ((np.arange(events) // users + user + rng.integers(0, 2, events)) % items).astype(
        np.int32
    )
    return EventColumns(
        user,
        row,
        np.zeros(events, np.int16),
        np.full(events, np.nan, np.float32),
        np.arange(events) * 600.0,
        [UserId(f"u{n}") for n in range(users)],
        [ItemId(f"i{n}") for n in range(items)],
        ["view"],
    )


def test_they_equal_the_state_variant_of_the_whole_protocol() -> None:
    columns = walks()
    cut = cut_at(columns.time_s)
    items = [Item(item, title=f"Film {item}") for item in columns.items]
    learned = fit(columns.take(columns.time_s < cut), items, SHIPPED, SMALL, 0, True)
    alone = evaluate_learned(learned, columns, cut, SHIPPED)
    whole = run_successive(learned, columns, cut, SHIPPED, SuccessiveConfig(), SMALL, 0)
    expected = {
        model: float(ndcg(ranks, 10).mean())
        for (model, variant), ranks in whole.ranks.items()
        if variant == "state"
    }
    assert alone == pytest.approx(expected)


def test_without_a_target_there_is_nothing_to_report() -> None:
    columns = walks()
    items = [Item(item) for item in columns.items]
    learned = fit(columns, items, SHIPPED, SMALL, 0, True)
    with pytest.raises(NotEnoughDataError, match="no event after the cut"):
        evaluate_learned(learned, columns, float(columns.time_s[-1]) + 1, SHIPPED)
