"""Cleaning: drops only what cannot be an event, makes noise missing, flags the rest, counts all."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from penchant.core.errors import ConfigError
from penchant.core.events import Event
from penchant.ingest.clean_one import CleanConfig, Impute, in_order
from penchant.ingest.impute import fit_filler
from penchant.ingest.suspects import Limits, bots, floods
from penchant.ingest.table import events_of, table_of

RATING_SCALES: Final = (
    (0.0, 1.0),
    (-1.0, 1.0),
    (0.0, 5.0),
    (0.0, 10.0),
    (-10.0, 10.0),
    (0.0, 100.0),
)
"""Scales that people rate on, narrowest first; 0 is let in where 1 is the least: MovieTweetings
has twelve honest zeros among 100,000 ratings from 1 to 10."""
SCALE_SHARE: Final = 0.99
"""Share of a type's values inside a scale from which on it is taken for the scale."""


@dataclass(frozen=True)
class Cleaned:
    """Events after cleaning, and what was done, counted by reason."""

    table: pl.DataFrame
    """As `ingest.table` writes it, with flags."""
    counts: Mapping[str, int]
    """`dropped_*` and `imputed_*` events, `value_*` and `item_*` made missing, `flag_*` set."""

    def events(self) -> list[Event]:
        """The events as objects."""
        return events_of(self.table)


def clean_events(
    events: Iterable[Event],
    config: CleanConfig,
    now_s: float,
    window: tuple[float, float] | None = None,
) -> Cleaned:
    """`clean` for events as objects."""
    return clean(table_of(events), config, now_s, window)


def clean(
    table: pl.DataFrame,
    config: CleanConfig,
    now_s: float,
    window: tuple[float, float] | None = None,
) -> Cleaned:
    """Clean a table of events whose users, types and times may be missing.

    Imputation learns from events with `window[0] <= time < window[1]` only. What is judged over
    many events (bots, floods, scales) is judged on `table` alone. Cleaning twice changes nothing.
    """
    _check(config, window)
    counts: Counter[str] = Counter()
    kept = _without_drops(table, config, counts)
    kept = _without_noise(kept, config, counts)
    marks = _marks(kept, config, now_s)
    for name, mark in marks.items():
        counts[f"flag_{name}"] = int(mark.sum())
    kept = _flagged(kept, marks)
    if config.impute != "keep" and window is not None:
        kept = _imputed(kept, config.impute, window, counts)
    return Cleaned(kept, dict(counts))


def _check(config: CleanConfig, window: tuple[float, float] | None) -> None:
    """Refuse imputation that would look into the future."""
    if config.impute != "keep" and window is None:
        raise ConfigError(
            f"impute is {config.impute!r} without a training window; give the window (start, end) "
            "that it may learn from, or impute = 'keep'"
        )


def _without_drops(table: pl.DataFrame, config: CleanConfig, counts: Counter[str]) -> pl.DataFrame:
    """The rows that have a user, a type and a time, and each event id once, its first."""
    words = list(config.null_words)
    for field in ("user", "type"):
        text = pl.col(field).str.strip_chars()
        fine = (text != "") & ~text.str.to_lowercase().is_in(words)
        table = _counted(table, fine, f"dropped_no_{field}", counts)
    timed = pl.col("time_s").is_finite() & (pl.col("time_s") >= 0)
    table = _counted(table, timed, "dropped_no_time", counts)
    first = pl.col("id").is_null() | pl.col("id").is_first_distinct()
    return _counted(table, first, "dropped_repeated_id", counts)


def _counted(table: pl.DataFrame, keep: pl.Expr, reason: str, counts: Counter[str]) -> pl.DataFrame:
    """The rows to keep; the others are counted under `reason`."""
    kept = table.filter(keep.fill_null(False))
    counts[reason] = len(table) - len(kept)
    return kept


def _without_noise(table: pl.DataFrame, config: CleanConfig, counts: Counter[str]) -> pl.DataFrame:
    """Values and items that stand for nothing become missing."""
    value, item = pl.col("value"), pl.col("item")
    blank = item.str.strip_chars().str.to_lowercase().is_in([*config.null_words, ""])
    noise = {
        "value_not_finite": ("value", ~value.is_finite()),
        "value_sentinel": ("value", _sentinel(config)),
        "item_sentinel": ("item", blank),
    }
    for reason, (column, bad) in noise.items():
        mask = bad.fill_null(False)
        counts[reason] = int(table.select(mask.sum()).item() or 0)
        table = table.with_columns(pl.when(~mask).then(pl.col(column)).alias(column))
    return table


def _sentinel(config: CleanConfig) -> pl.Expr:
    """Whether a value is a sentinel: one of the numbers, and far from the type's other values.

    Far: a negative one where nothing else is negative, a positive one over three times the rest.
    Fewer than three different other values are no evidence: votes of -1 and 1 are votes.
    """
    value = pl.col("value")
    listed = value.is_in(sorted(config.sentinels))
    others = pl.when(~listed).then(value)
    low, high = others.min().over("type"), others.max().over("type")
    enough = others.drop_nulls().n_unique().over("type") >= 3
    far = ((value < 0) & (low >= 0)) | ((value > 0) & (value > 3 * high))
    return listed & enough & far


def _marks(table: pl.DataFrame, config: CleanConfig, now_s: float) -> dict[str, pl.Series]:
    """(T,) by flag: whether the event gets it."""
    future = table["time_s"] > now_s + config.tolerance_s
    limits = Limits(
        instants_per_hour=config.bot_instants_per_hour,
        items_per_day=config.bot_items_per_day,
        regular_gaps=config.bot_regular_gaps,
        evenness=config.bot_evenness,
        repeats_per_hour=config.flood_repeats_per_hour,
        burst_per_minute=config.flood_burst_per_minute,
    )
    return {
        "future": future,
        "impossible": table.select(_impossible(table, config)).to_series(),
        "bot": bots(table, limits),
        "flood": floods(table, limits),
    }


def _impossible(table: pl.DataFrame, config: CleanConfig) -> pl.Expr:
    """Whether a value lies outside its scale, or below 0 where it cannot."""
    kind, value = pl.col("type"), pl.col("value")
    bad = kind.is_in(sorted(config.not_negative)) & (value < 0)
    for name, (low, high) in _scales(table, config).items():
        bad |= (kind == name) & ((value < low) | (value > high))
    return bad.fill_null(False).alias("impossible")


def _scales(table: pl.DataFrame, config: CleanConfig) -> dict[str, tuple[float, float]]:
    """The scale of each type that has one: given, or the narrowest that holds nearly all values."""
    scales = dict(config.scales)
    for name in sorted(config.rated - set(scales)):
        values = table.filter(pl.col("type") == name)["value"].drop_nulls()
        for low, high in RATING_SCALES if len(values) else ():
            if values.is_between(low, high).mean() >= SCALE_SHARE:  # type: ignore[operator]
                scales[name] = (low, high)
                break
    return scales


def _flagged(table: pl.DataFrame, marks: Mapping[str, pl.Series]) -> pl.DataFrame:
    """`table` with the flags it had and those now set, ours in our order."""
    if not any(mark.any() for mark in marks.values()):
        return table
    had = [set(flags or ()) for flags in table["flags"].to_list()]
    rows = [mark.to_list() for mark in marks.values()]
    flags = []
    for before, now in zip(had, zip(*rows, strict=True), strict=True):
        every = before | {name for name, marked in zip(marks, now, strict=True) if marked}
        flags.append(in_order(every))
    return table.with_columns(pl.Series("flags", flags, pl.List(pl.String)))


def _imputed(
    table: pl.DataFrame, how: Impute, window: tuple[float, float], counts: Counter[str]
) -> pl.DataFrame:
    """`table` without missing values, as far as the training window knows better."""
    start_s, end_s = window
    training = table.filter((pl.col("time_s") >= start_s) & (pl.col("time_s") < end_s))
    valued = training.filter(pl.col("value").is_not_null())["type"].unique().to_list()
    if how == "drop":
        fine = pl.col("value").is_not_null() | ~pl.col("type").is_in(valued)
        return _counted(table, fine, "dropped_no_value", counts)
    if how == "keep":
        return table
    filled = fit_filler(training, how).filled(table)
    counts[f"imputed_{how}"] = table["value"].null_count() - filled["value"].null_count()
    return filled
