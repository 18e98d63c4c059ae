"""Rows of a file become rows of an event table: plain rows as columns, the others one by one."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from penchant.core.errors import EventTimeError, PenchantError, UnknownEventTypeError
from penchant.core.events import ContextValue, Event
from penchant.core.signals import DAY_S, Signal
from penchant.ingest.rejects import Rejected
from penchant.ingest.table import SCHEMA, table_of
from penchant.ingest.wire import (
    DAYS,
    LONGEST_ID,
    MS_FROM,
    NS_FROM,
    US_FROM,
    categories,
    event_from,
    is_missing,
    number,
    reads_as_date,
    scalars,
)

NULL_WORDS: Final = frozenset(
    {"null", "none", "nan", "n/a", "na", "nil", "undefined", "-", "?", "\\n", "#n/a"}
)
"""What stands in files where a value is missing, in small letters."""
_DIGITS: Final = r"^-?[0-9]+(\.[0-9]+)?$"
_SOME_TEXT: Final = r"[^\s\x1c-\x1f]"  # Python counts \x1c-\x1f as space, polars does not
_EXACT: Final = 2.0**53
"""Whole numbers below it are exact in a float."""
_INFINITE_WORDS: Final = frozenset({"inf", "+inf", "-inf", "infinity", "-infinity"})

_ISO: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?(Z|\+00:00)?$"
)
Read = tuple[pl.Series, pl.Series]
"""(T,) a field of every row, and (T,) whether it is plain."""


@dataclass(frozen=True)
class Reader:
    """Understands the rows of one file; what it says of a row is what `wire` says of it."""

    present: tuple[str, ...]
    columns: Mapping[str, str]
    """Field -> column."""
    default_type: str | None
    signals: Mapping[str, Signal] | None
    order: str | None = None
    """A column kept as numbers under the name `order`, and not in the context."""
    time_from_order: bool = False
    """Whether the order, in days, stands in for times that the file does not have."""

    def table(
        self,
        frame: pl.DataFrame,
        lines: Sequence[int],
        texts: Sequence[str] | None,
        counts: Counter[str],
    ) -> tuple[pl.DataFrame, list[Rejected]]:
        """The event table of `frame`, and the rows that are no events.

        Columns decide what is plain: ids of text, known types, numbers. A row that is not plain in
        every field is given to `wire`, which takes it or says why not.
        """
        numbered = pl.Series("line", lines, pl.Int64)
        if any(dtype == pl.Object for dtype in frame.dtypes):
            table, others = _empty(self.order), frame
        else:
            plain, ok = self._plain(frame, numbered)
            table, others, numbered = plain.filter(ok), frame.filter(~ok), numbered.filter(~ok)
            texts = [texts[place] for place in (~ok).arg_true()] if texts else None
        if others.is_empty():
            return table, []
        taken, rejected = self._one_by_one(others, numbered.to_list(), texts, counts)
        return pl.concat([table, taken]).sort("line"), rejected

    def _plain(self, raw: pl.DataFrame, numbered: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Every row read as if it were plain, and (T,) whether it is."""
        made: dict[str, Read] = {
            "user": self._text(raw, "user"),
            "item": self._text(raw, "item"),
            "type": self._type(raw),
            "time_s": self._time(raw),
            "value": self._value(raw),
            "id": self._text(raw, "id"),
            "words": self._text(raw, "words"),
        }
        nothing = pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, len(raw))
        order = {"order": self._order(raw)} if self.order else {}
        table = pl.DataFrame(
            {
                "line": numbered,
                **{name: values for name, (values, _) in made.items()},
                "context": self._context(raw),
                "flags": nothing,
                **{name: values for name, (values, _) in order.items()},
            }
        )
        ok = table["user"].is_not_null() & table["time_s"].is_not_null()
        for _, fine in (*made.values(), *order.values()):
            ok &= fine
        for field in ("context", "flags"):
            if field in self.columns:
                ok &= raw[self.columns[field]].is_null()
        return table, ok

    def _text(self, raw: pl.DataFrame, field: str) -> Read:
        """An id or words."""
        if field not in self.columns:
            return _constant(None, len(raw)), _all(True, len(raw))
        found = raw[self.columns[field]]
        if isinstance(found.dtype, pl.Categorical | pl.Enum):
            found = found.cast(pl.String)
        if found.dtype == pl.String:
            found = _without_blanks(found)
            fine = found.str.contains(_SOME_TEXT)
            if field != "words":
                fine &= found.str.len_bytes() <= LONGEST_ID
            return found, found.is_null() | fine.fill_null(False)
        if found.dtype.is_integer():
            return found.cast(pl.String), _all(True, len(raw))
        if found.dtype.is_float() and field != "words":
            whole = found.cast(pl.Int64, strict=False)
            fine = (whole.cast(pl.Float64) == found) & (found.abs() < _EXACT)
            return whole.cast(pl.String), found.is_null() | fine.fill_null(False)
        return found.is_null().cast(pl.String), found.is_null()

    def _type(self, raw: pl.DataFrame) -> Read:
        """The event type."""
        if "type" not in self.columns:
            return _constant(self.default_type, len(raw)), _all(True, len(raw))
        found = raw[self.columns["type"]]
        if isinstance(found.dtype, pl.Categorical | pl.Enum):
            found = found.cast(pl.String)
        if found.dtype != pl.String:
            return _constant(None, len(raw)), _all(False, len(raw))
        if self.signals is None:
            return found, found.str.contains(_SOME_TEXT).fill_null(False)
        return found, found.is_in(list(self.signals)).fill_null(False)

    def _time(self, raw: pl.DataFrame) -> Read:
        """Unix seconds."""
        if self.time_from_order:
            found = self._order(raw)[0] * DAY_S
            return found, found.is_not_null()
        found = raw[self.columns["time"]]
        if found.dtype == pl.Date:
            found = found.cast(pl.Datetime("us"))
        if isinstance(found.dtype, pl.Datetime):
            seconds = _from_microseconds(found.dt.epoch("us"))
        else:
            seconds = _scaled(_numbers(found))
        if found.dtype == pl.String and seconds.null_count():
            seconds = seconds.zip_with(seconds.is_not_null(), _calendar(found))
        return seconds, (seconds.is_finite() & (seconds >= 0)).fill_null(False)

    def _value(self, raw: pl.DataFrame) -> Read:
        """A number or nothing."""
        if "value" not in self.columns:
            nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, len(raw))
            return nothing, _all(True, len(raw))
        return _numbers_or_nothing(raw[self.columns["value"]])

    def _order(self, raw: pl.DataFrame) -> Read:
        """The column of the order as numbers; the seconds of times."""
        return self._time(raw) if self._by_time() else _numbers_or_nothing(self._places(raw))

    def _places(self, raw: pl.DataFrame) -> pl.Series:
        """(T,) the column of the order, moments as numbers; nothing where times are the order."""
        if not self.order or self._by_time():
            return _constant(None, len(raw))
        found = raw[self.order]
        if found.dtype.is_temporal() or found.dtype.is_decimal():
            found = found.cast(pl.Float64)
        return found.fill_nan(None) if found.dtype.is_float() else found

    def _by_time(self) -> bool:
        """Whether the column of the order is that of the time."""
        return self.order == self.columns.get("time") and not self.time_from_order

    def _others(self) -> list[str]:
        """The columns that go to the context."""
        known = {*self.columns.values(), self.order}
        return [name for name in self.present if name not in known]

    def _context(self, raw: pl.DataFrame) -> pl.Series:
        """The unmapped columns as JSON objects."""
        others = self._others()
        if not others:
            return _constant(None, len(raw))
        facts = raw.select(_facts(raw[name]) for name in others)
        return facts.to_struct("context").struct.json_encode()

    def _one_by_one(
        self,
        raw: pl.DataFrame,
        lines: Sequence[int],
        texts: Sequence[str] | None,
        counts: Counter[str],
    ) -> tuple[pl.DataFrame, list[Rejected]]:
        """What `wire` says of each row."""
        events: list[Event] = []
        kept: list[tuple[int, float | None]] = []
        places = self._places(raw).to_list()
        rejected: list[Rejected] = []
        for place, row in enumerate(raw.iter_rows(named=True)):
            fields = self._fields(row, counts)
            try:
                order = number(f"order column {self.order!r}", places[place])
                event = event_from(fields, self.signals)
                flags = categories(row.get(self.columns.get("flags", "")))
            except PenchantError as error:
                text = texts[place] if texts else _row_text(row)
                rejected.append(Rejected(lines[place], str(error), text, kind_of(error, fields)))
                continue
            events.append(replace(event, flags=flags) if flags else event)
            kept.append((lines[place], order))
        table = table_of(events).with_columns(
            pl.Series("line", [line for line, _ in kept], pl.Int64)
        )
        if self.order:
            orders = pl.Series([order for _, order in kept], dtype=pl.Float64)
            table = table.with_columns(order=table["time_s"] if self._by_time() else orders)
        return table, rejected

    def _fields(self, row: Mapping[str, Any], counts: Counter[str]) -> dict[str, Any]:
        """One row as the mapping that `wire` reads."""
        fields = {
            field: _without_nan(row[column])
            for field, column in self.columns.items()
            if field not in ("context", "flags", "value")
        }
        if "type" not in self.columns:
            fields["type"] = self.default_type
        if self.time_from_order:
            fields["time"] = None
        if "value" in self.columns:
            fields["value"] = _value_or_missing(row[self.columns["value"]], counts)
        facts = {name: fact for name in self._others() if (fact := _fact(row[name])) is not None}
        given = row.get(self.columns.get("context", ""))
        fields["context"] = {**facts, **given} if isinstance(given, Mapping) else facts or given
        if facts and isinstance(given, str) and given:
            fields["context"] = _merged(facts, given)
        return fields


def kind_of(error: PenchantError, fields: Mapping[str, Any] | None = None) -> str:
    """The reason of a rejection in one word."""
    for field in ("user", "type", "time"):
        if fields is not None and _blank(fields.get(field)):
            return f"no_{field}"
    if isinstance(error, UnknownEventTypeError):
        return "unknown_type"
    return "impossible_time" if isinstance(error, EventTimeError) else "malformed"


def _blank(raw: Any) -> bool:
    """Whether nothing is said."""
    return is_missing(raw) or (isinstance(raw, str) and raw.isspace())


def _merged(facts: Mapping[str, ContextValue], given: str) -> Mapping[str, ContextValue] | str:
    """Facts of columns and of a JSON object; a broken object is left for `wire` to name."""
    try:
        return {**facts, **scalars("context", given, PenchantError)}
    except PenchantError:
        return given


def _value_or_missing(raw: Any, counts: Counter[str]) -> Any:
    """A value, None where a word or NaN says that there is none."""
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word in NULL_WORDS:
        counts["value_sentinel"] += 1
        return None
    if word in _INFINITE_WORDS or (isinstance(raw, float) and not math.isfinite(raw)):
        counts["value_not_finite"] += 1
        return None
    return raw


def _without_nan(raw: Any) -> Any:
    """None for NaN: a missing value of a column of numbers."""
    return None if isinstance(raw, float) and math.isnan(raw) else raw


def _fact(raw: Any) -> ContextValue | None:
    """One value of a column as a fact of the context."""
    if is_missing(raw) or (isinstance(raw, float) and not math.isfinite(raw)):
        return None
    if isinstance(raw, str | float | int):
        return raw
    if hasattr(raw, "isoformat"):
        return str(raw.isoformat())
    return msgspec.json.encode(raw, enc_hook=str).decode()


def _facts(found: pl.Series) -> pl.Series:
    """A column as facts of the context."""
    if found.dtype == pl.String:
        return _without_blanks(found)
    if found.dtype.is_float():
        exact = found.cast(pl.Float64).to_frame("x")
        finite = pl.when(pl.col("x").is_finite()).then(pl.col("x"))
        return exact.select(finite).to_series().alias(found.name)
    if found.dtype.is_integer() or found.dtype == pl.Boolean:
        return found
    return pl.Series(found.name, [_fact(value) for value in found.to_list()], pl.String)


def _numbers(found: pl.Series) -> pl.Series:
    """(T,) floats; null where it is no plain number."""
    if found.dtype == pl.String:
        plain = pl.when(pl.col("x").str.contains(_DIGITS)).then(pl.col("x"))
        found = found.to_frame("x").select(plain).to_series()
        return found.cast(pl.Float64, strict=False)
    if found.dtype.is_integer() or found.dtype.is_float():
        return found.cast(pl.Float64)
    return pl.Series([None], dtype=pl.Float64).new_from_index(0, len(found))


def _numbers_or_nothing(found: pl.Series) -> Read:
    """Numbers, and nothing where the column is empty."""
    if found.dtype == pl.Boolean:
        found = found.cast(pl.Float64)
    absent = found.is_null()
    if found.dtype == pl.String:
        absent |= (found == "").fill_null(True)
    numbers = _numbers(found)
    return numbers, absent | numbers.is_finite().fill_null(False)


def _calendar(found: pl.Series) -> pl.Series:
    """(T,) seconds of the texts that are a plain ISO-8601 moment in UTC; null for others."""
    text = pl.col("x").str.replace("T", " ").str.replace(r"(Z|\+00:00)$", "")
    plain = pl.when(pl.col("x").str.contains(_ISO)).then(text)
    moments = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    return _from_microseconds(found.to_frame("x").select(moments.dt.epoch("us")).to_series())


def _scaled(numbers: pl.Series) -> pl.Series:
    """(T,) seconds of numbers whose unit shows in their size; null where there is none.

    NumPy divides: polars multiplies by the reciprocal, which is another number.
    """
    t = numbers.to_numpy()
    limits = [t < MS_FROM, t < US_FROM, t < NS_FROM]
    seconds = np.select(limits, [t, t / 1e3, t / 1e6], t / 1e9)
    low, high = DAYS
    near = ((t >= low) & (t < high)) | ((t >= 1e6 * low) & (t < 1e6 * high))
    for place in np.flatnonzero(near):
        if reads_as_date(float(t[place])):
            seconds[place] = np.nan  # row by row `wire` says so
    return pl.Series(seconds).fill_nan(None)


def _from_microseconds(moments: pl.Series) -> pl.Series:
    """(T,) seconds; null where there is no moment, or one too late to be exact in a float."""
    us = moments.cast(pl.Float64).to_numpy()
    return pl.Series(np.where(np.abs(us) < _EXACT, us / 1e6, np.nan)).fill_nan(None)


def _without_blanks(found: pl.Series) -> pl.Series:
    """Null in place of the empty text."""
    text = pl.when(pl.col("x") != "").then(pl.col("x"))
    return found.to_frame("x").select(text).to_series().alias(found.name)


def _constant(text: str | None, length: int) -> pl.Series:
    """(T,) the same text everywhere."""
    return pl.Series([text], dtype=pl.String).new_from_index(0, length)


def _all(truth: bool, length: int) -> pl.Series:
    """(T,) the same truth everywhere."""
    return pl.Series([truth], dtype=pl.Boolean).new_from_index(0, length)


def _empty(order: str | None) -> pl.DataFrame:
    """A table without rows."""
    extra = {"order": pl.Float64} if order else {}
    return pl.DataFrame(schema={**SCHEMA, **extra})


def _row_text(row: Mapping[str, Any]) -> str:
    """A row of a file without lines, as JSON."""
    given = {name: value for name, value in row.items() if value is not None}
    return msgspec.json.encode(given, enc_hook=str).decode()
