"""`penchant init`: the settings written out with their defaults, and an empty database."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.options import AsJson
from penchant.core.errors import ConfigError

EXAMPLE = "penchant init films"


def init(
    folder: Annotated[Path, typer.Argument(help="Where to; it is made if needed.")] = Path(),
    db: Annotated[
        Path | None,
        typer.Option(
            "--db", envvar="PENCHANT_DB", help="The database; without it penchant.db there."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the settings anew over those there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a commented penchant.toml with every key and default, and make the database.

    A database that is there is kept in any case.
    """
    from penchant.cli.settings import FILE, Settings, load_settings
    from penchant.cli.terminal import print_json, stdout
    from penchant.core.config_template import template
    from penchant.engine.engine import Engine

    file, database = folder / FILE, db or folder / "penchant.db"
    if file.exists() and not force:
        raise ConfigError(f"{file} exists already; keep it, or write it anew with --force")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(template(Settings), encoding="utf-8")
    made = not database.exists()
    with Engine.open(database, load_settings(file)) as engine:
        events = engine.facts()["events"]
    if as_json:
        print_json({"config": str(file), "db": str(database), "made_db": made, "events": events})
        return
    out = stdout()
    out.print(f"{file}: every setting with its default", markup=False)
    kept = "an empty database" if made else f"kept, with {events:,} events"
    out.print(f"{database}: {kept}", markup=False)
    given = "" if folder == Path() else f" --config {file}"
    out.print(f"next: penchant ingest movietweetings --db {database}{given}", markup=False)
