"""Ids of events that came without one: the same event always has the same id."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from penchant.core.events import ContextValue, Event
from penchant.core.ids import EventId

_BYTES: Final = 16
"""128 bits: among 10^12 events the chance of one collision is 10^-15."""


def event_id(event: Event, n: int = 0) -> EventId:
    """The id of the `n`-th of several events that are alike; 0 for a single one."""
    return hashed(*_parts(event), n)


def hashed(  # the eight parts of the definition
    user: str,
    item: str | None,
    type: str,
    time_s: float,
    value: float | None,
    words: str | None = None,
    context: Mapping[str, ContextValue] | None = None,
    n: int = 0,
) -> EventId:
    """hash(user, item, type, time, value, n, words, context), as 32 hexadecimal digits.

    Words and context are part of it only where there are any.

    >>> hashed("ann", "m1", "view", 1714564800.0, None)
    'f5a30eb809ada160ffe6474616858342'
    """
    thing = "-" if item is None else f"{len(item)}:{item}"
    worth = "-" if value is None else repr(value + 0.0)  # + 0.0: -0.0 is 0.0
    # lengths stand before texts, so that no two different events are written alike
    text = f"{len(user)}:{user}{thing}{len(type)}:{type}{float(time_s)!r};{worth};{n}"
    if words is not None:
        text += f";{len(words)}:{words}"
    if context:
        text += f";{json.dumps(context, sort_keys=True)}"
    # what is not Unicode is the log's to refuse
    return EventId(blake2b(text.encode(errors="surrogatepass"), digest_size=_BYTES).hexdigest())


class Ordinals:
    """How many alike rows of one file have been met; its memory grows by about 100 bytes a row."""

    def __init__(self) -> None:
        self._met: set[str] = set()
        self._again: dict[str, int] = {}

    def learn_one(
        self,
        user: str,
        item: str | None,
        type: str,
        time_s: float,
        value: float | None,
        words: str | None = None,
        context: Mapping[str, ContextValue] | None = None,
    ) -> EventId:
        """The id of the file's next row."""
        first = hashed(user, item, type, time_s, value, words, context)
        if first not in self._met:
            self._met.add(first)
            return first
        n = self._again.get(first, 0) + 1
        self._again[first] = n
        return hashed(user, item, type, time_s, value, words, context, n)

    def identified(self, event: Event) -> Event:
        """`event` with an id; one it already has is kept."""
        return event if event.id is not None else replace(event, id=self.learn_one(*_parts(event)))


Parts = tuple[
    str, str | None, str, float, float | None, str | None, Mapping[str, ContextValue] | None
]


def _parts(event: Event) -> Parts:
    """What its id is made of, in order."""
    return (
        event.user,
        event.item,
        event.type,
        event.time_s,
        event.value,
        event.words,
        event.context,
    )
