"""Leave-one-out: what is held out, what may be known of it, and how it is ranked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from penchant.core.contracts import EventFeatures
from penchant.core.errors import ConfigError, NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.signals import SHIPPED
from penchant.evaluation.leave_one_out import evaluate_leave_one_out, split_last
from penchant.evaluation.net_ranks import Asked, net_ranks
from penchant.features.reader import EventReader
from penchant.interests.event_input import BIASES, VECTORS
from penchant.interests.models import serve
from penchant.interests.nets import NETS
from penchant.measures.ranking import mean_rank
from penchant.training.compact import expanded
from penchant.training.config import RecurrentConfig, ScheduleConfig, TrainingConfig

SMALL = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=16, layers=1, learning_rate=0.1),
    schedule=ScheduleConfig(epochs=8, patience=8, lanes=2, length=8),
    ease_penalty=1.0,
)


def log(
    histories: list[list[int]], items: int, kind: list[list[int]] | None = None
) -> EventColumns:
    """Users take turns, an hour apart."""
    turns = sorted(
        (place, user, row) for user, rows in enumerate(histories) for place, row in enumerate(rows)
    )
    user = np.array([u for _, u, _ in turns], np.int32)
    types = [kind[u][p] if kind else 0 for p, u, _ in turns]
    return EventColumns(
        user,
        np.array([row for _, _, row in turns], np.int32),
        np.array(types, np.int16),
        np.full(len(turns), np.nan, np.float32),
        np.arange(len(turns)) * 3600.0,
        [UserId(f"u{n}") for n in range(len(histories))],
        [ItemId(f"i{n}") for n in range(items)],
        ["click", "dismiss"],
    )


def cycles(users: int = 16, items: int = 6, length: int = 10) -> EventColumns:
    """Everybody goes round all items in the same order."""
    return log([[(u + p) % items for p in range(length)] for u in range(users)], items)


def evaluated(columns: EventColumns, *models: str, **how: object) -> dict[str, dict[str, object]]:
    report = evaluate_leave_one_out(
        "walks", columns, SHIPPED, SMALL, [0], models=frozenset(models), **how
    )
    return {row["model"]: row for row in report["rows"]}


def test_the_last_positive_event_tests_the_one_before_validates_and_few_only_train() -> None:
    columns = log(
        [[0, 1, 2, 3], [0, 1], [3, 2, 1, 0, 2]], 4, [[0, 0, 0, 0], [0, 0], [0, 0, 0, 0, 1]]
    )
    split = split_last(columns, SHIPPED)
    held = {
        int(columns.user[t]): (int(columns.row[v]), int(columns.row[t]))
        for v, t in zip(split.valid, split.test, strict=True)
    }
    assert held == {0: (2, 3), 2: (1, 0)}  # the dismissal at the end is no target
    trained = [columns.row[split.train & (columns.user == user)].tolist() for user in range(3)]
    assert trained == [[0, 1], [0, 1], [3, 2]]


def test_ranks_are_those_of_a_count_by_hand() -> None:
    columns = log([[0, 1, 2, 3], [0, 1, 4, 2], [0, 2, 3, 1]], 5)
    row = evaluated(columns, "popular", repeats=False)["popular"]
    # training is [0 1] [0 1] [0 2]: i0 3, i1 2, i2 1, none of i3 and i4
    # u0 wants i3, level with i4: rank 0.5; u1 wants i2, above i3: 0; u2 wants i1, above i4: 0
    gains = [1 / np.log2(2.5), 1.0, 1.0]
    assert row["ndcg@10"] == pytest.approx(np.mean(gains), abs=1e-5)
    assert row["hr@10"] == 1.0
    kept = evaluated(columns, "popular", repeats=True)["popular"]
    # u0: below i0 i1 i2, level with i4: 3.5; u1: below i0 i1: 2; u2: below i0: 1
    by_hand = [1 / np.log2(5.5), 1 / np.log2(4), 1 / np.log2(3)]
    assert kept["ndcg@10"] == pytest.approx(np.mean(by_hand), abs=1e-5)


@pytest.mark.slow
def test_what_always_follows_is_found_even_at_one_instant_if_an_order_was_given() -> None:
    instant = replace(cycles(), time_s=np.zeros(160))
    rows = evaluated(instant, "transition", "recurrent", repeats=True, ordered=True)
    assert rows["transition"]["ndcg@10"] == 1.0
    assert rows["recurrent"]["ndcg@10"] > 0.9  # .55 by chance of six items
    assert max(rows["recurrent"]["validation_ndcg@10"][0]) > 0.9


@pytest.mark.parametrize("query_time", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_many_ranks_at_once_are_those_of_the_model_that_serves(name: str, query_time: bool) -> None:
    columns = cycles(users=5, length=8)
    reader = EventReader.fit(SHIPPED, columns)
    f = reader.columns(columns)
    met = np.array([True, True, False, True, True, True])
    sizes = SMALL.model_copy(update={"model": name}).sizes
    sizes = sizes.model_copy(update={"query_time": query_time})
    torch.manual_seed(1)
    net = NETS[name](6, 1, sizes)
    weights = {k: v.numpy() for k, v in net.state_dict().items()}
    at = np.flatnonzero(np.arange(len(columns)) >= 20)
    masked = [np.array([0, 2], np.intp)] * len(at)
    ranks = net_ranks(net, f, Asked(at, masked), met, query_time)
    full = expanded(weights, met)
    model = serve(name, sizes.model_dump(), full)
    for rank, target in zip(ranks.tolist(), at.tolist(), strict=True):
        state, now_s = model.start(), 0.0
        for n in np.flatnonzero((f.user == f.user[target]) & (np.arange(len(at) + 20) < target)):
            row, now_s = int(f.row[n]), float(f.time_s[n])
            if met[row]:
                event = EventFeatures(row, full[VECTORS][row], 1, float(f.weight[n]), 0.0, now_s)
                state, read_s = model.step(state, event), now_s
        read = model.read(state, float(f.time_s[target]) if query_time else read_s)
        scores = (full[VECTORS] @ read.directions.T).max(1) + full[BIASES]
        scores[~met] = -np.inf
        row = int(f.row[target])
        expected = mean_rank(scores, row, masked[0]) if met[row] else np.inf
        assert rank == expected


@pytest.mark.slow
def test_what_follows_the_last_positive_event_and_later_users_change_nothing() -> None:
    more = log(
        [[(u + p) % 6 for p in range(10)] + [u % 6] * 2 for u in range(16)],
        6,
        [[0] * 10 + [1] * 2 for _ in range(16)],
    )
    plain = replace(cycles(), types=["click", "dismiss"])
    assert evaluated(plain, "recurrent", "ease", "item_item") == {
        name: {**row, "train_events_per_s": pytest.approx(row["train_events_per_s"], rel=1e9)}
        if "train_events_per_s" in row
        else row
        for name, row in evaluated(more, "recurrent", "ease", "item_item").items()
    }


def test_an_unknown_row_is_refused_with_the_rows_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no row is named 'sasrec'.*recurrent"):
        evaluated(cycles(), "sasrec")


def test_a_log_without_a_user_of_three_events_is_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="no user has 3 positive events"):
        split_last(log([[0, 1], [1, 0]], 2), SHIPPED)
