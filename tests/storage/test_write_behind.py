import logging
import time
from pathlib import Path

import pytest

from penchant.core.contracts import Head, Stored
from penchant.core.events import Event
from penchant.core.ids import Cursor, EventId, UserId
from penchant.storage import Database, SqlStates, WriteBehindStates, open_database

NEVER_S = 3_600.0


def user(number: int) -> UserId:
    return UserId(f"user{number:03}")


def state(number: int, payload: bytes = b"x" * 400) -> Stored:
    return Stored(None, Head(Cursor(number), 0), payload)


def opened(folder: Path, **settings) -> Database:
    database = open_database(folder / "log.db", **settings)
    database.log.append([Event(user(n), "view", 1.0, id=EventId(f"e{n}")) for n in range(100)])
    return database


def on_disk(database: Database) -> SqlStates:
    return SqlStates(database.log._readers, database.log._writer)


def test_states_outlive_a_close(tmp_path: Path) -> None:
    with opened(tmp_path, flush_every_s=NEVER_S) as database:
        database.states.write(user(1), state(1), None)
        assert on_disk(database).read(user(1)) is None
    with opened(tmp_path) as database:
        assert database.states.read(user(1)) == state(1)
        assert database.states.write(user(1), state(2), Head(Cursor(1), 0))


def test_states_reach_the_disk_by_themselves(tmp_path: Path) -> None:
    with opened(tmp_path, flush_every_s=0.01) as database:
        database.states.write(user(1), state(1), None)
        until = time.monotonic() + 5
        while on_disk(database).read(user(1)) is None and time.monotonic() < until:
            time.sleep(0.01)
        assert on_disk(database).read(user(1)) == state(1)


def test_memory_is_bounded_and_what_left_it_is_read_from_disk(tmp_path: Path) -> None:
    limit = 10_000
    with opened(tmp_path, flush_every_s=NEVER_S, state_bytes=limit) as database:
        for n in range(100):
            assert database.states.write(user(n), state(n), None)
            assert database.states._bytes <= limit
        assert [database.states.read(user(n)) for n in range(100)] == [state(n) for n in range(100)]
        assert database.states._bytes <= limit
        assert 0 < len(database.states._entries) < 12


def test_the_least_recently_used_leaves_first(tmp_path: Path) -> None:
    with opened(tmp_path, flush_every_s=NEVER_S, state_bytes=3_500) as database:
        for n in range(3):
            database.states.write(user(n), state(n), None)
        database.states.flush()
        database.states.read(user(0))
        database.states.write(user(3), state(3), None)
        assert list(database.states._entries) == [user(2), user(0), user(3)]


def test_a_state_forgotten_between_two_flushes_stays_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path, flush_every_s=NEVER_S) as database:
        database.states.write(user(1), state(1), None)
        database.states.forget(user(1))
        database.states.flush()
        assert on_disk(database).read(user(1)) is None
        assert database.states._bytes == 0


def test_an_erased_user_is_not_brought_back_by_a_late_flush(tmp_path: Path) -> None:
    with opened(tmp_path, flush_every_s=NEVER_S) as database:
        database.states.write(user(1), state(1), None)
        database.log.erase(user(1))
        database.states.flush()
        assert on_disk(database).read(user(1)) is None
        assert not on_disk(database).write(user(1), state(1), None)


def test_a_disk_that_is_full_costs_no_state(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, flush_every_s=NEVER_S, state_bytes=50_000) as database:
        states: WriteBehindStates = database.states
        run = database.log._writer.run_alone
        (pages,) = run(lambda c: c.execute("PRAGMA page_count").fetchone())
        run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").close())
        with caplog.at_level(logging.WARNING):
            for n in range(100):
                assert states.write(user(n), state(n), None)
        assert "states_not_flushed" in caplog.text
        run(lambda c: c.execute("PRAGMA max_page_count = 1000000").close())
        states.flush()
        assert [on_disk(database).read(user(n)) for n in range(100)] == [
            state(n) for n in range(100)
        ]
