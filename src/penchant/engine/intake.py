"""The gate: what is handed in becomes an event with an id, or an error that says why not."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from penchant.core.clock import SystemClock
from penchant.core.contracts import Appended
from penchant.core.errors import (
    InvalidEventError,
    InvalidRequestError,
    PenchantError,
)
from penchant.core.events import Event
from penchant.core.ids import EventId
from penchant.engine.config import EngineConfig
from penchant.ingest.clean_one import clean_one
from penchant.ingest.event_ids import event_id
from penchant.ingest.wire import EVENT_FIELDS, check_time, event_from, is_missing, sound_event

VISITOR: Final = "visitor"
"""Who the events of a session are of while they are read; nobody sees it."""
MOST_OF_SESSION: Final = 1_000
"""Events of one session at most."""


class Observed(NamedTuple):
    """What became of one event."""

    event: EventId
    status: str
    """`new`, `duplicate`, or `undone`: taken back before, and not taken in again."""
    cursor: str
    """Position to wait for with `after`."""


class Outcome(NamedTuple):
    """What became of one row of many, of which some may be wrong."""

    event: EventId | None
    """None: rejected."""
    status: str
    """`new`, `duplicate`, `undone` or `rejected`."""
    error: str | None
    """A sentence on why it was rejected."""


class Intake:
    """Checks what is handed in by the Signals, and cleans it as files are, for one engine."""

    def __init__(self, config: EngineConfig) -> None:
        self._signals = config.signals
        self._clean = config.clean

    def event(self, given: Event | Mapping[str, Any], now_s: float) -> Event:
        """The event with the id of what was given; without a time it is of now.

        What is said in words is cleaned; an `Event` was, by whoever made it: a file, an export.
        """
        if isinstance(given, Event):
            event, clean = sound_event(given, self._signals), False
        else:
            event, clean = self._read(given, now_s), True
        if "future" not in event.flags:
            check_time(event, max(now_s, SystemClock().now_s()), self._clean.tolerance_s)
        event = event if event.id is not None else replace(event, id=event_id(event))
        return clean_one(event, self._clean) if clean else event

    def each(self, rows: Sequence[Any], now_s: float) -> list[Event | PenchantError]:
        """The same for every row by itself."""
        return [self._event_or_error(row, now_s) for row in rows]

    def session(self, rows: Sequence[Any], now_s: float) -> list[Event]:
        """Events of somebody without a name, in fold order; one that is wrong refuses them all."""
        if len(rows) > MOST_OF_SESSION:
            raise InvalidRequestError(
                f"a session of {len(rows)} events; allowed are at most {MOST_OF_SESSION}"
            )
        events = list(self._of_nobody(rows, now_s))
        return sorted(events, key=lambda event: event.time_s)

    def _of_nobody(self, rows: Sequence[Any], now_s: float) -> Iterator[Event]:
        for place, row in enumerate(rows):
            try:
                mapping = _mapping(row)
                if any(not is_missing(mapping.get(key)) for key in _USER_KEYS):
                    raise InvalidEventError(
                        "it names a user; allowed are events without one, for nothing is stored"
                    )
                yield self.event({**mapping, "user": VISITOR}, now_s)
            except PenchantError as error:
                raise InvalidEventError(f"event {place} of the session: {error}") from error

    def _event_or_error(self, row: Any, now_s: float) -> Event | PenchantError:
        try:
            return self.event(_mapping(row), now_s)
        except PenchantError as error:
            return error
        except RecursionError:  # of showing what is wrong
            return InvalidEventError("the event is nested too deeply; allowed is a flat mapping")

    def _read(self, given: Mapping[str, Any], now_s: float) -> Event:
        """An event without a time is new whatever was sent before."""
        event = event_from(given, self._signals, received_s=now_s)
        times = (given.get(key) for key, field in EVENT_FIELDS.items() if field == "time")
        if event.id is not None or not all(map(is_missing, times)):
            return event
        return replace(event, id=EventId(secrets.token_hex(16)))


def observed(appended: Appended) -> list[Observed]:
    """What became of events that were handed to the log together."""
    cursor = str(appended.cursor)
    return [
        Observed(given, _status(new, undone), cursor)
        for given, new, undone in zip(appended.ids, appended.new, appended.undone, strict=True)
    ]


def outcomes(checked: Sequence[Event | PenchantError], landed: Sequence[Observed]) -> list[Outcome]:
    """What became of each row; `landed` are the good ones, in their order."""
    good = iter(landed)
    told = []
    for one in checked:
        if isinstance(one, PenchantError):
            told.append(Outcome(None, "rejected", str(one)))
        else:
            event, status, _ = next(good)
            told.append(Outcome(event, status, None))
    return told


_USER_KEYS: Final = tuple(key for key, field in EVENT_FIELDS.items() if field == "user")


def _mapping(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise InvalidEventError(
            f"an event is {row!r:.80}; allowed is a mapping of names to values, such as "
            '{"user": "ann", "item": "tea", "type": "view"}'
        )
    return row


def _status(new: bool, undone: bool) -> str:
    if undone:
        return "undone"
    return "new" if new else "duplicate"
