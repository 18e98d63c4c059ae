"""A data set by name or path: events in fold order, the catalogue, and what was left out."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from penchant.core.errors import InvalidDataError, UnknownComponentError
from penchant.core.events import ContextValue, Event, EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.ingest.clean import clean
from penchant.ingest.clean_one import CleanConfig
from penchant.ingest.event_ids import Ordinals
from penchant.ingest.export import EVENT_SCHEMA
from penchant.ingest.movielens import Users, edition_of, read_movies, read_ratings, read_users
from penchant.ingest.naming import OF_ITEMS, event_columns, parted
from penchant.ingest.order import explicit_order, fold_order, out_of_order
from penchant.ingest.quality import cut_time
from penchant.ingest.rejects import Rejected, count_kinds
from penchant.ingest.sources import Batch, Progress, chunks, read_items, read_tables
from penchant.ingest.table import (
    SCHEMA,
    columns_of,
    event_batches,
    moving,
    under_one_id,
    with_ids,
)

BUNDLED: Final[Mapping[str, Path]] = {
    "movietweetings": Path(__file__).parent / "bundled" / "movietweetings",
    "online-retail": Path(__file__).parent / "bundled" / "online_retail",
}
"""Data sets that come with the package, by name."""

SUFFIXES: Final = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Dataset:
    """Events in fold order, and the catalogue whose rows they name."""

    name: str
    table: pl.DataFrame
    """The events as `ingest.table` writes them, in fold order: (time, user, place)."""
    items: list[Item]
    """The items file first, then items met only in events, as they were met."""
    users: Users
    """What is known of users; empty where the data set says nothing."""
    counts: Mapping[str, int]
    """What was read, left out and noticed, by reason; `events` is the number left."""
    rejected: list[Rejected]
    """The lines that are no events, with reasons."""
    ordered: bool
    """Whether an order was given, so that ties of time must not be shuffled."""
    exclude: frozenset[str] = frozenset()
    """Flags whose events are not among the columns."""
    exported: bool = False
    """Whether it is a file of `penchant export`, which comes out of a log: it is not cleaned."""
    rejected_items: Mapping[str, list[Rejected]] = field(default_factory=dict)
    """The lines that are no items, by the file they are of."""

    @cached_property
    def columns(self) -> EventColumns:
        """The events as columns."""
        return columns_of(moving(self.table, self.exclude), [item.id for item in self.items])

    def events(self, batch_size: int = 10_000) -> Iterator[list[Event]]:
        """The events as objects with ids, some at a time.

        Without an id an event gets that of what it says here, cleaned or not: see `open_dataset`.
        """
        return event_batches(self.table, batch_size)

    def all_rejected(self, source: str) -> list[tuple[str, Rejected]]:
        """Every rejected line with the file it is of: first those of events, which is `source`."""
        files = [(source, self.rejected), *self.rejected_items.items()]
        return [(file, one) for file, lines in files for one in lines]

    def cleaned(
        self, config: CleanConfig, now_s: float, window: tuple[float, float] | None = None
    ) -> "Dataset":
        """The data set after cleaning; its columns leave out what `config.exclude` names.

        What is filled in is learned inside `window`; see `cleaned_before`.
        """
        if self.exported:
            marks = Counter(self.table["flags"].explode().drop_nulls().to_list())
            flagged = {f"flag_{name}": n for name, n in marks.items()}
            return replace(self, counts={**self.counts, **flagged}, exclude=config.exclude)
        done = clean(self.table, config, now_s, window)
        before = {n: c for n, c in self.counts.items() if not n.startswith("flag_")}
        counts = {**self.counts, **{n: c + before.get(n, 0) for n, c in done.counts.items()}}
        counts["events"] = len(done.table)
        return replace(self, table=done.table, counts=counts, exclude=config.exclude)

    def cleaned_before(self, share: float, config: CleanConfig, now_s: float) -> "Dataset":
        """The same, where what is filled in knows no event of the last `share` that move anything.

        Events that are left out do not move that cut.
        """
        if config.impute == "keep":
            return self.cleaned(config, now_s)
        kept = self.cleaned(config.model_copy(update={"impute": "keep"}), now_s)
        return self.cleaned(config, now_s, (-math.inf, cut_time(kept.columns, 1 - share)))


def open_dataset(
    name_or_path: str | Path,
    mapping: Mapping[str, str] | None = None,
    order: str | None = None,
    default_type: str | None = None,
    *,
    signals: Mapping[str, Signal] | None = None,
    progress: Progress | None = None,
    ids: bool = False,
) -> Dataset:
    """A bundled set by name, a folder with events and items, a MovieLens folder, or a file.

    `order` names a column with each user's true order, numbers or the times: rows where it is empty
    are left out and counted, rows where it is no number are rejected, and times are handed out in
    that order. Where no row has a time, the order in days is the time.
    `ids` gives every row an id of what the file says, so that it is the same event however the
    rest of the file has grown, and whatever cleaning makes of it: what is to be stored needs them.
    """
    path = _located(name_or_path)
    mapping, of_items = parted(mapping)
    name = str(name_or_path) if str(name_or_path) in BUNDLED else path.name
    edition = edition_of(path) if path.is_dir() else None
    if edition is not None:
        file = path / edition.ratings
        if mapping or default_type is not None:
            raise InvalidDataError(
                f"{name} is a MovieLens folder, whose columns and types are known; allowed is its "
                f"{edition.ratings} alone, with --map, --type and --items, or it without them"
            )
        batches: Iterable[Batch] = read_ratings(path, edition, order, progress)
        (items, lines), users = read_movies(path, edition), read_users(path, edition)
        broken = {str(path / edition.movies): lines} if lines else {}
        exported = False
    else:
        file = _file(path, "events") if path.is_dir() else path
        batches = read_tables(
            file,
            mapping=mapping,
            default_type=default_type,
            signals=signals,
            order=order,
            time_from_order=order is not None and not _has_times(file, mapping),
            progress=progress,
        )
        items, broken, users = _beside(path, of_items)
        exported = _is_export(file)
    if of_items and not (path.is_dir() and edition is None and _maybe_file(path, "items")):
        raise InvalidDataError(
            f"mapping of {name}: {OF_ITEMS}{next(iter(of_items))} is named, and no file of items "
            "is read; allowed is one beside the events, items.csv say, or --items"
        )
    table, rejected, counts = _gathered(batches, order, file.name)
    exported = exported and not table["id"].null_count()
    table = with_ids(table, Ordinals()) if ids else table
    counts["rejected_items"] = sum(map(len, broken.values()))
    data = _dataset(name, (table, items, users), order, (rejected, counts))
    return replace(data, exported=exported, rejected_items=broken)


def _dataset(
    name: str,
    parts: tuple[pl.DataFrame, list[Item], Users],
    order: str | None,
    left_out: tuple[list[Rejected], Counter[str]],
) -> Dataset:
    """The parts, in order, counted."""
    table, items, users = parts
    rejected, counts = left_out
    catalogue = list({item.id: item for item in items}.values())
    counts["repeated_items"] = len(items) - len(catalogue)
    counts["out_of_order"] = out_of_order(table)
    sorted_table = (explicit_order(table, "order") if order else fold_order(table)).select(*SCHEMA)
    known = {item.id for item in catalogue}
    met = sorted_table["item"].drop_nulls().unique(maintain_order=True).to_list()
    stubs = [Item(ItemId(one)) for one in met if one not in known]
    counts["items_only_in_events"] = len(stubs)
    counts["events"] = len(sorted_table)
    return Dataset(
        name=name,
        table=sorted_table,
        items=[*catalogue, *stubs],
        users=users,
        counts=dict(counts),
        rejected=rejected,
        ordered=order is not None,
    )


def _located(name_or_path: str | Path) -> Path:
    """The path of a bundled or own data set."""
    bundled = BUNDLED.get(str(name_or_path))
    path = bundled or Path(name_or_path)
    if not path.exists():
        if path.parent == Path() and not path.suffix:
            raise UnknownComponentError("data set", str(name_or_path), BUNDLED)
        raise InvalidDataError(
            f"{path} does not exist; allowed are a file, a folder with events and items, "
            f"a MovieLens folder, or one of {', '.join(sorted(BUNDLED))}"
        )
    return path


def _file(folder: Path, stem: str) -> Path:
    """`folder`/`stem` in one of the formats."""
    found = _maybe_file(folder, stem)
    if found is None:
        present = ", ".join(sorted(one.name for one in folder.iterdir())[:20]) or "nothing"
        raise InvalidDataError(
            f"{folder} has no {stem} file; it has {present}; allowed are {stem}"
            f"{f', {stem}'.join(SUFFIXES)}, or the files of MovieLens"
        )
    return found


def _maybe_file(folder: Path, stem: str) -> Path | None:
    """The same, None where there is none."""
    paths = (folder / f"{stem}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def _has_times(file: Path, mapping: Mapping[str, str] | None) -> bool:
    """Whether any row has a time; only Parquet is asked, other files are taken to have some."""
    if file.suffix != ".parquet":
        return True
    whole = pl.scan_parquet(file)
    names = whole.collect_schema().names()
    column = event_columns(names, mapping, file.name, frozenset({"type", "item"}))["time"]
    return bool(whole.select(pl.col(column).is_not_null().any()).collect().item())


def _is_export(file: Path) -> bool:
    """Whether the columns of a file are those that `penchant export` writes."""
    first = next(chunks(file, batch_size=1), None)
    return first is not None and first.frame.columns == list(EVENT_SCHEMA)


def _beside(
    path: Path, mapping: Mapping[str, str]
) -> tuple[list[Item], dict[str, list[Rejected]], Users]:
    """Items, their rejected lines by file, and users of a folder; a single file has none."""
    if not path.is_dir():
        return [], {}, {}
    file = _maybe_file(path, "items")
    batches = list(read_items(file, mapping=mapping)) if file else []
    items = [item for batch in batches for item in batch.items]
    broken = [one for batch in batches for one in batch.rejected]
    people = _maybe_file(path, "users")
    return items, {str(file): broken} if broken else {}, _users(people) if people else {}


def _users(file: Path) -> Users:
    """What a file of users says of each: its columns, read as items are."""
    users: dict[UserId, Mapping[str, ContextValue]] = {}
    for chunk in chunks(file):
        key = event_columns(
            chunk.frame.columns, None, file.name, frozenset({"item", "time", "type"})
        )["user"]
        for row in chunk.frame.iter_rows(named=True):
            user = UserId(str(row.pop(key)))
            users[user] = {
                name: value if isinstance(value, str | int | float) else str(value)
                for name, value in row.items()
                if value is not None and value != ""
            }
    return {user: facts for user, facts in users.items() if facts}


def _gathered(
    batches: Iterable[Batch], order: str | None, source: str
) -> tuple[pl.DataFrame, list[Rejected], Counter[str]]:
    """All batches of file `source` as one table, and the counts of what was left out."""
    tables: list[pl.DataFrame] = []
    rejected: list[Rejected] = []
    counts: Counter[str] = Counter()
    for batch in batches:
        tables.append(batch.table)
        rejected.extend(batch.rejected)
        counts.update(batch.counts)
    table = pl.concat(tables) if tables else pl.DataFrame(schema=dict(SCHEMA))
    shared = under_one_id(table)
    if len(shared):
        table = table.join(shared, on="line", how="anti", maintain_order="left")
        rejected = sorted([*rejected, *map(_another, shared.to_dicts())], key=_line)
    for kind, times in count_kinds(rejected).items():
        counts[f"rejected_{kind}"] = times
    counts["rows"] = len(table) + len(rejected)
    if order is not None:
        placed = table.filter(pl.col("order").is_not_null() & pl.col("order").is_not_nan())
        counts["no_order"] = len(table) - len(placed)
        table = placed
    if table.is_empty():
        if not counts["rows"]:
            what = "has only a header" if tables else "is empty"
            raise InvalidDataError(f"{source} {what}; needed is a row of an event")
        why = ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items()) if n)
        first = f"; line {rejected[0].line:,}: {rejected[0].reason}" if rejected else ""
        raise InvalidDataError(f"{source}: no row is an event ({why}){first}")
    return table, rejected, counts


def _another(row: Mapping[str, Any]) -> Rejected:
    """A row that says something else under the id of an earlier one."""
    fields = {name: row[name] for name in SCHEMA if row[name] not in (None, [])}
    fields.pop("line")
    return Rejected(
        row["line"],
        f"id is {row['id']!r}, which line {row['first_line']:,} bears for another event; an id "
        "names one event: --map id=COLUMN names another column, --map id= none",
        json.dumps(fields, ensure_ascii=False),
        "id_of_another",
    )


def _line(one: Rejected) -> int:
    return one.line
