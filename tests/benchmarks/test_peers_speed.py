"""Speed is compared at the same quality, on the same targets, one epoch of each in turn."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.benchmarks.test_peers_split import log, module, written

from penchant.training.compact import compact_mask


def run(seconds: list[float], valid: list[float], split: str = "s") -> dict[str, Any]:
    training = {
        "epoch_s": seconds,
        "valid_ndcg@10": valid,
        "events_per_epoch": 100,
        "stopped": "patience",
    }
    return {"peer": "P", "model": "m", "split": split, "training": training}


def test_time_counts_until_a_model_is_within_three_per_cent_of_the_peers_best() -> None:
    ours, peer = run([1, 1, 1], [0.10, 0.20, 0.25]), run([4, 6, 4], [0.05, 0.195, 0.2])
    own, theirs = module("speed").compared(ours, [peer])
    assert (own["time_ratio"], own["events_per_s_ratio"]) == (1.0, 1.0)
    assert theirs["events_per_s"] == 25
    assert theirs["events_per_s_ratio"] == 4.0
    assert (theirs["seconds_to_about_its_best"], theirs["ours_to_the_same"]) == (10.0, 2.0)
    assert theirs["time_ratio"] == 5.0


def test_a_level_that_ours_never_reaches_has_no_ratio() -> None:
    (_, theirs) = module("speed").compared(run([1], [0.1]), [run([2], [0.2])])
    assert theirs["ours_to_the_same"] is None
    assert theirs["time_ratio"] is None


def test_runs_on_another_split_are_not_compared() -> None:
    with pytest.raises(SystemExit, match="split t, not s"):
        module("speed").compared(run([1], [0.1]), [run([2], [0.2], "t")])


def test_two_runs_have_their_epochs_in_turn(tmp_path: Path) -> None:
    turn, told = module("history").Turn, []
    begun = threading.Barrier(2)

    def epochs(name: str) -> None:
        begun.wait()
        with turn(tmp_path / "turn", pause_s=0.2) as own:
            for _ in range(3):
                told.append(name)
                time.sleep(0.6)
                own.pass_on()

    others = [threading.Thread(target=epochs, args=(name,)) for name in "ab"]
    for each in others:
        each.start()
    for each in others:
        each.join(20)
    assert sorted("".join(told)) == sorted("ababab")
    assert "".join(told)[:4] in ("abab", "baba")


@pytest.mark.parametrize("protocol", ["successive", "leave-one-out"])
def test_our_model_validates_on_the_targets_and_histories_of_the_split(
    protocol: str, tmp_path: Path
) -> None:
    split = written(tmp_path, log(), protocol, "keep")
    met = np.zeros(split.n_items, bool)
    met[split.item[split.learnable(module("history").TRAIN)]] = True
    held = module("penchant_model").held_of(split, met)
    rows = np.flatnonzero(compact_mask(met))
    names = np.flatnonzero(met)[rows]
    begins = np.repeat(held.events.begins, held.events.lengths)
    asked = sorted(
        (
            int(held.events.events.user[at]),
            names[held.events.events.row[begins[at] : at + 1]].tolist(),
        )
        for at in held.target
    )
    chosen = split.chosen(module("history").VALID)
    wanted = sorted(
        (
            int(split.target["user"][n]),
            [*split.item[split.prefix(int(n))].tolist(), int(split.target["item"][n])],
        )
        for n in chosen
        if met[split.target["item"][n]]
    )
    assert len(asked) + held.missed == len(chosen)
    assert asked == [(user, [item for item in items if met[item]]) for user, items in wanted]


def test_targets_that_our_model_would_not_count_are_refused(tmp_path: Path) -> None:
    split = written(tmp_path, log(), "leave-one-out", "drop")
    with pytest.raises(ValueError, match="targets of 25"):
        module("penchant_model").held_of(split, np.ones(split.n_items, bool))
