"""`penchant doctor`: is everything sound, and if not, what to do."""

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from penchant.cli.options import DATABASE, AsJson, Config, Db
from penchant.core.errors import PenchantError, StorageLockedError

if TYPE_CHECKING:
    from penchant.cli.settings import Settings
    from penchant.engine.engine import Engine

EXAMPLE = "penchant doctor --db films.db"
ROOM: Final = 100 * 2**20
"""Free bytes below which the next training or a long day may fill the disk."""


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    fine: bool
    says: str
    """What was found, and what to do where it is not fine."""


def doctor(
    db: Db = DATABASE,
    sample: Annotated[
        int, typer.Option("--sample", help="Users whose states are folded afresh.")
    ] = 20,
    url: Annotated[
        str | None,
        typer.Option("--url", help="A running server to look at, in place of a database file."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", envvar="PENCHANT_KEY", help="For --url, if it needs one.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, file, log, catalogue, artifact, states and disk. Exit code 1: see to it.

    With --url, and where a server has the file open, that server: whether events become visible in
    time, what it refuses, what waits, how old its model is and how much memory it takes.
    """
    from penchant.cli.terminal import print_json, stdout, table

    checks = list(_checks(db, config, sample, key) if url is None else _running(url, key))
    fine = all(check.fine for check in checks)
    if as_json:
        print_json({"fine": fine, "checks": [check._asdict() for check in checks]})
    else:
        rows = [("ok" if check.fine else "WRONG", check.name, check.says) for check in checks]
        stdout().print(table({"": "left", "what": "left", "found": "fold"}, rows))
    if not fine:
        raise typer.Exit(1)


def _running(url: str, key: str | None) -> Iterator[Check]:
    """What a server says of itself; how much memory there is we know of this machine alone."""
    from penchant.serving.config import loopback
    from penchant.serving.probe import NoServerError, host_of, probe

    memory = None
    if loopback(host_of(url)) and hasattr(os, "sysconf"):
        memory = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        yield from (Check(*found) for found in probe(url, key, memory))
    except NoServerError as error:
        yield Check("server", False, str(error))


def _checks(db: Path, config: Path | None, sample: int, key: str | None) -> Iterator[Check]:
    from penchant.cli.opening import open_with
    from penchant.cli.remote import server_of
    from penchant.cli.settings import load_settings

    try:
        settings = load_settings(config)
    except PenchantError as error:
        yield Check("settings", False, str(error))
        return  # everything else depends on them
    yield Check("settings", True, f"{len(settings.signals)} event types")
    yield _disk(db)
    try:
        engine = open_with(db, settings)
    except StorageLockedError as error:
        url = server_of(db)
        yield Check("database", url is not None, f"{url} has it open" if url else str(error))
        yield from _running(url, key) if url else ()
        return
    except (PenchantError, OSError) as error:
        yield Check("database", False, str(error))
        return
    with engine:
        yield from _opened(engine, settings, sample)


def _opened(engine: "Engine", settings: "Settings", sample: int) -> Iterator[Check]:
    """What can be asked of an open engine; it opened, so schema, types and artifact are right."""
    facts = engine.facts()
    yield Check("database", True, f"{facts['path']} opens, with the schema of this version")
    try:
        yield _log(engine, settings)
    except PenchantError as error:
        yield Check("log", False, f"{error}; restore the file from a copy")
        return
    items = len(engine.items())
    yield Check(
        "catalogue", items == facts["items"], f"{items:,} items, {facts['items']:,} in the file"
    )
    yield _artifact(engine)
    yield _states(engine, sample)


def _log(engine: "Engine", settings: "Settings") -> Check:
    """Reads every event, so that every page of the file is read."""
    facts = engine.facts()
    events, odd = 0, 0
    for event in engine.events():
        events += 1
        odd += event.type not in settings.signals or not math.isfinite(event.time_s)
    by_user = sum(count for _, count, _ in engine.users(limit=facts["users"] + 1))
    if odd or not events == facts["events"] == by_user:
        says = (
            f"{events:,} events, of which {odd:,} odd; counted {facts['events']:,} by type and "
            f"{by_user:,} by user; save them with `penchant export` and ingest that elsewhere"
        )
        return Check("log", False, says)
    flags = ", ".join(f"{count:,} {flag}" for flag, count in facts["flags"].items())
    return Check(
        "log",
        True,
        f"{events:,} events of {facts['users']:,} users; flagged: {flags or 'none'}",
    )


def _artifact(engine: "Engine") -> Check:
    if engine.artifact is None:
        return Check("artifact", True, "none yet; `penchant train` makes one")
    return Check("artifact", True, f"{engine.artifact} is as it was published")


def _states(engine: "Engine", sample: int) -> Check:
    users = [user for user, _, _ in engine.users(limit=sample)]
    strays = engine.strays(users)
    if strays:
        says = (
            f"{len(strays)} of {len(users)} differ from a fresh fold of the log; "
            "`penchant train` makes all states anew; please report this"
        )
        return Check("states", False, says)
    return Check("states", True, f"those of {len(users)} users equal a fresh fold of the log")


def _disk(db: Path) -> Check:
    folder = db.resolve().parent
    if not folder.exists():
        return Check("disk", False, f"{folder} does not exist; make it with `penchant init`")
    free = shutil.disk_usage(folder).free
    size = db.stat().st_size if db.exists() else 0
    needed = max(ROOM, size)
    says = f"{free / 2**20:,.0f} MiB free where the database has {size / 2**20:,.0f} MiB"
    if free < needed:
        says += f"; keep at least {needed / 2**20:,.0f} MiB free"
    return Check("disk", free >= needed, says)
