"""Peers are asked what the package asks itself: the same targets, filter, history and measures."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from penchant.core.contracts import EventFeatures, Reading
from penchant.core.events import EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED
from penchant.core.taken import TakenItems
from penchant.engine.stages import Live
from penchant.engine.user_now import NOWHERE
from penchant.evaluation.successive import SuccessiveConfig, evaluate_successive
from penchant.retrieval.transition import Transition, count_transitions
from penchant.training.config import RecurrentConfig, ScheduleConfig, TrainingConfig

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
SMALL = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=16, layers=1),
    schedule=ScheduleConfig(epochs=1),
)
ONCE = SuccessiveConfig(windows=1)


def module(name: str) -> ModuleType:
    """A script beside the package, which its environment finds in its own folder."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, PEERS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def log(events: int = 700, users: int = 25, items: int = 30) -> EventColumns:
    """Users who walk through the items; ties of time, repeats, dismissals, events without item."""
    rng = np.random.default_rng(3)
    user = rng.integers(0, users, events).astype(np.int32)
    at = rng.integers(0, items, users)
    row = np.zeros(events, np.int32)
    for n, who in enumerate(user):
        at[who] = (at[who] + rng.integers(1, 3)) % items
        row[n] = at[who]
    kind = (rng.random(events) < 0.1).astype(np.int16)
    search = rng.random(events) < 0.05
    row[search], kind[search] = -1, 2
    return EventColumns(
        user,
        row,
        kind,
        np.full(events, np.nan, np.float32),
        np.floor(np.arange(events) / 3) * 3600.0,
        [UserId(f"u{n}") for n in range(users)],
        [ItemId(f"i{n}") for n in range(items)],
        ["view", "dismiss", "search"],
    )


def written(folder: Path, columns: EventColumns, protocol: str, repeats: str) -> Any:
    splitting, history = module("split"), module("history")
    if protocol == "successive":
        split = splitting.successive(columns, SHIPPED, ONCE, SMALL)
    else:
        split = splitting.leave_one_out(columns, SHIPPED)
    facts = {"data": "log", "protocol": protocol, "order": None, "repeats": repeats, "times": True}
    splitting.write(folder, columns, SHIPPED, split, facts)
    return history.Split.read(folder)


def transition_of(split: Any, columns: EventColumns) -> Any:
    """The package's own transition source, asked through what a peer is given."""
    history = module("history")
    known = split.learnable(history.VALID)
    counts = count_transitions(
        split.user[known], split.item[known], np.ones(len(known)), split.n_items
    )
    live = Live(split.n_items)
    source = Transition(counts, live.popular)
    weights = np.array([SHIPPED[name].weight for name in columns.types])[columns.type]
    moved = 0

    def score(targets: np.ndarray) -> np.ndarray:
        nonlocal moved
        rows = []
        for number in targets:
            while moved < split.target["at"][number]:
                row, weight = int(columns.row[moved]), float(weights[moved])
                live.popular.absorb((), feature(row, weight, float(columns.time_s[moved])))
                moved += 1
            now = float(split.target["time_s"][number])
            last = split.prefix(int(number), last=1)
            recent = [feature(int(split.item[at]), 1.0, float(split.time_s[at])) for at in last]
            reading = Reading({}, recent, TakenItems(), frozenset(), now, NOWHERE)
            rows.append(source.score(reading, slice(None)))
        return np.array(rows, np.float32)

    return score


def feature(row: int, weight: float, time_s: float) -> EventFeatures:
    return EventFeatures(row, None, 1, weight, 0.0, time_s)


def run_of(split: Any, folder: Path, score: Any) -> dict[str, Any]:
    """A run as a peer writes it, read back."""
    history = module("history")
    ranks = history.ranked(split, split.chosen(history.TEST), score, chunk=16)
    training = history.Training(10, [2.0], [0.1], 1, "epochs", False)
    told = {"peer": "own", "model": "transition", "seed": 0, "settings": {}, "packages": ["numpy"]}
    history.write(folder, split, ranks, training, told)
    return json.loads((folder / "run.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("repeats", ["keep", "drop"])
def test_judging_our_own_transition_over_the_split_gives_what_evaluate_reports(
    repeats: str, tmp_path: Path
) -> None:
    columns = log()
    split = written(tmp_path / "split", columns, "successive", repeats)
    run_of(split, tmp_path / "run", transition_of(split, columns))
    judged = module("judge").read_run(tmp_path / "run", tmp_path)
    items = [Item(item) for item in columns.items]
    reported = evaluate_successive(
        "log", columns, items, SHIPPED, ONCE, SMALL, [0], repeats == "keep"
    )
    rows = [
        row for row in reported["rows"] if (row["model"], row["variant"]) == ("transition", "state")
    ]
    names = ("subset", "ndcg@10", "hr@10", "ci95")
    assert [[row[n] for n in names] for row in judged] == [[row[n] for n in names] for row in rows]
    beside = list(module("judge").ours(reported, judged))
    assert [(row["model"], row["subset"]) for row in beside][:2] == [
        ("transition", "all"),
        ("transition", "first_of_group"),
    ]
    assert list(module("judge").ours({**reported, "cut": 0.0}, judged)) == []
    assert split.facts["cut"] == reported["cut"]
    assert judged[0]["targets"] == reported["events"]
    assert judged[1]["targets"] == reported["first_of_group"]


def test_leave_one_out_tests_the_last_event_and_shows_all_before_it(tmp_path: Path) -> None:
    columns = log()
    split = written(tmp_path, columns, "leave-one-out", "drop")
    history = module("history")
    liked = (columns.type == 0) & (columns.row >= 0)
    for user in np.unique(columns.user[liked]):
        own = columns.row[liked & (columns.user == user)].tolist()
        of_user = np.flatnonzero(split.target["user"] == user)
        valid, test = sorted(of_user, key=lambda n: split.target["part"][n])
        assert [split.target["item"][n] for n in (valid, test)] == own[-2:]
        assert split.item[split.prefix(test)].tolist() == own[:-1]
        assert split.item[split.prefix(valid)].tolist() == own[:-2]
        learned = split.learnable(history.TRAIN)
        assert split.item[learned[split.user[learned] == user]].tolist() == own[:-2]


def test_what_is_learned_from_ends_before_what_validates_and_that_before_the_cut(
    tmp_path: Path,
) -> None:
    split = written(tmp_path, log(), "successive", "keep")
    history = module("history")
    train, valid = (split.time_s[split.part == part] for part in (history.TRAIN, history.VALID))
    assert train.max() < split.facts["held"] == valid.min()
    assert valid.max() < split.facts["cut"] == split.time_s[split.part == history.TEST].min()
    assert (split.target["time_s"][split.chosen(history.VALID)] < split.facts["cut"]).all()


def test_a_run_whose_ranks_flatter_it_is_refused(tmp_path: Path) -> None:
    columns = log()
    split = written(tmp_path / "split", columns, "successive", "drop")
    run_of(split, tmp_path / "run", transition_of(split, columns))
    ranks = pl.read_parquet(tmp_path / "run" / "ranks.parquet")
    judge = module("judge")
    first = pl.when(pl.col("rank").is_finite()).then(0.0).otherwise(pl.col("rank"))
    better = ranks.with_columns(first.alias("rank"))
    better.write_parquet(tmp_path / "run" / "ranks.parquet")
    with pytest.raises(judge.RunError, match=r"has rank 0\.0 but"):
        judge.read_run(tmp_path / "run", tmp_path)


def test_a_run_on_another_split_is_refused(tmp_path: Path) -> None:
    columns = log()
    split = written(tmp_path / "split", columns, "successive", "drop")
    run_of(split, tmp_path / "run", transition_of(split, columns))
    written(tmp_path / "split", columns, "successive", "keep")
    other = written(tmp_path / "split", log(events=600), "successive", "drop")
    assert other.facts["digest"] != split.facts["digest"]
    with pytest.raises(module("judge").RunError, match="which is not in"):
        module("judge").read_run(tmp_path / "run", tmp_path)


def test_training_stops_after_patience_and_keeps_the_best_epoch() -> None:
    best = module("history").Best(2, epochs=9, limit_s=1e9, turn=module("history").Turn(None))
    figures = [0.1, 0.3, 0.2, 0.25]
    stops = [best.saw(f, 1.0, lambda f=f: f) for f in figures]
    assert (stops, best.epoch, best.kept) == ([False, False, False, True], 2, 0.3)
    assert best.stopped == "patience"


def test_ours_beside_a_peer_is_the_difference_target_by_target(tmp_path: Path) -> None:
    split = written(tmp_path / "split", log(), "successive", "keep")
    test = split.chosen(module("history").TEST)
    rank, better = np.arange(len(test)) % 4 * 1.0, np.arange(len(test)) % 2 * 1.0
    targets = {"at": split.target["at"][test], "item": split.target["item"][test]}
    ours = pl.DataFrame({**targets, "rank_0": better, "rank_1": rank})
    found = module("paired").paired(pl.DataFrame({"rank": rank}), ours, split)
    gain = 1 / np.log2(2 + better) - 1 / np.log2(2 + rank)
    assert found.mean == pytest.approx(gain.mean() / 2)
    assert found.low < found.mean < found.high
    with pytest.raises(module("judge").RunError, match="other targets"):
        module("paired").paired(pl.DataFrame({"rank": rank}), ours.reverse(), split)
