"""implicit's ALS; each target's user is folded in from their prefix, with item factors frozen.

PYTHONPATH=../../src python implicit_als.py SPLIT OUT
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from grid import Fit, Settings, searched
from history import TEST, Score, Split, ranked, write
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse

GRID: list[Settings] = [
    {"factors": factors, "regularization": penalty, "alpha": alpha, "iterations": 15}
    for factors, penalty, alpha in itertools.product((32, 64, 128), (0.01, 1.0, 10.0), (1.0, 5.0))
]
"""Sizes as those of the sequence models, and penalties and weights around the library's own."""


def taken(
    split: Split, rows: NDArray[np.intp], places: NDArray[np.intp], n: int
) -> sparse.csr_matrix:
    """How often each of `n` rows took each item, as float32."""
    ones = np.ones(len(places), np.float32)
    return sparse.csr_matrix((ones, (rows, split.item[places])), shape=(n, split.n_items))


def scorer(model: AlternatingLeastSquares, split: Split, known: NDArray[np.bool_]) -> Score:
    """Factors of each prefix, by the solver that fits users, against all item factors."""

    def score(targets: NDArray[np.intp]) -> NDArray[np.float32]:
        prefixes = [split.prefix(int(number)) for number in targets]
        rows = np.repeat(np.arange(len(targets)), [len(places) for places in prefixes])
        histories = taken(split, rows, np.concatenate(prefixes), len(targets))
        users = model.recalculate_user(np.arange(len(targets)), histories)
        scores = users @ model.item_factors.T
        scores[:, ~known] = -np.inf
        return np.asarray(scores, np.float32)

    return score


def main() -> None:
    """Search the grid, fit, rank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    split = Split.read(given.split)

    def fit(last: int, settings: Settings) -> Fit:
        places = split.learnable(last)
        users, rows = np.unique(split.user[places], return_inverse=True)
        known = np.bincount(split.item[places], minlength=split.n_items) > 0
        model = AlternatingLeastSquares(**settings, random_state=given.seed)
        seconds: list[float] = []
        model.fit(
            taken(split, rows, places, len(users)),
            show_progress=False,
            callback=lambda *told: seconds.append(told[1]),  # iteration, seconds, loss
        )
        return Fit(scorer(model, split, known), seconds)

    score, training, chosen = searched(split, GRID, fit)
    told = {
        "peer": "implicit",
        "model": "ALS",
        "seed": given.seed,
        "settings": {**chosen, "grid": len(GRID)},
        "packages": ["implicit", "numpy", "scipy"],
    }
    write(given.out, split, ranked(split, split.chosen(TEST), score), training, told)


if __name__ == "__main__":
    main()
