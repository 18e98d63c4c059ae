"""Schema 0001: events, users, items, states, tombstones and meta."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table of the first version."""
    op.create_table(
        "users",
        sa.Column("uid", _WIDE, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.Text(), nullable=False, unique=True),
        sa.Column("revision", _WIDE, nullable=False, server_default=sa.text("0")),
        sa.Column("last_cursor", _WIDE, nullable=False, server_default=sa.text("0")),
        sa.Column("newest_s", sa.Double()),
        sa.Column("events", _WIDE, nullable=False, server_default=sa.text("0")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "items",
        sa.Column("iid", _WIDE, primary_key=True, autoincrement=False),
        sa.Column("item_id", sa.Text(), nullable=False, unique=True),
        sa.Column("payload", sa.Text()),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("added_s", sa.Double(), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("cursor", _WIDE, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Text(), nullable=False, unique=True),
        sa.Column("uid", _WIDE, sa.ForeignKey("users.uid"), nullable=False),
        sa.Column("iid", _WIDE, sa.ForeignKey("items.iid")),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("words", sa.Text()),
        sa.Column("context", sa.Text()),
        sa.Column("flags", sa.Text(), nullable=False, server_default=sa.text("''")),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_user", "events", ["uid", "time_s", "cursor"])
    op.create_index("events_by_time", "events", ["time_s"])
    op.create_table(
        "states",
        sa.Column("uid", _WIDE, sa.ForeignKey("users.uid"), primary_key=True, autoincrement=False),
        sa.Column("artifact", sa.Text()),
        sa.Column("cursor", _WIDE, nullable=False),
        sa.Column("revision", _WIDE, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "tombstones",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
