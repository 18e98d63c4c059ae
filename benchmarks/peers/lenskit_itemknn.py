"""LensKit's item-item neighbours; each target is scored from its user's prefix as the query.

PYTHONPATH=../../src python lenskit_itemknn.py SPLIT OUT
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from grid import Fit, Settings, searched
from history import TEST, Score, Split, ranked, write
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import ItemKNNScorer
from numpy.typing import NDArray

GRID: list[Settings] = [
    {"max_nbrs": most, "save_nbrs": kept, "feedback": "implicit"}
    for most in (5, 20, 100)
    for kept in (100, 1000)
]
"""Neighbours that count, and neighbours that are kept, around the library's own 20."""


def scorer(model: ItemKNNScorer, split: Split, known: NDArray[np.intp]) -> Score:
    """Each prefix as a query over all items that were met; -inf where no neighbour speaks.

    Items that training did not meet leave the query: 2025.8 panics on them with implicit feedback.
    """
    items = ItemList(item_ids=known)

    def score(targets: NDArray[np.intp]) -> NDArray[np.float32]:
        scores = np.full((len(targets), split.n_items), -np.inf, np.float32)
        for row, number in enumerate(targets):
            history = np.intersect1d(split.item[split.prefix(int(number))], known)
            if len(history):
                query = RecQuery(user_items=ItemList(item_ids=history))
                found = np.asarray(model(query, items).scores(), np.float32)
                scores[row, known] = np.where(np.isnan(found), -np.inf, found)
        return scores

    return score


def main() -> None:
    """Search the grid, fit, rank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="names the run: nothing here is drawn")
    given = parser.parse_args()
    split = Split.read(given.split)

    def fit(last: int, settings: Settings) -> Fit:
        places = split.learnable(last)
        table = pd.DataFrame({"user_id": split.user[places], "item_id": split.item[places]})
        data = from_interactions_df(table.drop_duplicates())
        model = ItemKNNScorer(**settings)
        begun = time.perf_counter()
        model.train(data)
        took = time.perf_counter() - begun
        return Fit(scorer(model, split, np.unique(split.item[places])), [took])

    score, training, chosen = searched(split, GRID, fit)
    told = {
        "peer": "LensKit",
        "model": "ItemKNN",
        "seed": given.seed,
        "settings": {**chosen, "grid": len(GRID)},
        "packages": ["lenskit", "numpy", "pandas"],
    }
    write(given.out, split, ranked(split, split.chosen(TEST), score), training, told)


if __name__ == "__main__":
    main()
