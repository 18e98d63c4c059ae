"""`penchant undo`: take one event back, as if it had never been seen."""

from typing import Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, Config, Db
from penchant.core.errors import UnknownIdError

EXAMPLE = "penchant undo f5a30eb809ada160ffe6474616858342"


def undo(
    event: Annotated[str, typer.Argument(help="The id of an event, as `observe` gave it.")],
    db: Db = DATABASE,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Take one event out of the log, the counts and the interests; a resend stays out."""
    from penchant.cli.opening import open_or_ask
    from penchant.cli.terminal import print_json, stdout

    with open_or_ask(db, config) as engine:
        if not engine.undo(event):
            raise UnknownIdError(
                f"no event has the id {event!r}; nothing was undone; `penchant export` lists ids"
            )
    if as_json:
        print_json({"event": event, "undone": True})
    else:
        stdout().print(f"{event}: undone", markup=False)
