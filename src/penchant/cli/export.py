"""`penchant export`: the log and the catalogue back into files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, Config, Db
from penchant.core.errors import InvalidDataError

EXAMPLE = "penchant export --to events.jsonl --items items.jsonl"


def export(
    db: Db = DATABASE,
    to: Annotated[
        Path | None, typer.Option("--to", help="Events: a .jsonl, .csv or .parquet file.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option("--items", help="Items: a .jsonl, .csv or .parquet file.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write every event and item, such that `penchant ingest` gives them back.

    A file with exactly the columns of an export, and an id in every row, is not cleaned when it is
    read. A field of a CSV may have 1,048,576 characters and 1,000 lines; JSONL and Parquet set no
    bound.
    """
    from penchant.cli.opening import open_or_ask
    from penchant.cli.terminal import Bar, print_json, progress, stdout
    from penchant.ingest.export import write_events, write_items

    if to is None and items is None:
        raise InvalidDataError("nothing to export; name files with --to, --items or both")
    if to is not None and items is not None and to.resolve() == items.resolve():
        raise InvalidDataError(f"--to and --items are both {to}; allowed are two files")
    result: dict[str, int] = {}
    with open_or_ask(db, config) as engine, progress() as bars:
        if to is not None:
            with _whole(to) as draft:
                bar = Bar(bars, "events", "events")
                total = engine.facts()["events"]
                result["events"] = write_events(
                    engine.events(), draft, lambda done, _: bar(done, total)
                )
        if items is not None:
            with _whole(items) as draft:
                result["items"] = write_items(engine.items(), draft)
    if as_json:
        print_json({"db": str(db), **result})
        return
    for path, name in ((to, "events"), (items, "items")):
        if path is not None:
            stdout().print(f"{path}: {result[name]:,} {name}", markup=False)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A draft that takes the place of `path` when it is whole, and is gone when it is not."""
    from penchant.ingest.export import FORMATS

    if path.suffix not in FORMATS:
        raise InvalidDataError(f"{path} ends in {path.suffix!r}; allowed are {', '.join(FORMATS)}")
    draft = path.with_name(f".draft-{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
