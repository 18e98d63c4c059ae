"""`penchant prune`: delete the models that training has left behind."""

from typing import Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, Config, Db

EXAMPLE = "penchant prune --keep 2"


def prune(
    keep: Annotated[
        int,
        typer.Option("--keep", min=0, help="How many of the newest artifacts stay."),
    ],
    db: Db = DATABASE,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Delete published artifacts but the newest, and the one that serves, which always stays."""
    from penchant.cli.opening import open_engine
    from penchant.cli.terminal import print_json, stdout

    with open_engine(db, config) as engine:
        deleted = engine.prune(keep)
        kept = engine.facts()["artifacts"]
    if as_json:
        print_json({"db": str(db), "deleted": deleted, "kept": kept})
        return
    stdout().print(f"{len(deleted):,} artifacts deleted, {len(kept):,} kept", markup=False)
    for artifact in deleted:
        stdout().print(f"- {artifact}", markup=False)
