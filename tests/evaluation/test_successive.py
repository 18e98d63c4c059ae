"""The headline protocol: what is a target, what may be known of it, and how it is ranked."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from penchant.core.errors import ConfigError, NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED
from penchant.engine.learned import Learned
from penchant.engine.replay import cut_at
from penchant.evaluation.successive import SuccessiveConfig, evaluate_successive, run_successive
from penchant.ingest.datasets import open_dataset
from penchant.training.config import RecurrentConfig, ScheduleConfig
from penchant.training.fit import TrainingConfig, fit

SMALL = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=16, layers=1),
    schedule=ScheduleConfig(epochs=1),
)
WEEK_S = 7 * 86_400


def stream(events: int = 900, users: int = 30, items: int = 40, seed: int = 0) -> EventColumns:
    """Users who walk through the items in steps of one or two, some events at one instant."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, users, events)
    at = rng.integers(0, items, users)
    row = np.zeros(events, np.int32)
    for n, who in enumerate(user):
        at[who] = (at[who] + rng.integers(1, 3)) % items
        row[n] = at[who]
    return EventColumns(
        user.astype(np.int32),
        row,
        np.zeros(events, np.int16),
        np.full(events, np.nan, np.float32),
        np.floor(np.arange(events) / 1.5) * 3600.0,
        [UserId(f"u{n}") for n in range(users)],
        [ItemId(f"i{n}") for n in range(items)],
        ["view"],
    )


def catalogue(columns: EventColumns) -> list[Item]:
    return [Item(item, title=f"Film {item}") for item in columns.items]


def learn(columns: EventColumns, repeats: bool) -> tuple[Learned, float]:
    cut = cut_at(columns.time_s)
    before = columns.take(columns.time_s < cut)
    return fit(before, catalogue(columns), SHIPPED, SMALL, 0, repeats), cut


def test_every_later_event_of_a_known_user_is_a_target_and_no_other() -> None:
    columns = stream()
    learned, cut = learn(columns, repeats=True)
    run = run_successive(learned, columns, cut, SHIPPED, SuccessiveConfig(), SMALL, 0)
    met: set[int] = set()
    expected = []
    for user, time_s in zip(columns.user, columns.time_s, strict=True):
        if time_s >= cut and int(user) in met:
            expected.append(int(user))
        met.add(int(user))
    assert run.users.tolist() == expected


def test_negative_events_move_states_but_are_no_targets() -> None:
    columns = stream()
    types = np.zeros(len(columns), np.int16)
    types[::10] = 1
    signed = replace(columns, type=types, types=["view", "dismiss"])
    learned, cut = learn(signed, repeats=True)
    run = run_successive(learned, signed, cut, SHIPPED, SuccessiveConfig(), SMALL, 0)
    later = (signed.time_s >= cut) & (types == 0)
    assert len(run.users) == int(later.sum())


@pytest.mark.parametrize("variant", ["frozen", "state"])
def test_what_happens_after_a_target_cannot_change_its_rank(variant: str) -> None:
    columns = stream()
    learned, cut = learn(columns, repeats=True)
    middle = int(np.flatnonzero(columns.time_s >= cut)[40])
    other = columns.row.copy()
    other[middle:] = (other[middle:] + 7) % len(columns.items)
    changed = replace(columns, row=other)
    one = SuccessiveConfig(windows=1)
    as_was = run_successive(learned, columns, cut, SHIPPED, one, SMALL, 0)
    as_is = run_successive(learned, changed, cut, SHIPPED, one, SMALL, 0)
    known = int((columns.time_s[:middle] >= cut).sum())
    for (model, kind), ranks in as_was.ranks.items():
        if kind == variant:
            assert ranks[:known].tolist() == as_is.ranks[model, kind][:known].tolist(), model


def test_a_state_that_moves_differs_from_one_frozen_at_the_cut() -> None:
    columns = stream()
    learned, cut = learn(columns, repeats=True)
    run = run_successive(learned, columns, cut, SHIPPED, SuccessiveConfig(), SMALL, 0)
    assert not np.array_equal(run.ranks["transition", "state"], run.ranks["transition", "frozen"])
    assert np.array_equal(run.ranks["habit", "state"], run.ranks["habit", "frozen"])
    assert np.array_equal(run.ranks["popular", "state"], run.ranks["popular", "frozen"])


def test_online_is_state_until_the_first_refresh() -> None:
    columns = stream()
    learned, cut = learn(columns, repeats=True)
    run = run_successive(learned, columns, cut, SHIPPED, SuccessiveConfig(windows=2), SMALL, 0)
    half = len(run.users) // 2
    state, online = run.ranks["recurrent", "state"], run.ranks["recurrent", "online"]
    assert state[:half].tolist() == online[:half].tolist()
    assert state[half:].tolist() != online[half:].tolist()


def test_a_taken_target_ranks_last_when_repeats_are_dropped() -> None:
    columns = stream()
    learned, cut = learn(columns, repeats=False)
    run = run_successive(learned, columns, cut, SHIPPED, SuccessiveConfig(), SMALL, 0)
    taken: dict[int, set[int]] = defaultdict(set)
    place = 0
    for n in range(len(columns)):
        user, row = int(columns.user[n]), int(columns.row[n])
        if columns.time_s[n] >= cut and taken[user]:
            assert (run.ranks["popular", "state"][place] == np.inf) == (row in taken[user])
            place += 1
        taken[user].add(row)
    assert place == len(run.users)


def trending(columns: EventColumns, k: int) -> np.ndarray:
    """Weight per item of the week that ends just before event k, straight from the definition."""
    recent = np.zeros(len(columns.items))
    now = columns.time_s[k]
    for j in np.flatnonzero(columns.time_s[:k] >= now - WEEK_S):
        recent[columns.row[j]] += SHIPPED[columns.types[columns.type[j]]].weight
    return recent


def mean_rank(scores: np.ndarray, row: int, masked: list[int]) -> float:
    if row in masked:
        return float("inf")
    s = scores.astype(np.float32)
    rivals = np.delete(s, masked)
    return float((rivals > s[row]).sum() + ((rivals == s[row]).sum() - 1) / 2)


def reference(columns: EventColumns, cut: float, keep: bool) -> dict[str, list[float]]:
    """Popular, habit and transition in plain Python, straight from their definitions."""
    ranks: dict[str, list[float]] = {"popular": [], "habit": [], "transition": []}
    follow: dict[int, Counter[int]] = defaultdict(Counter)
    own: dict[int, Counter[int]] = defaultdict(Counter)
    last: dict[int, int] = {}
    for k in range(len(columns)):
        user, row = int(columns.user[k]), int(columns.row[k])
        if columns.time_s[k] >= cut and own[user]:
            recent = trending(columns, k)
            scores = {"popular": recent}
            for name, counts in (("habit", own[user]), ("transition", follow[last[user]])):
                scores[name] = 1e-3 * recent / (recent.max() + 1)
                for item, times in counts.items():
                    scores[name][item] += times
            for name, s in scores.items():
                ranks[name].append(mean_rank(s, row, [] if keep else list(own[user])))
        elif user in last and columns.time_s[k] < cut:
            follow[last[user]][row] += 1
        own[user][row] += 1
        last[user] = row
    return ranks


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
def test_baselines_rank_as_their_definitions_say_on_real_events(keep: bool) -> None:
    columns = open_dataset("movietweetings").columns
    users = np.flatnonzero(np.bincount(columns.user) >= 60)[:25]
    columns = columns.take(np.isin(columns.user, users))
    learned, cut = learn(columns, repeats=keep)
    run = run_successive(learned, columns, cut, SHIPPED, SuccessiveConfig(windows=1), SMALL, 0)
    for name, expected in reference(columns, cut, keep).items():
        assert run.ranks[name, "state"] == pytest.approx(expected), name


def test_the_report_has_every_row_in_every_variant_and_subset() -> None:
    columns = stream()
    report = evaluate_successive(
        "walks", columns, catalogue(columns), SHIPPED, SuccessiveConfig(), SMALL, [0, 1]
    )
    rows = {(row["model"], row["variant"], row["subset"]) for row in report["rows"]}
    for model in (
        "transition",
        "item_item",
        "ease",
        "ease_recent",
        "topic_average",
        "recurrent",
        "engine",
    ):
        for variant in ("frozen", "state", "online"):
            assert (model, variant, "all") in rows
            assert (model, variant, "first_of_group") in rows
    assert {
        ("popular", "state", "all"),
        ("habit", "state", "all"),
        ("slate", "state", "all"),
    } <= rows
    assert report["seeds"] == [0, 1]
    for row in report["rows"]:
        assert row["ci95"][0] <= row["ndcg@10"] <= row["ci95"][1]
        assert row["ndcg@10"] == pytest.approx(np.mean(row["by_seed"]), abs=2e-5)


def test_the_same_seed_gives_the_same_report() -> None:
    columns = stream(600)
    once, again = (
        evaluate_successive(
            "walks", columns, catalogue(columns), SHIPPED, SuccessiveConfig(windows=2), SMALL, [3]
        )["rows"]
        for _ in range(2)
    )
    assert once == again


def test_an_unknown_row_is_refused_with_the_rows_there_are() -> None:
    columns = stream(600)
    with pytest.raises(ConfigError, match=r"no row is named 'sasrec'.*recurrent"):
        evaluate_successive(
            "walks",
            columns,
            catalogue(columns),
            SHIPPED,
            SuccessiveConfig(),
            SMALL,
            [0],
            models=frozenset({"sasrec"}),
        )


def test_too_little_data_is_refused_with_numbers() -> None:
    columns = stream(60)
    with pytest.raises(NotEnoughDataError, match="positive events follow another"):
        evaluate_successive(
            "walks", columns, catalogue(columns), SHIPPED, SuccessiveConfig(), SMALL, [0]
        )
