"""The tables of the log, the catalogue and the states."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

WideInteger: Final = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere; SQLite numbers rows by itself only where the type reads INTEGER."""

metadata: Final = MetaData()

users: Final = Table(
    "users",
    metadata,
    Column("uid", WideInteger, primary_key=True, autoincrement=True),
    Column("user_id", Text, nullable=False, unique=True),
    Column("revision", WideInteger, nullable=False, server_default=text("0")),
    Column("last_cursor", WideInteger, nullable=False, server_default=text("0")),
    Column("newest_s", Double),
    Column("events", WideInteger, nullable=False, server_default=text("0")),
    Column("attributes", Text),
    sqlite_autoincrement=True,
)
"""`newest_s` is the time of the newest event left; NULL: none is left.

`attributes` is JSON, NULL where nobody told of any; erased with this row."""

items: Final = Table(
    "items",
    metadata,
    Column("iid", WideInteger, primary_key=True, autoincrement=False),
    Column("item_id", Text, nullable=False, unique=True),
    Column("payload", Text),
    Column("search_text", Text, nullable=False),
    Column("added_s", Double, nullable=False),
)
"""`iid` counts from 1 without a gap, so that a row is `iid - 1`; a NULL payload is a stub.

`added_s` is when the item was put, infinity for a stub; the events say when it was met."""

events: Final = Table(
    "events",
    metadata,
    Column("cursor", WideInteger, primary_key=True, autoincrement=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("uid", WideInteger, ForeignKey("users.uid"), nullable=False),
    Column("iid", WideInteger, ForeignKey("items.iid")),
    Column("type", Text, nullable=False),
    Column("value", Double),
    Column("time_s", Double, nullable=False),
    Column("words", Text),
    Column("context", Text),
    Column("flags", Text, nullable=False, server_default=text("''")),
    Index("events_by_user", "uid", "time_s", "cursor"),
    Index("events_by_time", "time_s"),
    sqlite_autoincrement=True,
)
"""`sqlite_autoincrement` is what keeps a cursor from being used twice."""

states: Final = Table(
    "states",
    metadata,
    Column("uid", WideInteger, ForeignKey("users.uid"), primary_key=True, autoincrement=False),
    Column("artifact", Text),
    Column("cursor", WideInteger, nullable=False),
    Column("revision", WideInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

tombstones: Final = Table(
    "tombstones",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("reason", Text, nullable=False),
)
"""HMACs of event ids that must not come back; reason is `undone` or `erased`."""

meta: Final = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
