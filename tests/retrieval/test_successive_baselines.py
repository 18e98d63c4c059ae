"""Driven event by event over real data, the sources reproduce the reference figures."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from penchant.core.contracts import EventFeatures, Head, Reading
from penchant.core.ids import START
from penchant.core.taken import Taken, TakenItems
from penchant.retrieval.habit import Habit
from penchant.retrieval.transition import Transition, count_transitions
from penchant.retrieval.trending import Trending

WEEK_S = 7 * 86_400.0
BESIDE = Path(__file__).parents[3] / "shared" / "data"
EVENTS = Path(os.environ.get("PENCHANT_DATA", BESIDE)) / "ml-100k" / "events.parquet"


def gain(scores: np.ndarray, target: int, masked: list[int]) -> float:
    """1 / log2(rank + 1) within ten; ties share the mean rank; a masked target has none."""
    if target in masked:
        return 0.0
    scores[masked] = -np.inf
    higher = (scores > scores[target]).sum()
    rank = higher + ((scores == scores[target]).sum() - 1) / 2
    return float(1 / np.log2(rank + 2)) if rank < 10 else 0.0


@pytest.mark.slow
@pytest.mark.skipif(
    not EVENTS.exists(), reason="needs ml-100k, which may not be redistributed: set PENCHANT_DATA"
)
def test_ml_100k_gives_the_reference_ndcg_of_popular_habit_and_transition() -> None:
    events = pl.read_parquet(EVENTS).drop_nulls("timestamp")
    shuffle = pl.Series("shuffle", np.random.default_rng(7).random(len(events)))
    events = events.with_columns(shuffle).sort(["timestamp", "shuffle"])
    cut_s = events["timestamp"].quantile(0.9, "nearest")
    row = events["item_id"].rank("dense").to_numpy().astype(int) - 1
    user, time_s = events["user_id"].to_list(), events["timestamp"].to_numpy().astype(float)
    pre = time_s < cut_s
    n_items = int(row.max()) + 1
    codes = np.unique(np.array(user)[pre], return_inverse=True)[1]

    popular = Trending(WEEK_S, n_items)
    counts = count_transitions(codes, row[pre], np.ones(len(codes)), n_items)
    sources = {
        "popular": popular,
        "habit": Habit(popular),
        "transition": Transition(counts, popular),
    }
    gains: dict[str, list[float]] = {name: [] for name in sources}
    histories: dict[str, list[EventFeatures]] = {}
    taken: dict[str, dict[int, Taken]] = {}
    for who, item, now_s in zip(user, row.tolist(), time_s.tolist(), strict=True):
        history, own = histories.setdefault(who, []), taken.setdefault(who, {})
        if now_s >= cut_s and own:
            met = TakenItems(own)
            reading = Reading({}, history[-20:], met, frozenset(), now_s, Head(START, 0))
            for name, source in sources.items():
                gains[name].append(gain(source.score(reading, slice(None)), item, list(own)))
        event = EventFeatures(item, None, 1, 1.0, 0.0, now_s)
        popular.absorb(history, event)
        history.append(event)
        own[item] = Taken(own[item].times + 1 if item in own else 1.0, now_s)
    ndcg = {name: round(float(np.mean(values)), 3) for name, values in gains.items()}
    assert ndcg["popular"] == 0.033
    assert ndcg["transition"] == 0.069
    assert ndcg["habit"] == ndcg["popular"]  # taken items are masked: only the back-off is left
