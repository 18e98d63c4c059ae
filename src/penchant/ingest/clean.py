"""Cleaning: drops only what cannot be an event, makes noise missing, flags the rest, counts all."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from penchant.core.errors import ConfigError, InvalidEventError
from penchant.core.events import Event
from penchant.ingest.impute import fit_filler
from penchant.ingest.suspects import Limits, bots, floods
from penchant.ingest.table import events_of, table_of

Flag = Literal["future", "impossible", "bot", "flood"]
FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)
Impute = Literal["keep", "drop", "mean", "median", "mode", "interpolate"]

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


class CleanConfig(BaseModel):
    """Settings of `clean`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exclude: frozenset[Flag] = frozenset({"future", "impossible"})
    """Flags whose events are kept in the log but move nothing: future, impossible, bot, flood."""
    tolerance_s: float = Field(default=86_400.0, ge=0)
    """How many seconds after now an event may lie before it is flagged `future`."""
    null_words: frozenset[str] = frozenset({"null", "n/a", "none", "nan", "undefined", "nil"})
    """Texts, in small letters, that stand for a missing user, type or item."""
    sentinels: frozenset[float] = frozenset({-1.0, -9.0, -99.0, -999.0, 99.0, 999.0, 9999.0})
    """Numbers that stand for a missing value, where they lie far outside a type's other values."""
    scales: Mapping[str, tuple[float, float]] = Field(default_factory=dict)
    """Lowest and highest possible value by event type; values outside are `impossible`."""
    rated: frozenset[str] = frozenset({"rating", "review"})
    """Types whose scale is observed where none is given: the one that holds 99 % of the values."""
    not_negative: frozenset[str] = frozenset({"dwell", "view", "cart", "purchase"})
    """Types whose values cannot be below 0."""
    bot_instants_per_hour: PositiveInt = 1_200
    """Different instants of one user in an hour that no hand reaches: one each 3 s, all hour."""
    bot_items_per_day: PositiveInt = 5_000
    """Different items of one user in a day that no eye reaches."""
    bot_regular_gaps: PositiveInt = 100
    """From how many gaps in one day on their evenness is judged."""
    bot_evenness: PositiveFloat = 0.02
    """Spread of the gaps over their mean, below which a machine keeps the beat."""
    flood_repeats_per_hour: PositiveInt = 50
    """Events of one user, item and type in an hour from which on all but the first are a flood."""
    flood_burst_per_minute: PositiveInt = 1_000
    """Events of one user in a minute; those beyond are a flood."""
    impute: Impute = "keep"
    """What becomes of missing values: kept missing, their events dropped, or filled in."""


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


def moves(event: Event, exclude: Collection[str]) -> bool:
    """Whether an event moves anything: whether none of its flags is excluded."""
    return not any(flag in exclude for flag in event.flags)


def clean_events(
    events: Iterable[Event],
    config: CleanConfig,
    now_s: float,
    window: tuple[float, float] | None = None,
) -> Cleaned:
    """`clean` for events as objects."""
    return clean(table_of(events), config, now_s, window)


def clean_one(event: Event, config: CleanConfig) -> Event:
    """What `clean` does to an event that comes in alone: all that needs no other event to judge.

    An item that is a null word is none; a value outside a given scale, or below 0 where it cannot
    be, flags it `impossible`. Raises InvalidEventError for a user or a type that is a null word.
    """
    for field in ("user", "type"):
        text = getattr(event, field)
        if text.strip().lower() in config.null_words:
            raise InvalidEventError(
                f"{field} is {text!r}, which stands for none; clean.null_words lists such words"
            )
    if event.item is not None and event.item.strip().lower() in config.null_words:
        event = replace(event, item=None)
    if event.value is None or _possible(event.type, event.value, config):
        return event
    return replace(event, flags=_in_order({*event.flags, "impossible"}))


def _possible(kind: str, value: float, config: CleanConfig) -> bool:
    low, high = config.scales.get(kind, (-math.inf, math.inf))
    return low <= value <= high and (value >= 0 or kind not in config.not_negative)


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
        flags.append(_in_order(every))
    return table.with_columns(pl.Series("flags", flags, pl.List(pl.String)))


def _in_order(flags: Collection[str]) -> tuple[str, ...]:
    """Flags as they are stored: those of others by name, then ours."""
    return (*sorted({*flags} - {*FLAGS}), *(name for name in FLAGS if name in flags))


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
