"""The order of events: fold order, and ties of time that say nothing about before and after."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from penchant.core.events import EventColumns
from penchant.core.signals import Signal

TIES_SEED: Final = 7
"""Of the order given to events of one user at one instant, which have none."""


def fold_order(table: pl.DataFrame) -> pl.DataFrame:
    """`table` sorted by (time, user, place in the table)."""
    return table.sort("time_s", "user", maintain_order=True)


def explicit_order(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """`table` in the order that `column` gives to each user's events.

    The times of a user are sorted and handed out anew in that order, so that (time, place)
    agrees with it.
    """
    placed = table.sort("user", column, maintain_order=True)
    placed = placed.with_columns(pl.col("time_s").sort().over("user"))
    return fold_order(placed)


def out_of_order(table: pl.DataFrame) -> int:
    """How many rows stand in the file after a later event of the same user."""
    latest = pl.col("time_s").cum_max().over("user")
    return int(table.select((pl.col("time_s") < latest).sum()).item())


def unordered(columns: EventColumns, signals: Mapping[str, Signal]) -> EventColumns:
    """`columns` as training and evaluation read a log: ties shuffled, possible targets first."""
    speaks_for = frozenset(name for name, signal in signals.items() if signal.weight > 0)
    return shuffled_ties(columns, TIES_SEED, speaks_for)


def shuffled_ties(columns: EventColumns, seed: int, targets: frozenset[str]) -> EventColumns:
    """`columns` with the events of one user at one instant in a random order.

    Such events are a set: the order of the file would leak. Everybody else's places are left
    alone. Types in `targets` are dealt their chances first, so that their order is the same with
    and without events of other types. Not for data with an explicit order.
    """
    chance = np.random.default_rng(seed).random(len(columns))
    aside = np.array([name not in targets for name in columns.types], bool)[columns.type]
    dealt_to = np.argsort(aside, kind="stable")
    chance[dealt_to] = chance.copy()
    places = np.lexsort((np.arange(len(columns)), columns.user, columns.time_s))
    dealt = np.lexsort((chance, columns.user, columns.time_s))
    which = np.empty(len(columns), dtype=np.intp)
    which[places] = dealt
    return columns.take(which)
