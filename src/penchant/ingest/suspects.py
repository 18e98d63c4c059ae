"""Who is no person, and what is too much: bots and floods."""

from typing import Final, NamedTuple

import polars as pl

from penchant.core.signals import DAY_S

_HOUR_S: Final = 3_600.0
_MINUTE_S: Final = 60.0


class Limits(NamedTuple):
    """What a person can do; windows are those of the clock: whole minutes, hours and days."""

    instants_per_hour: int
    items_per_day: int
    regular_gaps: int
    evenness: float
    repeats_per_hour: int
    burst_per_minute: int


def bots(table: pl.DataFrame, limits: Limits) -> pl.Series:
    """(T,) whether the event is of a user that no person can be.

    Instants are counted, not events: a basket of 500 goods is one moment of one person.
    """
    fast = _users_beyond(table, _HOUR_S, "time_s", limits.instants_per_hour)
    broad = _users_beyond(table, DAY_S, "item", limits.items_per_day)
    guilty = {*fast, *broad, *_regular_users(table, limits)}
    return table["user"].is_in(sorted(guilty)).fill_null(False)


def floods(table: pl.DataFrame, limits: Limits) -> pl.Series:
    """(T,) whether the event is one too many: hammering one item, or a burst of a user."""
    time = pl.col("time_s")
    alike = ("user", "item", "type", (time / _HOUR_S).floor())
    hammering = (
        pl.col("item").is_not_null()
        & (pl.len().over(alike) > limits.repeats_per_hour)
        & (pl.int_range(pl.len()).over(alike) > 0)
    )
    minute = ("user", (time / _MINUTE_S).floor())
    burst = pl.int_range(pl.len()).over(minute) >= limits.burst_per_minute
    return table.select((hammering | burst).alias("flood")).to_series()


def _users_beyond(table: pl.DataFrame, window_s: float, what: str, limit: int) -> list[str]:
    """Users with more than `limit` different `what` in one window of time."""
    window = (pl.col("time_s") / window_s).floor().alias("window")
    counted = table.group_by("user", window).agg(pl.col(what).drop_nulls().n_unique())
    return counted.filter(pl.col(what) > limit)["user"].unique().to_list()


def _regular_users(table: pl.DataFrame, limits: Limits) -> list[str]:
    """Users who kept the beat of a machine for a day."""
    day = (pl.col("time_s") / DAY_S).floor().alias("day")
    gaps = pl.col("time_s").unique().sort().diff().drop_nulls()
    judged = table.group_by("user", day).agg(
        gaps.len().alias("gaps"), (gaps.std() / gaps.mean()).alias("spread")
    )
    # two seconds and less is the grain of clocks: there every gap looks alike
    mean = table.group_by("user", day).agg(gaps.mean().alias("mean"))
    judged = judged.join(mean, on=["user", "day"])
    guilty = judged.filter(
        (pl.col("gaps") >= limits.regular_gaps)
        & (pl.col("spread") < limits.evenness)
        & (pl.col("mean") > 2.0)
    )
    return guilty["user"].unique().to_list()
