"""The engine that a command works on: an existing database under the settings that hold here."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from penchant.cli.terminal import day, note
from penchant.core.errors import StorageError, StorageLockedError

if TYPE_CHECKING:
    from penchant.cli.remote import Remote
    from penchant.cli.settings import Settings
    from penchant.engine.engine import Engine

OLD_S: Final = 30 * 86_400.0
"""Age of the newest event from which on the wall clock is probably not meant."""


def open_engine(
    db: Path, config: Path | None, clock: Literal["wall", "log"] | None = None
) -> "Engine":
    """The engine of `db`, which must exist."""
    from penchant.cli.settings import load_settings

    return open_with(db, load_settings(config), clock)


def open_with(
    db: Path, settings: "Settings", clock: Literal["wall", "log"] | None = None
) -> "Engine":
    """The same under settings that were read before; `clock` overrules theirs."""
    from penchant.engine.engine import Engine

    must_exist(db)
    chosen = settings if clock is None else settings.model_copy(update={"clock": clock})
    return Engine.open(db, chosen)


def must_exist(db: Path) -> None:
    """Refuse a database that is not there, as a slip in its name is."""
    if not db.exists():
        raise StorageError(
            f"{db} does not exist; make it with `penchant init`, fill one with "
            "`penchant ingest FILE`, or name another with --db"
        )


def open_or_ask(
    db: Path, config: Path | None, clock: Literal["wall", "log"] | None = None
) -> "Engine | Remote":
    """The engine of `db`; where a server has it open, that server."""
    try:
        return open_engine(db, config, clock)
    except StorageLockedError:
        from penchant.cli.remote import Remote, server_of

        url = server_of(db)
        if url is None:
            raise
    if clock is not None or config is not None:
        note(f"note: {url} has {db} open; the clock and the settings are those of that server")
    return Remote(url)


def warn_if_old(engine: "Engine | Remote") -> None:
    """Say so where the wall clock makes every interest fade, and how to choose."""
    from penchant.engine.engine import Engine

    if not isinstance(engine, Engine):
        return  # whoever started the server was told
    newest_s = engine.facts()["newest_s"]
    if newest_s is None or engine.now_s() - newest_s <= OLD_S:
        return
    days = (engine.now_s() - newest_s) / 86_400
    note(
        f"note: the newest event is of {day(newest_s)}, {days:,.0f} days ago, so that interests "
        'have faded; --clock log, or clock = "log" in the config, takes its time for now'
    )
