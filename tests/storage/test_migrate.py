import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from penchant.core.errors import StorageError, StorageVersionError
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.storage import open_database
from penchant.storage.migrate import HEAD
from penchant.storage.schema import metadata


def test_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    with (
        open_database(tmp_path / "log.db") as database,
        database.log._readers.reading() as connection,
    ):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
        made = dict(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all())
    for name in ("events", "users"):
        assert "AUTOINCREMENT" in made[name]


def test_a_closed_database_is_one_file_that_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.db"
    with open_database(path) as database:
        database.log.append([Event(UserId("ann"), "view", 1.0, id=EventId("a"))])
        database.close()
    assert [each.name for each in path.parent.iterdir()] == ["log.db"]
    with open_database(path) as database:
        assert database.log.totals().events == 1
    with pytest.raises(StorageError, match="has been closed; open it again"):
        database.log.append([Event(UserId("ann"), "view", 1.0, id=EventId("b"))])


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.touch()
    with open_database(path) as database:
        assert database.log.totals().events == 0


def test_the_durable_settings_hold(tmp_path: Path) -> None:
    with open_database(tmp_path / "log.db") as database:
        for pragma, value in {
            "journal_mode": "wal",
            "synchronous": 2,
            "secure_delete": 1,
            "foreign_keys": 1,
        }.items():
            query = f"PRAGMA {pragma}"
            found = database.log._writer.run_alone(lambda c, q=query: c.execute(q).fetchall())
            assert (pragma, found) == (pragma, [(value,)])
        with (
            database.log._readers.reading() as connection,
            pytest.raises(Exception, match="readonly"),
        ):
            connection.exec_driver_sql("DELETE FROM events")


def refused(path: Path) -> str:
    before = path.read_bytes()
    with pytest.raises(StorageVersionError) as caught:
        open_database(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return str(caught.value)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    open_database(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    assert "has schema 0999, this version knows up to 0002; open it with the newer" in refused(path)


def test_a_file_of_the_first_schema_is_brought_here_with_all_that_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    event = Event(UserId("ann"), "view", 1.0, ItemId("tea"), id=EventId("a"))
    with monkeypatch.context() as earlier:
        earlier.setattr("penchant.storage.migrate.HEAD", "0001")
        with open_database(path) as database:
            database.log.append([event])
    with closing(sqlite3.connect(path)) as connection:
        columns = connection.execute("SELECT name FROM pragma_table_info('users')").fetchall()
        assert ("attributes",) not in columns
    with open_database(path) as database:
        assert database.log.history(UserId("ann"))[1] == [event]
        found = database.people.get(UserId("ann"))
        assert found == (None, 1, 1.0, 1.0, 1)
        database.people.put(UserId("ann"), {"plan": "gold"})
        assert database.people.get(UserId("ann")) == ({"plan": "gold"}, 1, 1.0, 1.0, 1)


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name)")
    assert "is the database of another program; name another file" in refused(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("user,item\n" * 500)
    assert "is not a SQLite database; name another file" in refused(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        open_database(tmp_path / "log.db")
