"""Settings of the engine: signals, cleaning, rules, memory."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from penchant.core.signals import SHIPPED, Signal
from penchant.ingest.clean_one import CleanConfig
from penchant.strategy.rules import StrategyConfig


class MemoryConfig(BaseModel):
    """How much is held in memory, and how often states are written."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    users: int = Field(default=20_000, ge=1)
    """Users whose latest events are held; others are read from the log when they come back."""
    states_mib: int = Field(default=256, ge=1)
    """States held in memory before the least recently used leave it, in MiB."""
    flush_every_s: float = Field(default=1.0, gt=0)
    """How often states are written to disk; they are a cache, so a crash loses none."""


class EngineConfig(BaseModel):
    """Settings of the engine."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    clock: Literal["wall", "log"] = "wall"
    """Whose time it is: the wall's, or the log's (its newest event's time, and on from there)."""
    after_wait_s: float = Field(default=1.0, ge=0)
    """How long a request with `after` waits for those events to be folded."""
    signals: Mapping[str, Signal] = Field(default_factory=lambda: dict(SHIPPED))
    """What each event type is worth; your own types are added under [signals.<name>]."""
    clean: CleanConfig = CleanConfig()
    """What is dropped, flagged and filled in when events come in."""
    strategy: StrategyConfig = StrategyConfig()
    """Rules of a slate."""
    placements: Mapping[str, StrategyConfig] = Field(default_factory=dict)
    """Rules of the slates of one place, asked for by its name; others follow [strategy]."""
    memory: MemoryConfig = MemoryConfig()
    """Bounds of memory."""
