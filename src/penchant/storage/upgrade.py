"""Run the migrations that a file lacks; loaded only where one does."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).with_name("migrations")))


def known() -> set[str]:
    """Every schema that there is a migration to."""
    return {script.revision for script in _scripts().walk_revisions()}


def upgrade(connection: Connection, head: str) -> None:
    """Run what is missing up to `head` inside the caller's transaction."""
    scripts = _scripts()

    def steps(present: Any, _context: MigrationContext) -> Iterable[Any]:
        return scripts._upgrade_revs(head, present)

    context = MigrationContext.configure(
        connection, opts={"fn": steps, "transactional_ddl": True, "script": scripts}
    )
    with Operations.context(context):
        context.run_migrations()
