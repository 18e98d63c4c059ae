"""Ids of events that came without one: the same event always has the same id."""

from dataclasses import replace
from hashlib import blake2b
from typing import Final

from penchant.core.events import Event
from penchant.core.ids import EventId

_BYTES: Final = 16
"""128 bits: among 10^12 events the chance of one collision is 10^-15."""


def event_id(event: Event, n: int = 0) -> EventId:
    """The id of the `n`-th of several events that are alike; 0 for a single one."""
    return hashed(event.user, event.item, event.type, event.time_s, event.value, n)


def hashed(  # the six parts of the definition
    user: str, item: str | None, type: str, time_s: float, value: float | None, n: int = 0
) -> EventId:
    """hash(user, item, type, time, value, n), as 32 hexadecimal digits.

    >>> hashed("ann", "m1", "view", 1714564800.0, None)
    'f5a30eb809ada160ffe6474616858342'
    """
    thing = "-" if item is None else f"{len(item)}:{item}"
    worth = "-" if value is None else repr(value + 0.0)  # + 0.0: -0.0 is 0.0
    # lengths stand before texts, so that no two different events are written alike
    text = f"{len(user)}:{user}{thing}{len(type)}:{type}{float(time_s)!r};{worth};{n}"
    return EventId(blake2b(text.encode(), digest_size=_BYTES).hexdigest())


class Ordinals:
    """How many alike rows of one file have been met; its memory grows by about 100 bytes a row."""

    def __init__(self) -> None:
        self._met: set[str] = set()
        self._again: dict[str, int] = {}

    def learn_one(
        self, user: str, item: str | None, type: str, time_s: float, value: float | None
    ) -> EventId:
        """The id of the file's next row."""
        first = hashed(user, item, type, time_s, value)
        if first not in self._met:
            self._met.add(first)
            return first
        n = self._again.get(first, 0) + 1
        self._again[first] = n
        return hashed(user, item, type, time_s, value, n)

    def identified(self, event: Event) -> Event:
        """`event` with an id; one it already has is kept."""
        if event.id is not None:
            return event
        parts = (event.user, event.item, event.type, event.time_s, event.value)
        return replace(event, id=self.learn_one(*parts))
