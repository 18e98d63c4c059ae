"""What an event type is worth: weight, half-life, threshold and sign."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

DAY_S: Final = 86_400.0


class Signal(BaseModel):
    """What an event of one type says about its user's interest in its item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=1.0, ge=-1e6, le=1e6)
    """How much one event counts; below 0 it speaks against the item, at 0 it says nothing of it."""
    half_life_days: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    """Days after which the event counts half. Nothing reads it yet: what fades (`habit_recent`,
    topics) does so at one rate for all types."""
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    """Values below it make the weight negative: a rating of 2 with threshold 3 speaks against the
    item."""
    hides: bool = False
    """Whether the item leaves the user's slates until the event is undone."""

    @property
    def half_life_s(self) -> float:
        """The half-life in seconds."""
        return self.half_life_days * DAY_S

    def strength(self, value: float | None) -> float:
        """Signed weight of an event with this `value`, a float32 as columns hold it.

        >>> Signal(threshold=3.0).strength(2.0), Signal(threshold=3.0).strength(4.0)
        (-1.0, 1.0)
        """
        if self.threshold is None or value is None or not value < np.float32(self.threshold):
            return self.weight
        return -abs(self.weight)


SHIPPED: Final[Mapping[str, Signal]] = {
    "view": Signal(weight=0.5, half_life_days=14.0),
    "click": Signal(weight=1.0, half_life_days=14.0),
    "search": Signal(weight=0.0, half_life_days=7.0),
    "cart": Signal(weight=2.0, half_life_days=14.0),
    "purchase": Signal(weight=3.0, half_life_days=60.0),
    "return": Signal(weight=-3.0, half_life_days=60.0),
    "rating": Signal(weight=1.0, half_life_days=60.0),
    "review": Signal(weight=1.0, half_life_days=60.0),
    "like": Signal(weight=2.0, half_life_days=60.0),
    "share": Signal(weight=2.0, half_life_days=30.0),
    "dwell": Signal(weight=0.5, half_life_days=14.0),
    "dismiss": Signal(weight=-2.0, half_life_days=90.0, hides=True),
    "impression": Signal(weight=0.0, half_life_days=1.0),
}
"""The event types that exist without any config; a config adds types and changes these."""
