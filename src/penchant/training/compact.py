"""Items met in training get a row of the table that is learned; one row stands for the rest."""

from collections.abc import Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.contracts import Mask
from penchant.features.reader import FeatureColumns
from penchant.interests.event_input import BIASES, COUNTS, VECTORS

ITEM_TABLES = (VECTORS, BIASES, COUNTS)
"""Weights with one row per item, where a model has them."""

Weights = dict[str, NDArray[np.float32]]


def compact_rows(f: FeatureColumns, met: Mask) -> FeatureColumns:
    """The same events with rows 0..M-1 for the M items met, M for any other, -1 for none."""
    places = np.full(len(met) + 1, int(met.sum()), np.int32)
    places[:-1][met] = np.arange(int(met.sum()))
    places[-1] = -1  # row -1: an event without an item
    return f._replace(row=places[f.row])


def compact_mask(met: Mask) -> Mask:
    """(M + 1,) what the compact rows have a vector for: all but the last."""
    return np.arange(int(met.sum()) + 1) < int(met.sum())


def expanded(weights: Mapping[str, NDArray[np.float32]], met: Mask) -> Weights:
    """Compact weights as rows of the catalogue; zeros where an item was not met."""
    full = dict(weights)
    for name in filter(weights.__contains__, ITEM_TABLES):
        rows = weights[name]
        full[name] = np.zeros((len(met), *rows.shape[1:]), np.float32)
        full[name][met] = rows[: int(met.sum())]
    return full


def compacted(
    weights: Mapping[str, NDArray[np.float32]], had: Mask, met: Mask, rng: Generator
) -> Weights:
    """Back again, for a catalogue of which more has been `met`; new items begin by chance."""
    small = dict(weights)
    table = weights[VECTORS]
    begun = rng.normal(0.0, table.shape[1] ** -0.5, table.shape).astype(np.float32)
    begun[: len(had)][had] = table[had]
    spare = np.zeros((1, table.shape[1]), np.float32)
    small[VECTORS] = np.concatenate([begun[met], spare])
    for name in filter(weights.__contains__, (BIASES, COUNTS)):
        small[name] = np.concatenate([weights[name][met], spare[0, :1]])
    return small
