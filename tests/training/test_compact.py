"""Rows of the table that is learned, and rows of the catalogue."""

import numpy as np

from penchant.features.reader import FeatureColumns
from penchant.interests.event_input import BIASES, VECTORS
from penchant.training.compact import compact_mask, compact_rows, compacted, expanded

MET = np.array([False, True, True, False, True])


def events(rows: list[int]) -> FeatureColumns:
    n = len(rows)
    zeros = np.zeros(n, np.float32)
    return FeatureColumns(
        np.zeros(n, np.int32), np.array(rows, np.int32), np.zeros(n, np.int64), zeros, zeros,
        np.arange(n, dtype=np.float64),
    )  # fmt: skip


def test_items_met_are_numbered_from_zero_and_all_others_share_the_last_row() -> None:
    assert compact_rows(events([1, 2, 4, 0, 3, -1]), MET).row.tolist() == [0, 1, 2, 3, 3, -1]
    assert compact_mask(MET).tolist() == [True, True, True, False]


def test_weights_return_to_the_rows_of_their_items() -> None:
    small = {
        VECTORS: np.arange(8, dtype=np.float32).reshape(4, 2),
        BIASES: np.array([5, 6, 7, 8], np.float32),
        "norm.weight": np.ones(2, np.float32),
    }
    full = expanded(small, MET)
    assert full[VECTORS].tolist() == [[0, 0], [0, 1], [2, 3], [0, 0], [4, 5]]
    assert full[BIASES].tolist() == [0, 5, 6, 0, 7]
    assert full["norm.weight"].tolist() == [1, 1]


def test_a_refresh_keeps_what_was_learned_and_begins_new_items_by_chance() -> None:
    full = expanded(
        {
            VECTORS: np.arange(8, dtype=np.float32).reshape(4, 2) + 10,
            BIASES: np.array([5, 6, 7, 8], np.float32),
        },
        MET,
    )
    more = MET | np.array([True, False, False, False, False])
    small = compacted(full, MET, more, np.random.default_rng(0))
    assert small[VECTORS].shape == (5, 2)
    assert small[VECTORS][1:4].tolist() == [[10, 11], [12, 13], [14, 15]]
    assert np.all(small[VECTORS][0] != 0)
    assert small[VECTORS][4].tolist() == [0, 0]
    assert small[BIASES].tolist() == [0, 5, 6, 7, 0]
