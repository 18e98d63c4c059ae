"""Missing values filled in from what a training window knows, and nothing later."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

Filling = Literal["mean", "median", "mode", "interpolate"]


@dataclass(frozen=True)
class Filler:
    """What the training window knows of values."""

    by_type: Mapping[str, float]
    """One value per event type."""
    known: pl.DataFrame | None = None
    """user, type, time_s, value of the window, for interpolation between a user's own."""

    def filled(self, table: pl.DataFrame) -> pl.DataFrame:
        """`table` with a value wherever the window knows one."""
        value = pl.col("value")
        if self.known is not None:
            table = table.with_columns(pl.Series("value", _interpolated(table, self.known)))
        usual = pl.col("type").replace_strict(
            dict(self.by_type), default=None, return_dtype=pl.Float64
        )
        return table.with_columns(pl.coalesce(value, usual).alias("value"))


def fit_filler(training: pl.DataFrame, how: Filling) -> Filler:
    """Learn from the rows of `training` that have a value."""
    known = training.filter(pl.col("value").is_not_null())
    value = pl.col("value")
    match how:
        case "mean":
            usual = value.mean()
        case "mode":
            usual = value.mode().min()  # the lowest of several, so that it is always the same
        case "median" | "interpolate":
            usual = value.median()
    rows = known.group_by("type").agg(usual.alias("usual"))
    by_type = dict(zip(rows["type"].to_list(), rows["usual"].to_list(), strict=True))
    return Filler(by_type, known if how == "interpolate" else None)


def _interpolated(table: pl.DataFrame, known: pl.DataFrame) -> list[float | None]:
    """(T,) values; missing ones lie on the line between the user's own of that type.

    Before the first and after the last known value, that value holds; a user without one stays
    missing here.
    """
    lines = {
        key: (rows["time_s"].to_numpy(), rows["value"].to_numpy())
        for key, rows in known.sort("time_s").partition_by("user", "type", as_dict=True).items()
    }
    values: list[float | None] = table["value"].to_list()
    missing = table["value"].is_null().arg_true()
    for place, user, kind, time_s in zip(
        missing, *(table[name].gather(missing) for name in ("user", "type", "time_s")), strict=True
    ):
        line = lines.get((user, kind))
        if line is not None:
            values[place] = float(np.interp(time_s, *line))
    return values
