"""What a run folder holds when training is over."""

import csv
import json
import math
from pathlib import Path

from penchant.training.run_folder import RunFolder
from penchant.training.sequence import Progress


def at(epoch: int, done: int, loss: float, ndcg: float) -> Progress:
    return Progress("train", epoch, 2, done, 100, loss, ndcg, 1234.4, 0.0, "cpu")


def test_settings_every_point_and_the_card_are_kept_and_drawn(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run", {"seed": 3}) as run:
        run.watch(at(1, 50, 7.0, math.nan))
        run.watch(at(1, 100, 6.0, math.nan))
        run.watch(at(2, 100, 5.5, 0.125))
        run.end({"passes": 2})
    folder = tmp_path / "run"
    assert json.loads((folder / "config.json").read_text()) == {"seed": 3}
    assert json.loads((folder / "card.json").read_text()) == {"passes": 2}
    lines = list(csv.DictReader((folder / "curves.csv").read_text().splitlines()))
    assert [(line["epoch"], line["share"], line["loss"]) for line in lines] == [
        ("1", "0.5", "7.0"),
        ("1", "1.0", "6.0"),
        ("2", "1.0", "5.5"),
    ]
    assert lines[-1]["ndcg@10"] == "0.125"
    assert (folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    (events,) = (folder / "tensorboard").iterdir()
    assert b"train/loss" in events.read_bytes()


def test_what_was_seen_of_a_run_that_broke_off_is_kept(tmp_path: Path) -> None:
    try:
        with RunFolder(tmp_path, {}) as run:
            run.watch(at(1, 50, 7.0, math.nan))
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 2
    assert (tmp_path / "curves.png").exists()
    assert not (tmp_path / "card.json").exists()


def test_a_run_that_goes_on_keeps_its_curves_but_for_what_is_trained_again(tmp_path: Path) -> None:
    with RunFolder(tmp_path, {}) as run:
        run.watch(at(1, 50, 7.0, math.nan))
        run.watch(at(1, 100, 6.0, 0.1))
        run.watch(at(2, 50, 5.8, 0.1))  # cut off: the checkpoint is after pass 1
    with (tmp_path / "curves.csv").open("a") as file:
        file.write("train,2,0.")  # in the middle of a line
    with RunFolder(tmp_path, {}, resume=True) as run:
        assert len((tmp_path / "curves.csv").read_text().splitlines()) == 4
        run.watch(at(2, 40, 5.9, 0.1))
        run.watch(at(2, 100, 5.5, 0.125))
    lines = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    told = [(int(line["epoch"]), float(line["share"]), float(line["loss"])) for line in lines]
    assert told == [(1, 0.5, 7.0), (1, 1.0, 6.0), (2, 0.4, 5.9), (2, 1.0, 5.5)]
    with RunFolder(tmp_path, {}) as run:  # begun anew
        run.watch(at(1, 100, 6.5, math.nan))
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 2
