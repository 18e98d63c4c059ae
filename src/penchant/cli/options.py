"""Options that several commands share, each named and explained once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from penchant.core.errors import ConfigError

DATABASE: Final = Path("penchant.db")

Db = Annotated[Path, typer.Option("--db", envvar="PENCHANT_DB", help="The database file.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="PENCHANT_CONFIG",
        help="The settings; without it penchant.toml of this folder, if there is one.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="The column of a field: user_id=visitorid, of an items' field item.title=name. "
        "Again for each; common names need none.",
    ),
]
EventType = Annotated[
    str | None, typer.Option("--type", help="Type of every event, where no column says it.")
]
Order = Annotated[
    str | None,
    typer.Option("--order", help="A column with the true order of each user's events."),
]
ClockName = Annotated[
    Literal["wall", "log"] | None,
    typer.Option("--clock", help="Whose time it is: the wall's, or that of the newest event."),
]


def mapping_of(pairs: Iterable[str] | None) -> dict[str, str]:
    """`--map` as field -> column.

    >>> mapping_of(["user_id=visitorid", "time=at=utc"])
    {'user_id': 'visitorid', 'time': 'at=utc'}
    """
    found: dict[str, str] = {}
    for pair in pairs or ():
        field, equals, column = pair.partition("=")
        if not equals or not field:
            raise ConfigError(f"--map {pair!r} is no mapping; allowed is FIELD=COLUMN")
        if found.setdefault(field, column) != column:
            raise ConfigError(
                f"--map names {field} twice: {found[field]!r} and {column!r}; allowed is one column"
            )
    return found
