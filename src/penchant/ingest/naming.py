"""Which column of a file is which field: automatic names, and a mapping that overrules them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from penchant.core.errors import InvalidDataError, UnknownColumnError, nearest
from penchant.ingest.wire import EVENT_FIELDS, ITEM_FIELDS

EVENT_NAMES: Final[Mapping[str, str]] = {
    "user": (
        "userid user uid visitorid visitor customerid customer memberid accountid clientid "
        "householdid reviewerid profileid sessionid"
    ),
    "item": (
        "itemid item movieid productid product articleid parentasin asin sku stockcode trackid "
        "songid bookid isbn newsid videoid contentid"
    ),
    "type": "eventtype type event eventname action behavior behaviour behaviortype",
    "time": (
        "timestamp time times ts eventtime datetime unixtime unixreviewtime createdat date "
        "invoicedate timestampms timems"
    ),
    "value": "value rating score stars overall quantity qty count dwell dwelltime",
    "words": "words query searchquery searchterm comment reviewtext",
    "id": "eventid id",
    "context": "context",
    "flags": "flags",
}
"""Column names that are understood without a mapping, likeliest first; case, `_`, `-` and spaces
do not count."""

ITEM_NAMES: Final[Mapping[str, str]] = {
    "id": (
        "itemid id item movieid productid product articleid parentasin asin sku stockcode trackid "
        "songid bookid isbn newsid videoid contentid"
    ),
    "title": "title name itemname productname",
    "categories": "categories category genres genre",
    "description": "description desc abstract summary",
    "available": "available instock",
    "expires": "expires expiresat expiry",
    "expires_s": "expiress",
    "attributes": "attributes",
}
"""The same for items."""

OF_ITEMS: Final = "item."
"""How a field of items begins, where one mapping says events and items."""
OTHERS_ALONE: Final = frozenset({"sessionid"})
"""Names that say a field of whole files, and of no row of a file that says it by another name: a
visitor who is not logged in is no user."""
_EVENT_KEYS: Final[Mapping[str, str]] = {**EVENT_FIELDS, "flags": "flags"}
_EVENT_NEEDS: Final = ("user", "item", "time", "type")
_ITEM_NEEDS: Final = ("id",)


def event_columns(
    present: Sequence[str],
    mapping: Mapping[str, str] | None,
    source: str,
    spared: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Field -> column of an event file; fields of `spared` may lack one.

    >>> event_columns(["visitorid", "itemid", "ts", "price"], None, "f.csv", frozenset({"type"}))
    {'user': 'visitorid', 'item': 'itemid', 'time': 'ts'}

    A field mapped to "" has no column.
    """
    needs = tuple(field for field in _EVENT_NEEDS if field not in spared)
    return _columns(present, mapping, source, _OF_EVENTS, needs)


def item_columns(
    present: Sequence[str], mapping: Mapping[str, str] | None, source: str
) -> dict[str, str]:
    """Field -> column of an item file."""
    return _columns(present, mapping, source, _OF_ITEMS, _ITEM_NEEDS)


def parted(mapping: Mapping[str, str] | None) -> tuple[dict[str, str], dict[str, str]]:
    """One mapping as that of events and that of items, whose fields begin with `item.`.

    >>> parted({"time": "at", "item.title": "name"})
    ({'time': 'at'}, {'title': 'name'})
    """
    given = mapping or {}
    of_events = {key: column for key, column in given.items() if not key.startswith(OF_ITEMS)}
    of_items = {key: column for key, column in given.items() if key.startswith(OF_ITEMS)}
    return of_events, {key.removeprefix(OF_ITEMS): column for key, column in of_items.items()}


def plain_name(column: str) -> str:
    """Without case, `_`, `-` and spaces.

    >>> plain_name("User_ID")
    'userid'
    """
    return re.sub(r"[\W_]+", "", column).lower()


def rivals(
    present: Sequence[str],
    mapping: Mapping[str, str] | None,
    source: str,
    of_items: bool = False,
    order: str | None = None,
) -> dict[str, list[str]]:
    """The column of a field -> all that say the same, it first, where a file has several.

    A column that says the `order` of events says nothing else.

    >>> rivals(["user", "rating", "value", "price"], None, "f.jsonl")
    {'value': ['value', 'rating']}
    """
    rules = _OF_ITEMS if of_items else _OF_EVENTS
    names, keys, asked = rules
    mapped = _mapped(present, mapping or {}, source, (keys, asked))
    found = _found(present, mapped, names)
    several: dict[str, list[str]] = {}
    for field in [field for field in found if field not in mapped]:
        others = [
            column
            for name in names[field].split()
            if name not in OTHERS_ALONE
            for column in present
            if plain_name(column) == name
        ]
        others = [c for c in others if c not in found.values() and c != order]
        if others:
            several[found[field]] = [found[field], *others]
    return several


_Rules = tuple[Mapping[str, str], Mapping[str, str], str]
_OF_EVENTS: Final[_Rules] = (EVENT_NAMES, _EVENT_KEYS, "FIELD")
_OF_ITEMS: Final[_Rules] = (ITEM_NAMES, ITEM_FIELDS, OF_ITEMS + "id")


def _columns(
    present: Sequence[str],
    mapping: Mapping[str, str] | None,
    source: str,
    rules: _Rules,
    needs: tuple[str, ...],
) -> dict[str, str]:
    """What the mapping says, then what the names say, then what is needed and missing."""
    names, keys, asked = rules
    mapped = _mapped(present, mapping or {}, source, (keys, asked))
    found = _found(present, mapped, names)
    for field in needs:
        if field not in found:
            other = ", or --type view says it of all rows" if field == "type" else ""
            raise UnknownColumnError(field, source, present, f"--map {asked}=COLUMN{other}")
    return {field: column for field, column in found.items() if column}


def _plain(present: Sequence[str], mapped: Mapping[str, str]) -> dict[str, str]:
    """Columns by their names without case, `_`, `-` and spaces."""
    plain: dict[str, str] = {}
    for column in present:
        if column not in mapped.values():
            plain.setdefault(plain_name(column), column)
    return plain


def _found(
    present: Sequence[str], mapped: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, str]:
    """Field -> column: what is mapped, then what the names say."""
    found, plain = dict(mapped), _plain(present, mapped)
    for field, likely in names.items():
        if field not in found:
            match = next((plain[name] for name in likely.split() if name in plain), None)
            if match is not None and match not in found.values():
                found[field] = match
    return found


def _mapped(
    present: Sequence[str],
    mapping: Mapping[str, str],
    source: str,
    rules: tuple[Mapping[str, str], str],
) -> dict[str, str]:
    """The mapping with our own names of fields, when every key and column of it exists."""
    keys, asked = rules
    begins = OF_ITEMS if asked.startswith(OF_ITEMS) else ""
    for key, column in mapping.items():
        if key not in keys:
            turned = f" (it is FIELD=COLUMN: {begins}{column}={key}?)" if key in present else ""
            raise InvalidDataError(
                f"mapping of {source}: no field is named {begins + key!r}"
                f"{turned or nearest(begins + key, [begins + name for name in keys])}; allowed are "
                f"{', '.join(begins + name for name in sorted(keys))}"
            )
        if column and column not in present:
            raise UnknownColumnError(column, source, present, f"--map {asked}=COLUMN")
    named: dict[str, str] = {}
    for key, column in mapping.items():
        if named.setdefault(keys[key], column) != column:
            raise InvalidDataError(
                f"mapping of {source}: {begins + keys[key]!r} is named twice, for columns "
                f"{named[keys[key]]!r} and {column!r}; allowed is one"
            )
    return named
