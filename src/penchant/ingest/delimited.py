"""CSV line by line: a broken line is one broken line, whatever its quotes claim."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

TO_UTF8: Final = "allowed is UTF-8; of GBK it is made by: iconv -f GB18030 -t UTF-8"
DELIMITERS: Final = (",", ";", "\t", "|")
FULL_WIDTH: Final = ("\uff0c", "\uff1b", "\uff5c")
"""The full-width forms of these, which divide nothing."""
JOIN_LINES: Final = 1_000
"""How many lines one quoted field may span before its quote counts as broken."""

FIELD: Final = 1_048_576
"""Most characters of one field: as many as a request has bytes, unless a server is told otherwise,
so that what came over HTTP comes back out of an export. The csv module takes 131,072."""
csv.field_size_limit(max(FIELD, csv.field_size_limit()))


class Line(NamedTuple):
    """One record: its first line's number, its text, and its fields or what is wrong."""

    number: int
    text: str
    fields: list[str] | None
    problem: str = ""


def delimiter_of(header: str, suffix: str) -> str:
    """The likeliest delimiter of a file that begins with `header`.

    >>> delimiter_of("user;item;time", ".csv")
    ';'
    """
    if suffix == ".tsv":
        return "\t"
    return max(DELIMITERS, key=header.count)


def split_line(text: str, delimiter: str) -> list[str] | None:
    """The fields of one line; None where a quote is not closed, or one of them is too long."""
    if '"' not in text or len(delimiter) > 1:
        return text.rstrip("\r\n").split(delimiter)
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def records(lines: Iterable[bytes], delimiter: str, width: int, first: int = 1) -> Iterator[Line]:
    """Every record of `lines`, the first of which has number `first`; blank lines are passed over.

    A record without `width` fields, with a quote that never closes, or that is not UTF-8, comes
    with its problem, and the next begins on the next line.
    """
    source = _Pushback(lines, first - 1)
    for raw in source:
        number = source.number
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            broken = raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
            yield Line(number, broken, None, f"is not UTF-8: {error.reason}; {TO_UTF8}")
            continue
        if text.isspace() and not text.strip(" \r\n"):
            continue
        fields = split_line(text, delimiter)
        if fields is None:
            text, fields = _joined(text, source, delimiter, width)
        yield _checked(number, text.rstrip("\r\n"), fields, width)


def _checked(number: int, text: str, fields: list[str] | None, width: int) -> Line:
    """The record, or its problem."""
    if fields is None:
        problem = (
            f"has a quote that is opened and not closed properly, or over {FIELD:,} characters"
        )
        return Line(number, text, None, problem)
    if len(fields) != width:
        return Line(number, text, None, f"has {len(fields)} fields; the header has {width}")
    return Line(number, text, fields)


class _Pushback:
    """Lines that can be handed back and read again."""

    def __init__(self, lines: Iterable[bytes], number: int) -> None:
        self._lines = iter(lines)
        self._ahead: deque[bytes] = deque()
        self.number = number

    def __iter__(self) -> Iterator[bytes]:
        while (line := self.read()) is not None:
            yield line

    def read(self) -> bytes | None:
        """The next line, or None at the end."""
        line = self._ahead.popleft() if self._ahead else next(self._lines, None)
        self.number += line is not None
        return line

    def give_back(self, lines: list[bytes]) -> None:
        """Read `lines` again."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)


def _joined(
    text: str, source: _Pushback, delimiter: str, width: int
) -> tuple[str, list[str] | None]:
    """A record whose quoted field goes on over the next lines, or the first line alone."""
    whole, taken = text, list[bytes]()
    while len(taken) < JOIN_LINES and (raw := source.read()) is not None:
        taken.append(raw)
        try:
            whole += raw.decode()
        except UnicodeDecodeError:
            break
        if raw.count(b'"') % 2 == 1:
            fields = split_line(whole, delimiter)
            if fields is not None and len(fields) == width:
                return whole, fields
    source.give_back(taken)
    return text, None
