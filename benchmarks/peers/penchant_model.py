"""Penchant's own sequence models on a split, epoch by epoch beside the peers: curves, no ranking.

    PYTHONPATH=../../src python penchant_model.py SPLIT OUT --model transformer --turn TURN

What they reach on the targets that test is what `penchant evaluate` reports on the same cut.
"""

import argparse
import json

import numpy as np
from history import TRAIN, VALID, Split, Training, Turn, options, write_run
from numpy.typing import NDArray

from penchant.features.reader import FeatureColumns
from penchant.training.compact import compact_mask, compact_rows
from penchant.training.config import ScheduleConfig, TrainingConfig
from penchant.training.following import Task
from penchant.training.sequence import Progress, train_sequence
from penchant.training.streams import histories
from penchant.training.validation import Held


def features(split: Split, last: int) -> FeatureColumns:
    """The positive events of the parts up to `last`; all are of one type and weigh alike."""
    places = split.learnable(last)
    ones = np.ones(len(places), np.float32)
    return FeatureColumns(
        split.user[places],
        split.item[places],
        np.ones(len(places), np.int64),
        ones,
        0 * ones,
        split.time_s[places],
    )


def held_of(split: Split, met: NDArray[np.bool_]) -> Held:
    """The targets that validate, each after all that its user did before."""
    chosen = split.chosen(VALID)
    begins = np.searchsorted(split.user, split.target["user"][chosen])
    late = np.zeros(len(split.user), bool)
    late[begins + split.target["place"][chosen]] = True
    known = compact_rows(features(split, VALID), met)
    repeats = split.facts["repeats"] == "keep"
    held = Held.make(known, late[split.learnable(VALID)], compact_mask(met), repeats)
    if len(held.target) + held.missed != len(chosen):
        raise ValueError(f"{len(held.target)} + {held.missed} targets of {len(chosen)}")
    return held


def trained(split: Split, given: argparse.Namespace, turn: Turn) -> Training:
    """Learn from the earliest events until those that validate stop improving."""
    early = features(split, TRAIN)
    met = np.zeros(split.n_items, bool)
    met[early.row] = True
    known = histories(compact_rows(early, met), ordered=True)
    chosen = TrainingConfig(model=given.model).sizes
    changed = {"query_time": False, **given.sizes}
    if given.model == "transformer":
        changed["window"] = given.length
    sizes = chosen.model_copy(update=changed)
    schedule = ScheduleConfig(epochs=given.epochs, patience=given.patience)
    items, held = int(met.sum()) + 1, held_of(split, met)
    task = Task(known, items, 1, given.model, sizes, schedule, given.seed, held)
    told: list[Progress] = []
    seconds: list[float] = []

    def next_turn(epoch: int, figure: float) -> bool:
        ended = told.pop()  # the pass that was just judged
        told.clear()
        seconds.append(ended.total / ended.events_per_s)
        print(f"epoch {epoch}: ndcg@10 {figure:.4f}, {seconds[-1]:.1f} s", flush=True)
        turn.pass_on()
        return True

    with turn:
        run = train_sequence(task, watch=told.append, go_on=next_turn)
    stopped = "epochs" if len(run.ndcgs) == given.epochs else "patience"
    learnt = len(known.events.row) - len(known.lengths)
    return Training(learnt, seconds, run.ndcgs, run.epochs, stopped, refitted=False)


def main() -> None:
    """Train and write the curve."""
    parser = options(__doc__, ("transformer", "recurrent"))
    parser.add_argument("--sizes", type=json.loads, default={}, help="other sizes, as JSON")
    parser.set_defaults(epochs=16, patience=4)
    given = parser.parse_args()
    split = Split.read(given.split)
    training = trained(split, given, Turn(given.turn))
    told = {
        "peer": "Penchant",
        "model": given.model,
        "seed": given.seed,
        "settings": {
            "length": given.length,
            "epochs": given.epochs,
            "patience": given.patience,
            **given.sizes,
        },
        "packages": ["penchant", "torch", "numpy"],
    }
    write_run(given.out, split, training, told)


if __name__ == "__main__":
    main()
