"""`penchant ingest`: files, folders and bundled data go into the log; bad lines are kept beside."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from penchant.cli.failures import StoppedError
from penchant.cli.options import (
    DATABASE,
    AsJson,
    Columns,
    Config,
    Db,
    EventType,
    Order,
    mapping_of,
)
from penchant.core.errors import InvalidDataError

if TYPE_CHECKING:
    from penchant.cli.settings import Settings
    from penchant.core.items import Item
    from penchant.engine.engine import Engine
    from penchant.ingest.datasets import Dataset
    from penchant.ingest.rejects import Rejected

EXAMPLE = "penchant ingest clicks.csv --map user_id=visitorid --type view"
BATCH: Final = 25_000
"""Events in one transaction; 100,000 take 3 s (2 cores, 2025)."""
SHOWN: Final = 5
"""Rejected lines that are shown."""


def ingest(
    source: Annotated[
        str, typer.Argument(help="A file, a folder, or movietweetings or online-retail.")
    ],
    db: Db = DATABASE,
    items: Annotated[
        Path | None, typer.Option("--items", help="A file of items; a folder brings its own.")
    ] = None,
    columns: Columns = None,
    kind: EventType = None,
    order: Order = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Store nothing unless every row can be read.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take in the events and items of a file; the same file twice adds nothing.

    Rows that are no events or items go to DB.rejected.jsonl with file, line and reason, the
    others land. Exit code 1 when a row was rejected.
    """
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import Stopwatch, print_json
    from penchant.engine.engine import Engine
    from penchant.ingest.rejects import rejected_path

    watch, settings = Stopwatch(), load_settings(config)
    data, catalogue = _read(source, items, (mapping_of(columns), order, kind), settings)
    rejected = data.all_rejected(source)
    _refuse_if_strict(strict, data, rejected)
    with Engine.open(db, settings) as engine:
        file = rejected_path(engine.path)
        _keep_rejected(file, rejected)
        landed = _store(engine, data, catalogue)
    result = {
        "source": source,
        "db": str(db),
        "rows": data.counts["rows"],
        "landed": data.counts["events"],
        "new": landed["new"],
        "known": landed["duplicate"],
        "undone_before": landed["undone"],
        "items": len(catalogue),
        "counts": {name: n for name, n in data.counts.items() if n},
        "rejected": len(data.rejected),
        "rejected_items": data.counts["rejected_items"],
        "first_rejected": [
            {"source": of, "line": one.line, "kind": one.kind, "reason": one.reason}
            for of, one in rejected[:SHOWN]
        ],
        "rejected_file": str(file) if rejected else None,
        "seconds": watch.seconds(),
    }
    if as_json:
        print_json(result)
    else:
        _show(result)
    if rejected:
        raise typer.Exit(1)


_OfFiles = Sequence[tuple[str, "Rejected"]]
"""Rejected lines, each with the file it is of."""
_How = tuple[dict[str, str], str | None, str | None]
"""Mapping, order and default type."""


def _read(
    source: str, items: Path | None, how: _How, settings: "Settings"
) -> tuple["Dataset", "Sequence[Item]"]:
    """The data set after cleaning, and its items that are more than an id."""
    from dataclasses import replace

    from penchant.cli.terminal import Bar, progress
    from penchant.core.clock import SystemClock
    from penchant.core.items import Item
    from penchant.ingest.datasets import open_dataset
    from penchant.ingest.naming import parted
    from penchant.ingest.sources import read_items

    mapping, order, kind = how
    of_events, of_items = parted(mapping)
    with progress() as bars:
        data = open_dataset(
            source,
            of_events if items else mapping,
            order,
            kind,
            signals=settings.signals,
            progress=Bar(bars, "reading", ""),
            ids=True,
        )
        catalogue = {item.id: item for item in data.items if item != Item(item.id)}
        bar = Bar(bars, "items", "")
        broken: list[Rejected] = []
        for batch in read_items(items, mapping=of_items, progress=bar) if items else ():
            catalogue.update((item.id, item) for item in batch.items)
            broken += batch.rejected
        if items:
            counts = {
                **data.counts,
                "items_only_in_events": sum(item.id not in catalogue for item in data.items),
                "rejected_items": data.counts["rejected_items"] + len(broken),
            }
            of_each = {**data.rejected_items, **({str(items): broken} if broken else {})}
            data = replace(data, counts=counts, rejected_items=of_each)
        share = settings.training.held_out
        data = data.cleaned_before(share, settings.clean, SystemClock().now_s())
    return data, list(catalogue.values())


def _refuse_if_strict(strict: bool, data: "Dataset", rejected: _OfFiles) -> None:
    if strict and rejected:
        items = data.counts["rejected_items"]
        what = [f"{len(data.rejected):,} of {data.counts['rows']:,} rows"] * bool(data.rejected)
        what += [f"{items:,} of the items"] * bool(items)
        file, first = rejected[0]
        raise InvalidDataError(
            f"{' and '.join(what)} cannot be read and --strict stores all or nothing; nothing was "
            f"stored; {file}, line {first.line:,}: {first.reason}"
        )


def _keep_rejected(file: Path, rejected: _OfFiles) -> None:
    """Write what is not there yet, so that the same file twice adds nothing here either."""
    from penchant.ingest.rejects import keep, named, read_sources

    there = set(read_sources(file)) if rejected else set()
    for source, lines in groupby(rejected, key=lambda pair: pair[0]):
        keep(file, [one for _, one in lines if (named(source), one) not in there], source)


def _store(engine: "Engine", data: "Dataset", items: "Sequence[Item]") -> Counter[str]:
    """Items, then events in transactions of `BATCH`; how many were new and how many known."""
    from penchant.cli.terminal import Bar, progress

    seen: Counter[str] = Counter()
    with progress() as bars:
        try:
            bar = Bar(bars, "items", "items")
            for start in range(0, len(items), BATCH):
                bar(engine.put_items(items[start : start + BATCH]) + start, len(items))
            bar = Bar(bars, "events", "events")
            for batch in data.events(BATCH):
                seen.update(one.status for one in engine.observe_many(batch))
                bar(seen.total(), len(data.table))
        except KeyboardInterrupt:
            raise StoppedError(
                f"stopped; {seen.total():,} of {len(data.table):,} events are kept; the same "
                "command again adds the rest, and nothing twice"
            ) from None
    return seen


def _show(result: dict[str, Any]) -> None:
    from penchant.cli.terminal import note, stdout, table

    out = stdout()
    rate = result["landed"] / max(result["seconds"], 1e-3)
    out.print(
        f"{result['landed']:,} of {result['rows']:,} landed: {result['new']:,} new, "
        f"{result['known']:,} known before; {result['items']:,} items; "
        f"{result['seconds']:.1f} s, {rate:,.0f} events/s",
        soft_wrap=True,
        markup=False,
    )
    counts = [(n, f"{c:,}") for n, c in result["counts"].items() if n not in ("rows", "events")]
    if counts:
        out.print(table({"counted": "left", "": "right"}, counts))
    for one in result["first_rejected"]:
        of = "" if one["source"] == result["source"] else f"{one['source']}, "
        note(f"{of}line {one['line']:,}: {one['reason']}")
    rejected = result["rejected"] + result["rejected_items"]
    if rejected:
        more = rejected - len(result["first_rejected"])
        also = f"{more:,} more like these; " if more else ""
        note(f"{also}all {rejected:,} rejected lines are in {result['rejected_file']}")
