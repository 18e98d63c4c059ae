"""Clean one: what cleaning does to an event that comes in alone; what may be set for it."""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from penchant.core.errors import InvalidEventError
from penchant.core.events import Event

Flag = Literal["future", "impossible", "bot", "flood"]
FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)
Impute = Literal["keep", "drop", "mean", "median", "mode", "interpolate"]


class CleanConfig(BaseModel):
    """Settings of cleaning."""

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


def moves(event: Event, exclude: Collection[str]) -> bool:
    """Whether an event moves anything: whether none of its flags is excluded."""
    return not any(flag in exclude for flag in event.flags)


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
    return replace(event, flags=in_order({*event.flags, "impossible"}))


def in_order(flags: Collection[str]) -> tuple[str, ...]:
    """Flags as they are stored: those of others by name, then ours."""
    return (*sorted({*flags} - {*FLAGS}), *(name for name in FLAGS if name in flags))


def _possible(kind: str, value: float, config: CleanConfig) -> bool:
    low, high = config.scales.get(kind, (-math.inf, math.inf))
    return low <= value <= high and (value >= 0 or kind not in config.not_negative)
