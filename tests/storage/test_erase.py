import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.contracts import Head, Stored
from penchant.core.events import Event
from penchant.core.ids import START, ArtifactId, Cursor, EventId, ItemId, UserId
from penchant.storage import Database, open_database
from penchant.storage.log import _erase, _remove
from penchant.storage.scrub import gap
from penchant.storage.writer import truncate_wal

GHOST = UserId("ghost-7f3a")
MARK = b"ghost-7f3a"
CUT_OFF = """
import os, signal, sys
from pathlib import Path
from penchant.core.events import Event
from penchant.storage import open_database

database = open_database(Path(sys.argv[1]))
for user in ("ghost-7f3a", "ann"):
    database.log.append([Event(user, "view", 1.0, "tea", id=f"{user}{n}") for n in range(5)])

def die(_):
    os.kill(os.getpid(), signal.SIGKILL)

database.log._scrubber.scrub = die
database.erase("ghost-7f3a")
"""


def files_with(mark: bytes, folder: Path) -> Sequence[str]:
    """Read from outside: a file that this process closes would drop SQLite's locks on it."""
    found = subprocess.run(
        ["grep", "-rlaF", mark.decode(), str(folder)], capture_output=True, text=True, check=False
    )
    return [Path(line).name for line in found.stdout.splitlines()]


def sound(database: Database) -> bool:
    rows = database.log._writer.run_alone(lambda c: c.execute("PRAGMA integrity_check").fetchall())
    return rows == [("ok",)]


def events_of(user: UserId, rng: random.Random, n: int, size: int = 0) -> Sequence[Event]:
    return [
        Event(
            user=user,
            type="view",
            time_s=rng.random() * 1e9,
            item=ItemId(f"item{rng.randrange(50)}"),
            id=EventId(f"{rng.getrandbits(64):016x}{user}"),
            words=f"{user} said {'x' * rng.randrange(size + 1)}",
            context={"by": user},
        )
        for _ in range(n)
    ]


def test_erasure_is_receipted_and_the_user_is_a_stranger_again(tmp_path: Path) -> None:
    told = events_of(GHOST, random.Random(1), 3)
    with open_database(tmp_path / "log.db") as database:
        database.log.append(told)
        assert database.states.write(GHOST, Stored(None, Head(Cursor(3), 0), b"state"), None)
        artifact = ArtifactId("20260101T000000Z-000000000000")
        assert database.erase(GHOST, [artifact]) == (GHOST, 3, 1, [artifact], [])
        assert database.log.history(GHOST) == (Head(START, 0), [])
        assert database.states.read(GHOST) is None
        assert database.log.append(told).undone == [True, True, True]
        assert files_with(MARK, tmp_path) == []
        assert database.erase(GHOST) == (GHOST, 0, 0, (), [])
        back = database.log.append(events_of(GHOST, random.Random(2), 1))
        assert (back.new, back.cursor) == ([True], 4)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([0, 30, 300, 9_000]), n=st.integers(1, 60))
def test_no_byte_of_an_erased_user_is_left_in_any_file(seed: int, size: int, n: int) -> None:
    rng = random.Random(seed)
    others = [UserId(f"user{k}") for k in range(20)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        with open_database(folder / "log.db", flush_every_s=0.01) as database:
            for _ in range(8):
                batch = [*events_of(GHOST, rng, n, size)]
                for user in others:
                    batch += events_of(user, rng, rng.randrange(20), size)
                rng.shuffle(batch)
                done = database.log.append(batch)
                for event in rng.sample(batch, len(batch) // 10):
                    database.log.remove(EventId(str(event.id)))
            for told in range(rng.randrange(4)):
                database.people.put(GHOST, {f"{told} of {GHOST}": f"{GHOST}{'y' * size}"})
                for user in others:
                    database.people.put(user, {"plan": "z" * rng.randrange(size + 1)})
            database.states.write(GHOST, Stored(None, Head(done.cursor, 0), MARK * 50), None)
            database.states.flush()
            assert files_with(MARK, folder) != []
            before = [event for _, event in database.log.scan() if event.user != GHOST]
            assert database.erase(GHOST).remains == []
            assert files_with(MARK, folder) == []
            assert sound(database)
            database.log.append(events_of(others[0], rng, 200, size))  # cached pages stay clean
            assert [event for _, event in database.log.scan()][: len(before)] == before
            assert files_with(MARK, folder) == []
        assert files_with(MARK, folder) == []


@pytest.mark.slow
def test_copies_that_secure_delete_leaves_between_cells_are_zeroed(tmp_path: Path) -> None:
    rng = random.Random(0)
    ghosts = [UserId(f"ghost-{k:04}") for k in range(100)]
    everybody = [*ghosts, *(UserId(f"user-{k:05}") for k in range(100))]
    with open_database(tmp_path / "log.db") as database:
        log = database.log
        for _ in range(15):
            batch = [
                each for _ in range(2_000) for each in events_of(rng.choice(everybody), rng, 1)
            ]
            log.append(batch)
            undone = [EventId(str(each.id)) for each in rng.sample(batch, 280)]
            log._writer.run(lambda c, ids=undone: [_remove(c, each, log._key) for each in ids])
        for ghost in ghosts:
            log._writer.run(lambda c, user=ghost: _erase(c, user, log._key))
        log._writer.run_alone(lambda c: truncate_wal(c, wait_ms=0))
        if not files_with(b"ghost-", tmp_path):
            pytest.skip("this version of SQLite leaves no copies")
        assert database.erase(everybody[-1]).remains == []
        assert files_with(b"ghost-", tmp_path) == []
        assert sound(database)
        assert len(list(log.scan())) == log.totals().events > 10_000


@pytest.mark.slow
def test_erasing_2000_of_100000_events_takes_less_than_a_second(tmp_path: Path) -> None:
    rng = random.Random(3)
    with open_database(tmp_path / "log.db") as database:
        database.log.append(events_of(GHOST, rng, 2_000))
        for _ in range(10):
            batch: list[Event] = []
            for k in range(100):
                batch += events_of(UserId(f"user{k}"), rng, 98)
            database.log.append(batch)
        began = time.perf_counter()
        receipt = database.erase(GHOST)
        took_s = time.perf_counter() - began
        assert (receipt.events, receipt.remains) == (2_000, [])
        assert files_with(MARK, tmp_path) == []
    assert took_s < 1.0


@pytest.mark.slow
def test_a_long_read_delays_the_cleaning_and_the_receipt_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.storage.log._SCRUBS", 1)
    with open_database(tmp_path / "log.db") as database:
        database.log.append(events_of(GHOST, random.Random(1), 3))
        with database.log._readers.reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM events").all()
            (sentence,) = database.erase(GHOST).remains
            assert "log.db-wal" in sentence
            assert "erase again" in sentence
        assert database.erase(GHOST).remains == []
        assert files_with(MARK, tmp_path) == []


def test_opening_completes_an_erasure_that_a_kill_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    killed = subprocess.run([sys.executable, "-c", CUT_OFF, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert files_with(MARK, tmp_path) == ["log.db-wal"]
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    data = bytearray(path.read_bytes())
    first, last = gap(data, 4096, 4096)  # a copy between cells, such as SQLite may leave there
    assert last - first > len(MARK)
    data[first : first + len(MARK)] = MARK
    path.write_bytes(data)
    with open_database(path) as database:
        assert files_with(MARK, tmp_path) == []
        assert database.log.finish_erasures() is None
        assert [event.user for _, event in database.log.scan()] == ["ann"] * 5


def test_erasing_while_others_append_loses_nothing_of_theirs(tmp_path: Path) -> None:
    with open_database(tmp_path / "log.db") as database:

        def live(number: int) -> None:
            rng = random.Random(number)
            for event in events_of(UserId(f"user{number}"), rng, 30):
                database.log.append([event])

        threads = [threading.Thread(target=live, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for n in range(5):
            database.log.append(events_of(GHOST, random.Random(100 + n), 5))
            assert database.erase(GHOST).events == 5
        for thread in threads:
            thread.join()
        assert [count.events for count in database.log.users()] == [30] * 4
        assert sound(database)
        assert files_with(MARK, tmp_path) == []
