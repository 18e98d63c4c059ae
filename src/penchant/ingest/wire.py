"""From a mapping of strings and numbers to an Event or an Item, or an error that says why not."""

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from penchant.core.errors import (
    EventTimeError,
    InvalidEventError,
    InvalidItemError,
    PenchantError,
    UnknownEventTypeError,
    nearest,
)
from penchant.core.events import ContextValue, Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED, Signal
from penchant.ingest.event_ids import event_id

MS_FROM: Final = 1e11
"""Numbers from here on are milliseconds: as seconds this is the year 5138, as ms it is 1973."""
US_FROM: Final = 1e14
"""Numbers from here on are microseconds."""
NS_FROM: Final = 1e17
"""Numbers from here on are nanoseconds."""
DAYS: Final = (1.9e7, 2.101e7)
"""Whole numbers between these may be dates without dashes."""
TOLERANCE_S: Final = 86_400.0
"""How far ahead of us another clock may run: a day covers a wrong time zone."""
LONGEST_ID: Final = 512
"""Bytes of UTF-8 of an id that is stored at most: with all of it percent-encoded, an address of
1,536 characters."""

LONGEST_LIST: Final = 10_000
"""Letters of a list as Python shows one that are read."""

EVENT_FIELDS: Final[Mapping[str, str]] = {
    **{name: name for name in ("user", "item", "type", "time", "value", "words", "context", "id")},
    "user_id": "user",
    "item_id": "item",
    "event_type": "type",
    "timestamp": "time",
    "time_s": "time",
    "event_id": "id",
}
"""Every key that an event may have, and what it means."""

ITEM_FIELDS: Final[Mapping[str, str]] = {
    **{name: name for name in ("id", "title", "categories", "description", "available")},
    "item_id": "id",
    "item": "id",
    "category": "categories",
    "genres": "categories",
    "expires": "expires",
    "expires_s": "expires_s",
    "attributes": "attributes",
}
"""The keys of an item with a meaning of their own; all others are attributes."""

TRUE_WORDS: Final = frozenset({"true", "1", "1.0", "yes", "y", "t"})
FALSE_WORDS: Final = frozenset({"false", "0", "0.0", "no", "n", "f"})
_NUMBER: Final = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def event_from(
    raw: Mapping[str, Any],
    signals: Mapping[str, Signal] | None = SHIPPED,
    *,
    received_s: float | None = None,
) -> Event:
    """The event that `raw` describes; `signals` None allows every type.

    An absent time is an error, unless `received_s` says when the event came in.

    >>> event_from({"user": 7, "item": "m1", "type": "view", "time": "2024-05-01T12:00:00Z"})
    Event(user='7', type='view', time_s=1714564800.0, item='m1', value=None, \
id=None, words=None, context={}, flags=())
    """
    fields = _event_fields(raw)
    time = fields.get("time")
    if is_missing(time) and received_s is not None:
        time = received_s
    given = fields.get("id")
    item = fields.get("item")
    return Event(
        user=UserId(id_text("user", fields.get("user"), InvalidEventError)),
        type=known_type(fields.get("type"), signals),
        time_s=seconds(time),
        item=None if is_missing(item) else ItemId(id_text("item", item, InvalidEventError)),
        value=number("value", fields.get("value")),
        id=None if is_missing(given) else EventId(id_text("id", given, InvalidEventError)),
        words=plain_text("words", fields.get("words"), InvalidEventError),
        context=scalars("context", fields.get("context"), InvalidEventError),
    )


def user_of(raw: Mapping[str, Any]) -> UserId:
    """Whose event `event_from` makes of this.

    >>> user_of({"user_id": "bob", "user": " ", "type": "view"})
    'bob'
    """
    return UserId(id_text("user", _event_fields(raw).get("user"), InvalidEventError))


def sound_event(event: Event, signals: Mapping[str, Signal] = SHIPPED) -> Event:
    """An event that a caller made, under the checks of `event_from`; its time is in seconds.

    >>> sound_event(Event(UserId("7"), "view", 9.0, context={"a": 1, "coupon": None})).context
    {'a': 1}
    """
    if type(event.type) is str and event.type in signals and _nothing_to_mend(event):
        return event  # as almost all are: files of millions come this way
    item, given = event.item, event.id
    return Event(
        user=UserId(id_text("user", event.user, InvalidEventError)),
        type=known_type(event.type, signals),
        time_s=seconds(event.time_s, guess=False),
        item=None if item is None else ItemId(id_text("item", item, InvalidEventError)),
        value=number("value", event.value),
        id=None if given is None else EventId(id_text("id", given, InvalidEventError)),
        words=plain_text("words", event.words, InvalidEventError),
        context=scalars("context", event.context, InvalidEventError),
        flags=event.flags,
    )


def accepted(
    raw: Mapping[str, Any],
    signals: Mapping[str, Signal],
    *,
    now_s: float,
    new_id: Callable[[], str],
    tolerance_s: float = TOLERANCE_S,
) -> Event:
    """One event as it comes over HTTP or a Python call: checked, timed and with an id.

    With a time the id is a hash of the event, so that a resend is the same event; without one it
    is `new_id()`.
    """
    timed = any(
        not is_missing(raw.get(key)) for key, field in EVENT_FIELDS.items() if field == "time"
    )
    event = event_from(raw, signals, received_s=now_s)
    check_time(event, now_s, tolerance_s)
    if event.id is not None:
        return event
    return replace(event, id=event_id(event) if timed else EventId(new_id()))


def check_time(event: Event, now_s: float, tolerance_s: float = TOLERANCE_S) -> None:
    """Raise EventTimeError for an event further ahead of `now_s` than clocks differ."""
    if event.time_s > now_s + tolerance_s:
        raise EventTimeError(
            f"time {_utc(event.time_s)} of user {event.user!r} lies in the future; "
            f"allowed is at most {tolerance_s:g} s after now, {_utc(now_s)}"
        )


def item_from(raw: Mapping[str, Any]) -> Item:
    """The item that `raw` describes; keys without a meaning of their own become attributes.

    >>> item_from({"item_id": 5, "title": "Heat", "categories": "Crime|Drama", "year": 1995})
    Item(id='5', title='Heat', categories=('Crime', 'Drama'), description=None, \
attributes={'year': 1995}, available=True, expires_s=None)
    """
    fields: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in raw.items():
        field = ITEM_FIELDS.get(key)
        if field is None:
            rest[key] = value
        elif field not in fields or is_missing(fields[field]):
            fields[field] = value
    return Item(
        id=ItemId(id_text("item id", fields.get("id"), InvalidItemError)),
        title=plain_text("title", fields.get("title"), InvalidItemError),
        categories=categories(fields.get("categories")),
        description=plain_text("description", fields.get("description"), InvalidItemError),
        attributes={
            **scalars("attributes", rest, InvalidItemError),
            **scalars("attributes", fields.get("attributes"), InvalidItemError),
        },
        available=truth("available", fields.get("available")),
        expires_s=_expiry(fields.get("expires"), fields.get("expires_s")),
    )


def sound_item(item: Item) -> Item:
    """An item that a caller made, under the checks of `item_from`; its end is in seconds.

    >>> sound_item(Item(ItemId("cup"), attributes={"colour": None}))
    Item(id='cup', title=None, categories=(), description=None, attributes={}, available=True, \
expires_s=None)
    """
    return Item(
        id=ItemId(id_text("item id", item.id, InvalidItemError)),
        title=plain_text("title", item.title, InvalidItemError),
        categories=categories(item.categories),
        description=plain_text("description", item.description, InvalidItemError),
        attributes=scalars("attributes", item.attributes, InvalidItemError),
        available=truth("available", item.available),
        expires_s=_expiry(None, item.expires_s),
    )


def is_missing(raw: Any) -> bool:
    """Whether a field was left out: None or an empty text."""
    return raw is None or (isinstance(raw, str) and raw == "")


def id_text(name: str, raw: Any, error: type[PenchantError]) -> str:
    """An id as text, short enough to be stored; see `known_id`.

    >>> id_text("user", "x" * 513, InvalidEventError)
    Traceback (most recent call last):
    penchant.core.errors.InvalidEventError: user 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'... \
has 513 bytes as UTF-8; allowed are at most 512
    """
    text = known_id(name, raw, error)
    if 4 * len(text) > LONGEST_ID and (size := len(text.encode())) > LONGEST_ID:
        raise error(
            f"{name} {text[:40]!r}... has {size:,} bytes as UTF-8; allowed are at most {LONGEST_ID}"
        )
    return text


def known_id(name: str, raw: Any, error: type[PenchantError]) -> str:
    """An id that may be stored already: text as it stands, whole numbers written out.

    Before there was a longest one longer ones were stored; they can be read and erased.
    """
    if isinstance(raw, str):
        if not raw or raw.isspace():
            raise error(f"{name} is empty; it is required, as text or a whole number")
        return _unicode(name, raw, error)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return _digits(name, raw, error)
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    if raw is None:
        raise error(f"{name} is missing; it is required, as text or a whole number")
    raise error(f"{name} is {raw!r}; allowed are text and whole numbers")


def known_type(raw: Any, signals: Mapping[str, Signal] | None) -> str:
    """The event type, when it has a Signal."""
    if is_missing(raw):
        allowed = "any name" if signals is None else ", ".join(sorted(signals))
        raise InvalidEventError(f"type is missing; allowed are {allowed}")
    if not isinstance(raw, str) or raw.isspace():
        raise InvalidEventError(f"type is {raw!r}; allowed is the name of an event type")
    if signals is not None and raw not in signals:
        raise UnknownEventTypeError(raw, signals)
    return _unicode("type", raw, InvalidEventError)


def seconds(raw: Any, guess: bool = True) -> float:
    """Unix seconds of a time given as seconds, ms, us, ns, ISO-8601 or datetime; no zone is UTC.

    Without `guess` a bare number is seconds, whatever its size.

    >>> seconds(1714564800), seconds(1714564800000), seconds("2024-05-01 12:00")
    (1714564800.0, 1714564800.0, 1714564800.0)
    """
    if is_missing(raw):
        raise EventTimeError(f"time is missing; {_TIMES}")
    if isinstance(raw, bool):
        raise EventTimeError(f"time is {raw!r}; {_TIMES}")
    found = _since_epoch(raw) if isinstance(raw, str | date) else raw
    try:
        number = float(found)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise EventTimeError(f"time is {raw!r}; {_TIMES}")
    if number < 0:
        raise EventTimeError(f"time {raw!r} lies before 1970-01-01; {_TIMES}")
    if not guess or isinstance(found, _Calendar):  # which says its unit
        return number
    if reads_as_date(number):
        raise EventTimeError(
            f"time {raw!r} reads as a date without dashes; write {_dashed(number)}, or unix seconds"
        )
    return scaled(number)


def reads_as_date(number: float) -> bool:
    """Whether a number is YYYYMMDD or YYYYMMDDhhmmss of 1900 to 2100.

    As seconds these would lie in 1970, as milliseconds after 2570.

    >>> reads_as_date(20240611.0), reads_as_date(20240611093000.0), reads_as_date(20249911.0)
    (True, True, False)
    """
    if not (DAYS[0] <= number < DAYS[1] or 1e6 * DAYS[0] <= number < 1e6 * DAYS[1]):
        return False
    day, clock = (number, 0.0) if number < DAYS[1] else divmod(number, 1e6)
    month_day = day % 10_000
    return (
        number % 1 == 0
        and 1 <= month_day // 100 <= 12
        and 1 <= month_day % 100 <= 31
        and clock < 240_000
        and clock // 100 % 100 < 60
        and clock % 100 < 60
    )


def scaled(raw: float) -> float:
    """Seconds of a number whose unit shows in its size."""
    if raw < MS_FROM:
        return raw
    if raw < US_FROM:
        return raw / 1e3
    return raw / 1e6 if raw < NS_FROM else raw / 1e9


def number(name: str, raw: Any) -> float | None:
    """A finite number, or None where left out.

    >>> number("value", "4.5"), number("value", None)
    (4.5, None)
    """
    if is_missing(raw):
        return None
    if isinstance(raw, str):
        if not _NUMBER.fullmatch(raw):
            raise InvalidEventError(f"{name} is {raw!r}; {_NUMBERS}")
        raw = float(raw)
    if not isinstance(raw, int | float):
        raise InvalidEventError(f"{name} is {raw!r}; {_NUMBERS}")
    try:
        found = float(raw)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise InvalidEventError(f"{name} is {raw!r}; {_NUMBERS}")
    return found


def plain_text(name: str, raw: Any, error: type[PenchantError]) -> str | None:
    """A text, or None where left out or blank; numbers are written out."""
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return None
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    if not isinstance(raw, str):
        raise error(f"{name} is {raw!r}; allowed is text")
    return None if not raw or raw.isspace() else _unicode(name, raw, error)


def scalars(name: str, raw: Any, error: type[PenchantError]) -> dict[str, ContextValue]:
    """Free-form facts: text, numbers, true and false by name; None is left out."""
    if is_missing(raw):
        return {}
    if isinstance(raw, str):
        raw = _decoded(name, raw, error)
    if not isinstance(raw, Mapping):
        raise error(f"{name} is {raw!r}; allowed is a mapping of names to text or numbers")
    return {
        _unicode(name, str(key), error): _scalar(f"{name}.{key}", value, error)
        for key, value in raw.items()
        if value is not None
    }


def categories(raw: Any) -> tuple[str, ...]:
    """Names from a list, a JSON list, "a|b" or "a, b", each once, in their order.

    >>> categories("Crime|Drama"), categories("Crime, Drama"), categories(["Crime", None])
    (('Crime', 'Drama'), ('Crime', 'Drama'), ('Crime',))
    """
    if raw is None:
        return ()
    if isinstance(raw, str):
        raw = _split(raw)
    if not isinstance(raw, Sequence):
        raise InvalidItemError(
            f'categories are {raw!r}; allowed are a list of text, "a|b" or "a, b"'
        )
    names = (plain_text("category", name, InvalidItemError) for name in raw)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def truth(name: str, raw: Any) -> bool:
    """True or false; left out is true.

    >>> truth("available", "no"), truth("available", None)
    (False, True)
    """
    if is_missing(raw):
        return True
    word = str(raw).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise InvalidItemError(f"{name} is {raw!r}; allowed are true and false")


_TIMES: Final = (
    "allowed are unix seconds or milliseconds from 1970 on, ISO-8601 such as "
    "2024-05-01T12:00:00Z or 2024-05-01 12:00:00+08:00 (without a zone it is UTC), and datetime"
)
_NUMBERS: Final = "allowed are finite numbers, or nothing"


def _event_fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` under the names of our own; a key that means nothing is an error, not a silence."""
    fields: dict[str, Any] = {}
    for key, value in raw.items():
        field = EVENT_FIELDS.get(key)
        if field is None:
            raise InvalidEventError(
                f"an event has no field {key!r}{nearest(str(key), EVENT_FIELDS)}; allowed are "
                f"{', '.join(sorted(EVENT_FIELDS))}; put facts of your own into context"
            )
        if field not in fields or is_missing(fields[field]):
            fields[field] = value
    return fields


def _nothing_to_mend(event: Event) -> bool:
    """Whether all but the type is as the checks would give it back, seen at a tenth of the cost."""
    error = InvalidEventError
    return (
        _plain_id(event.user)
        and (event.item is None or _plain_id(event.item))
        and (event.id is None or _plain_id(event.id))
        and type(event.time_s) is float
        and 0 <= event.time_s < math.inf
        and (event.value is None or (type(event.value) is float and math.isfinite(event.value)))
        and (event.words is None or event.words == plain_text("words", event.words, error))
        and (event.context == {} or event.context == scalars("context", event.context, error))
    )


def _plain_id(raw: Any) -> bool:
    """Whether an id is text that is visible, short and can be written down."""
    return type(raw) is str and raw.isascii() and 0 < len(raw) <= LONGEST_ID and not raw.isspace()


def _digits(name: str, raw: int, error: type[PenchantError]) -> str:
    """A whole number written out."""
    try:
        return str(raw)
    except ValueError:  # Python writes out some thousand digits at most
        raise error(
            f"{name} is a whole number of {raw.bit_length():,} bits; allowed are at most "
            f"{LONGEST_ID} digits"
        ) from None


def _unicode(name: str, text: str, error: type[PenchantError]) -> str:
    """`text`, when it can be written down as UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise error(f"{name} {text!r} is not valid Unicode; half of a character pair") from None
    return text


def _moment(raw: str) -> datetime:
    """The moment that an ISO-8601 text names."""
    try:
        return datetime.fromisoformat(raw.strip())
    except ValueError:
        raise EventTimeError(f"time is {raw!r}; {_TIMES}") from None


class _Calendar(float):
    """Seconds that come from a date, so that their unit is known."""


def _since_epoch(raw: str | date) -> float:
    """The number that a text spells, or unix seconds of the moment that it or a date names."""
    if isinstance(raw, str):
        if _NUMBER.fullmatch(raw):
            return float(raw)
        raw = _moment(raw)
    if not isinstance(raw, datetime):
        raw = datetime(raw.year, raw.month, raw.day, tzinfo=UTC)
    found = raw.replace(tzinfo=UTC) if raw.tzinfo is None else raw
    return _Calendar(found.timestamp())


def _dashed(number: float) -> str:
    """The date that a number reads as, as ISO-8601."""
    text = f"{number:.0f}"
    day = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return day if len(text) == 8 else f"{day}T{text[8:10]}:{text[10:12]}:{text[12:]}"


def _expiry(expires: Any, expires_s: Any) -> float | None:
    """Unix seconds of an item's end, or None where left out; `expires_s` says its unit."""
    told = not is_missing(expires_s)
    raw = expires_s if told else expires
    if is_missing(raw):
        return None
    try:
        return seconds(raw, guess=not told)
    except EventTimeError as error:
        raise InvalidItemError(f"{'expires_s' if told else 'expires'}: {error}") from None


def _scalar(name: str, value: Any, error: type[PenchantError]) -> ContextValue:
    """One fact, when it is text, a finite number, true or false."""
    if isinstance(value, str):
        return _unicode(name, value, error)
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise error(
        f"{name} is {value!r}; allowed are text, finite numbers (whole ones of 64 bits), "
        "true and false"
    )


def _decoded(name: str, text: str, error: type[PenchantError]) -> Any:
    """The JSON that a text holds."""
    try:
        return _json(name, text, error)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise error(f"{name} is {text!r}; allowed is a JSON object") from None


def _json(name: str, text: str, error: type[PenchantError]) -> Any:
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise error(f"{name} {text[:40]!r}... is nested too deeply; allowed is JSON") from None


def _split(text: str) -> Sequence[Any]:
    """Names out of one text: a list as JSON or Python writes it, or names with | or commas."""
    if text.lstrip().startswith("["):
        found = _listed(text)
        if isinstance(found, list):
            return found
        if _LIST.match(text):
            raise InvalidItemError(
                f"categories is {text[:80]!r}; allowed are names with | or commas between them, "
                'or a list: ["drama", "comedy"]'
            )
    return [part.strip() for part in text.split("|" if "|" in text else ",")]


_LIST: Final = re.compile(r"\s*\[(\s*['\"{[]|[^\]]*,)")
"""How a list begins, and a name in brackets, such as [OST], does not."""


def _listed(text: str) -> Any:
    """What a text is as JSON, or as Python shows a list; None where it is neither."""
    with suppress(msgspec.DecodeError, UnicodeEncodeError):
        return _json("categories", text, InvalidItemError)
    with suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text[:LONGEST_LIST])
    return None


def _utc(time_s: float) -> str:
    """A time for people."""
    try:
        return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{time_s:g} s"
