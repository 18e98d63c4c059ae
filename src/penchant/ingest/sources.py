"""Files of events and items, in batches: CSV, TSV, JSONL (also .gz) and Parquet."""

import csv
import gzip
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

import msgspec
import polars as pl

from penchant.core.errors import InvalidDataError, PenchantError, UnknownColumnError
from penchant.core.events import Event
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.ingest.delimited import FULL_WIDTH, TO_UTF8, Line, delimiter_of, records
from penchant.ingest.event_ids import Ordinals
from penchant.ingest.naming import event_columns, item_columns, rivals
from penchant.ingest.rejects import Rejected
from penchant.ingest.table import events_of, with_ids
from penchant.ingest.tabulate import Reader, kind_of
from penchant.ingest.wire import is_missing, item_from, known_type

Progress = Callable[[int, int | None], None]
"""Called with (done, total): rows of a Parquet file, bytes of any other; total None: unknown."""

Several = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""Of the keys of a file those that say the same, the likeliest first; by that one."""

BATCH: Final = 50_000
FORMATS: Final = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")
JSON_FORMATS: Final = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Batch:
    """Some events of a file, in its order, and what of these lines was none."""

    table: pl.DataFrame
    """The events, as `ingest.table` writes them; every row has an id."""
    rejected: Sequence[Rejected]
    counts: Mapping[str, int]
    """`value_sentinel`, `value_not_finite`: values that became missing."""

    def events(self) -> list[Event]:
        """The events as objects."""
        return events_of(self.table)


class ItemBatch(NamedTuple):
    """Some items of a file, in its order, and what of these lines was none."""

    items: list[Item]
    rejected: list[Rejected]


class Chunk(NamedTuple):
    """Some rows of a file as they stand, before anything is understood."""

    frame: pl.DataFrame
    lines: list[int]
    texts: Sequence[str] | None
    """The lines' texts, where the file has lines."""
    broken: list[Rejected]


@dataclass(frozen=True)
class Layout:
    """How a file without a header is written."""

    delimiter: str
    names: tuple[str, ...]


def read_events(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    default_type: str | None = None,
    signals: Mapping[str, Signal] | None = None,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """The events of a file; `signals` None allows every type.

    `mapping` says which column is which field, {"user_id": "visitorid"}; common names need none.
    Other columns go to the context. `default_type` is every row's type where no column has it.
    """
    ordinals = Ordinals()
    tables = read_tables(
        path,
        mapping=mapping,
        default_type=default_type,
        signals=signals,
        batch_size=batch_size,
        progress=progress,
    )
    for batch in tables:
        yield replace(batch, table=with_ids(batch.table, ordinals))


def read_tables(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    default_type: str | None = None,
    signals: Mapping[str, Signal] | None = None,
    order: str | None = None,
    time_from_order: bool = False,
    layout: Layout | None = None,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """As `read_events`, but ids are only those given, and column `order` is kept as numbers."""
    if default_type is not None:
        known_type(default_type, signals)
    # a header names all its columns; JSON objects without an item do not name it
    spared = {"type"} if default_type is not None else set()
    spared |= {"item"} if _suffix(path) in JSON_FORMATS else set()
    reader: Reader | None = None
    several = partial(rivals, mapping=mapping, source=path.name, order=order)
    for chunk in chunks(path, several, layout=layout, batch_size=batch_size, progress=progress):
        if reader is None or reader.present != tuple(chunk.frame.columns):
            present = chunk.frame.columns
            columns = event_columns(present, mapping, path.name, frozenset(spared))
            if order is not None and order not in present:
                raise UnknownColumnError(order, path.name, present, "--order COLUMN")
            reader = Reader(tuple(present), columns, default_type, signals, order, time_from_order)
        counts: Counter[str] = Counter()
        table, rejected = reader.table(chunk.frame, chunk.lines, chunk.texts, counts)
        yield Batch(table, sorted([*chunk.broken, *rejected]), counts)


def read_items(
    path: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    layout: Layout | None = None,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> Iterator[ItemBatch]:
    """The items of a file; columns without a meaning of their own become attributes."""
    several = partial(rivals, mapping=mapping, source=path.name, of_items=True)
    for chunk in chunks(path, several, layout=layout, batch_size=batch_size, progress=progress):
        columns = item_columns(chunk.frame.columns, mapping, path.name)
        items, rejected = _items(chunk, columns)
        yield ItemBatch(items, sorted([*chunk.broken, *rejected]))


def chunks(
    path: Path,
    several: Several | None = None,
    *,
    layout: Layout | None = None,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> Iterator[Chunk]:
    """The rows of a file as they stand, but that of the keys of a JSON object which say the same,
    as `several` tells of a file's keys, the first with a value has the first one's name: what a row
    says depends on no other row.
    """
    if not path.is_file():
        raise InvalidDataError(f"{path} is not a file; allowed are {', '.join(FORMATS)}, also .gz")
    report = progress or _silence
    suffix = _suffix(path)
    if suffix == ".parquet":
        return _parquet_chunks(path, batch_size, report)
    if suffix in JSON_FORMATS:
        return _json_chunks(path, batch_size, report, several or _no_rivals)
    if suffix in FORMATS or layout is not None:
        return _text_chunks(path, layout, batch_size, report)
    raise InvalidDataError(
        f"{path.name} ends in {suffix!r}; allowed are {', '.join(FORMATS)}, also with .gz"
    )


def _no_rivals(_: Sequence[str]) -> Mapping[str, Sequence[str]]:
    return {}


def _suffix(path: Path) -> str:
    """The ending that says the format, without .gz."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _parquet_chunks(path: Path, batch_size: int, report: Progress) -> Iterator[Chunk]:
    """Slices of a Parquet file; a line is a row, from 1."""
    try:
        whole = pl.scan_parquet(path)
        total = whole.select(pl.len()).collect().item()
        for start in range(0, max(total, 1), batch_size):
            frame = whole.slice(start, batch_size).collect()
            yield Chunk(frame, list(range(start + 1, start + 1 + len(frame))), None, [])
            report(start + len(frame), total)
    except pl.exceptions.ComputeError as error:
        raise InvalidDataError(f"{path.name} is no readable Parquet file: {error}") from error


def _text_chunks(
    path: Path, layout: Layout | None, batch_size: int, report: Progress
) -> Iterator[Chunk]:
    """Batches of the lines of a CSV."""
    with _opened(path) as (stream, position):
        first = 1
        if layout is None:
            layout, first = _header(path, stream), 2
        lines = records(stream, layout.delimiter, len(layout.names), first)
        yield _text_chunk([], layout.names)  # so that a file without rows still has its columns
        while batch := list(islice(lines, batch_size)):
            yield _text_chunk(batch, layout.names)
            report(position(), path.stat().st_size)


def _header(path: Path, stream: IO[bytes]) -> Layout:
    """Delimiter and column names from the first line."""
    raw = stream.readline()
    try:
        text = raw.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        what = f"is not UTF-8: {raw[:80]!r}; {TO_UTF8}"
        if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            what = "is UTF-16; allowed is UTF-8, made by: iconv -f UTF-16 -t UTF-8"
        raise InvalidDataError(f"{path.name}, line 1, {what}") from None
    delimiter = delimiter_of(text, _suffix(path))
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]
    except csv.Error as error:
        what = (
            "ends in a CR alone; allowed are LF and CRLF" if "\r" in text else f"is wrong: {error}"
        )
        raise InvalidDataError(f"{path.name}, line 1, {what}") from None
    if problem := _problem(text, names):
        raise InvalidDataError(f"{path.name}, line 1, {problem}")
    return Layout(delimiter, tuple(names))


def _problem(text: str, names: Sequence[str]) -> str:
    """What is wrong with a header, and what is allowed; nothing where it is right."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if not text or twice:
        what = f"names column {twice[0]!r} twice" if twice else "is empty"
        return f"{what}; allowed is one name per column"
    wide = [sign for sign in FULL_WIDTH if sign in text] if len(names) == 1 else []
    if wide:
        return f"is divided by the full-width {wide[0]!r}; allowed are ',', ';', a tab and '|'"
    return ""


def _text_chunk(batch: list[Line], names: Sequence[str]) -> Chunk:
    """A frame of texts from the good lines, and the others."""
    good = [line for line in batch if line.fields is not None]
    broken = [
        Rejected(line.number, f"the line {line.problem}", line.text)
        for line in batch
        if line.fields is None
    ]
    values = list(zip(*(line.fields for line in good if line.fields), strict=True))
    columns = values or [()] * len(names)
    frame = pl.DataFrame(
        [pl.Series(name, column, pl.String) for name, column in zip(names, columns, strict=True)]
    )
    return Chunk(frame, [line.number for line in good], [line.text for line in good], broken)


def _json_chunks(
    path: Path, batch_size: int, report: Progress, several: Several
) -> Iterator[Chunk]:
    """Batches of the objects of a JSONL file, one column per key, each value as it stands.

    Such files are often called .json too.
    """
    with _opened(path) as (stream, position):
        first = stream.readline().removeprefix(BOM_UTF8)
        if first.lstrip().startswith(b"["):
            raise InvalidDataError(
                f"{path.name} is a JSON array; allowed is one object a line, made by: jq -c '.[]'"
            )
        numbered = enumerate(chain([first] if first else [], stream), 1)
        names: dict[str, None] = {}
        while batch := list(islice(numbered, batch_size)):
            yield _json_chunk(batch, names, several)
            report(position(), path.stat().st_size)


def _json_chunk(batch: list[tuple[int, bytes]], names: dict[str, None], several: Several) -> Chunk:
    """A frame of the objects' values; `names` gathers the keys of the whole file."""
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    texts: list[str] = []
    broken: list[Rejected] = []
    for number, raw in batch:
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if not text.strip():
            continue
        try:
            rows.append(msgspec.json.decode(raw, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            broken.append(Rejected(number, f"the line is no JSON object: {error}", text))
            continue
        lines.append(number)
        texts.append(text)
    names.update(dict.fromkeys(chain.from_iterable(rows)))
    for first, *others in several(list(names)).values() if names else ():
        for row in rows:
            if is_missing(row.get(first)):
                other = next((name for name in others if not is_missing(row.get(name))), None)
                if other is not None:
                    row[first] = row.pop(other)
    frame = pl.DataFrame([_typed(name, [row.get(name) for row in rows]) for name in names])
    return Chunk(frame, lines, texts, broken)


def _typed(name: str, values: list[Any]) -> pl.Series:
    """A column of one type where all values have it, else of objects."""
    kinds = set(map(type, values)) - {type(None)} or {str}
    dtype = _DTYPES.get(kinds.pop(), pl.Object) if len(kinds) == 1 else pl.Object
    try:
        return pl.Series(name, values, dtype)
    except (TypeError, OverflowError, UnicodeEncodeError):
        return pl.Series(name, values, pl.Object)


_DTYPES: Final[Mapping[type, type[pl.DataType]]] = {
    str: pl.String,
    int: pl.Int64,
    float: pl.Float64,
    bool: pl.Boolean,
}


def _items(chunk: Chunk, columns: Mapping[str, str]) -> tuple[list[Item], list[Rejected]]:
    """The items of one chunk."""
    fields = {column: field for field, column in columns.items()}
    items: list[Item] = []
    rejected: list[Rejected] = []
    for place, row in enumerate(chunk.frame.iter_rows(named=True)):
        named = {fields.get(column, column): value for column, value in row.items()}
        try:
            items.append(item_from({key: _plain(value) for key, value in named.items()}))
        except PenchantError as error:
            text = chunk.texts[place] if chunk.texts else str(row)
            rejected.append(Rejected(chunk.lines[place], str(error), text, kind_of(error)))
    return items, rejected


def _plain(value: Any) -> Any:
    """A value of a file as an item's fact: empty and NaN are missing, dates are ISO-8601."""
    if isinstance(value, str | list | bool | int | None):
        return None if value == "" else value
    if isinstance(value, float):
        return value if value == value else None
    return value if isinstance(value, Mapping) else str(value)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """The bytes of a file, unpacked, and how many of its bytes on disk have been read."""
    with path.open("rb") as file:
        if path.suffix != ".gz":
            yield file, file.tell
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(IO[bytes], unpacked), file.tell
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InvalidDataError(f"{path.name} is no whole gzip file: {error}") from error


def _silence(done: int, total: int | None) -> None:
    """Progress that nobody watches."""
