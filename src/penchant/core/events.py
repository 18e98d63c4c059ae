"""Events: one thing a user did at one moment, as values and as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.ids import EventId, ItemId, UserId

ContextValue = str | float | int | bool
_MOST = float(np.finfo(np.float32).max)


def as_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values as columns hold them: what is beyond float32 becomes its largest number."""
    return np.clip(values, -_MOST, _MOST).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a user did at one moment."""

    user: UserId
    type: str
    time_s: float
    """Unix seconds, UTC."""
    item: ItemId | None = None
    """None for events without an item, such as a search."""
    value: float | None = None
    """A rating, a quantity, seconds of dwell: what the type says."""
    id: EventId | None = None
    """Given by the caller or made by ingest; always present once stored."""
    words: str | None = None
    """What was searched or commented."""
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    """Free-form facts of the moment: place, device, session."""
    flags: tuple[str, ...] = ()
    """What cleaning said of it: `future`, `impossible`, `bot`, `flood`."""


@dataclass(frozen=True)
class EventColumns:
    """Many events as columns, sorted in fold order: the form that training and evaluation read.

    All arrays are (T,). `users`, `items` and `types` name the codes.
    """

    user: NDArray[np.int32]
    row: NDArray[np.int32]
    """Index into `items`; -1 where the event has no item."""
    type: NDArray[np.int16]
    value: NDArray[np.float32]
    """NaN where absent."""
    time_s: NDArray[np.float64]
    users: Sequence[UserId]
    items: Sequence[ItemId]
    types: Sequence[str]
    put_s: NDArray[np.float64] | None = None
    """(I,) when each item was put into the catalogue, infinity: never; nothing of its events, or a
    replay would know of an item as new at the very moment of its first event."""

    def __len__(self) -> int:
        return len(self.user)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Self:
        """The same columns with only the events chosen."""
        return type(self)(
            self.user[which],
            self.row[which],
            self.type[which],
            self.value[which],
            self.time_s[which],
            self.users,
            self.items,
            self.types,
            self.put_s,
        )
