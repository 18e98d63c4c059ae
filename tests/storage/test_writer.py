import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event

from penchant.core.errors import StorageError, StorageFullError
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.storage import Database, open_database


@pytest.fixture
def database(tmp_path: Path):
    with open_database(tmp_path / "log.db") as opened:
        yield opened


def view(name: str, user: str = "ann", words: str | None = None) -> Event:
    return Event(UserId(user), "view", 1.0, ItemId("tea"), id=EventId(name), words=words)


def stored(database: Database) -> list[str]:
    return [str(event.id) for _, event in database.log.scan()]


class HeldUp:
    """While open, the writer is busy, so that what is submitted has to wait together."""

    def __init__(self, database: Database) -> None:
        self._writer = database.log._writer
        self._go = threading.Event()
        self._busy = threading.Event()

    def __enter__(self) -> None:
        def wait(_: object) -> None:
            self._busy.set()
            self._go.wait()

        self._thread = threading.Thread(target=self._writer.run, args=(wait,))
        self._thread.start()
        assert self._busy.wait(60)

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._thread.join()


def together(database: Database, works, before: Callable[[], None] = lambda: None) -> list:
    """Submit all while the writer is held up, in their order; their answers or errors."""
    queue = database.log._writer._jobs
    with ThreadPoolExecutor(len(works)) as pool:
        answers = []
        with HeldUp(database):
            before()
            for work in works:
                answers.append(pool.submit(work))
                while queue.qsize() < len(answers):
                    pass
        return [answer.exception() or answer.result() for answer in answers]


def appending(database: Database, *names: str, words: str | None = None):
    return lambda: database.log.append([view(name, words=words) for name in names])


def test_what_waits_together_is_committed_together(database: Database) -> None:
    commits: list[object] = []
    sqlalchemy_event.listen(database.log._writer._engine, "commit", commits.append)
    answers = together(database, [appending(database, f"e{n}", "same") for n in range(30)])
    assert [answer.new for answer in answers] == [[True, True]] + [[True, False]] * 29
    assert len(commits) == 2  # the held-up job, then the thirty
    assert sorted(stored(database)) == sorted([*(f"e{n}" for n in range(30)), "same"])


def test_a_failing_job_takes_back_only_itself(database: Database) -> None:
    def fail_halfway(connection) -> None:
        connection.exec_driver_sql("DELETE FROM events")
        raise ValueError("changed my mind")

    def break_a_rule(connection) -> None:
        connection.exec_driver_sql("UPDATE events SET iid = 999")

    run = database.log._writer.run
    answers = together(
        database,
        [
            appending(database, "a"),
            lambda: run(fail_halfway),
            appending(database, "b"),
            lambda: run(break_a_rule),
            appending(database, "c"),
        ],
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Appended",
        "ValueError",
        "Appended",
        "StorageError",
        "Appended",
    ]
    assert "FOREIGN KEY" in str(answers[3])
    assert stored(database) == ["a", "b", "c"]


def limit_pages(database: Database, more: int) -> None:
    def set_limit(connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + more}").close()

    database.log._writer.run_alone(set_limit)


def test_a_full_disk_is_said_and_nothing_is_half_written(database: Database) -> None:
    database.log.append([view("before")])
    limit_pages(database, more=3)
    with pytest.raises(StorageFullError, match=r"log\.db cannot grow.*free some space") as caught:
        database.log.append([view(f"big{n}", words="x" * 3_000) for n in range(20)])
    assert caught.value.__cause__ is not None
    assert stored(database) == ["before"]
    assert database.log.append([view("small")]).new == [True]  # this one fits
    limit_pages(database, more=10_000)
    done = database.log.append([view(f"big{n}", words="x" * 3_000) for n in range(20)])
    assert done.new == [True] * 20
    assert len(stored(database)) == 22


def test_a_job_that_fills_the_disk_does_not_fail_those_it_was_with(database: Database) -> None:
    limit_pages(database, more=3)
    answers = together(
        database,
        [
            appending(database, "a"),
            appending(database, "big", words="x" * 100_000),
            appending(database, "b"),
        ],
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Appended",
        "StorageFullError",
        "Appended",
    ]
    assert stored(database) == ["a", "b"]


def test_many_threads_append_and_each_answer_is_true(database: Database) -> None:
    answers: dict[tuple[int, int], object] = {}

    def live(number: int) -> None:
        for n in range(40):
            answers[number, n] = database.log.append(
                [view(f"{number}-{n}", f"user{number}"), view(f"shared-{n}")]
            )
            assert database.log.get(EventId(f"{number}-{n}")) is not None  # visible once answered

    threads = [threading.Thread(target=live, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 320
    assert len(stored(database)) == len(set(stored(database))) == 360
    for n in range(40):
        assert sum(answers[number, n].new[1] for number in range(8)) == 1
    cursors = [cursor for cursor, _ in database.log.scan()]
    assert cursors == list(range(1, 361))
    assert {count.user: count.events for count in database.log.users()} == {
        "ann": 40,
        **{f"user{number}": 40 for number in range(8)},
    }


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    database = open_database(tmp_path / "log.db")
    threads = [threading.Thread(target=appending(database, f"e{n}")) for n in range(10)]
    with HeldUp(database):
        for thread in threads:
            thread.start()
        while database.log._writer._jobs.qsize() < 10:
            pass
    database.close()
    for thread in threads:
        thread.join()
    with pytest.raises(StorageError):
        database.log.append([view("after")])
    with open_database(tmp_path / "log.db") as again:
        assert len(stored(again)) == 10


def test_the_write_ahead_log_stays_small(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.storage.writer.CHECKPOINT_BYTES", 200_000)
    database.log._writer._checkpoint_at = 200_000
    sizes = []
    for n in range(60):
        database.log.append([view(f"{n}-{k}", words="x" * 1_000) for k in range(20)])
        sizes.append((tmp_path / "log.db-wal").stat().st_size)
    assert max(sizes) < 5 * 200_000  # four times the limit and one append; 3.6 MB were written
    assert len(stored(database)) == 1_200


def checkpoints_raise(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """No real fault reaches a checkpoint alone."""

    def fail(*_: object, **__: object) -> bool:
        raise error

    monkeypatch.setattr("penchant.storage.writer.truncate_wal", fail)
    monkeypatch.setattr("penchant.storage.writer.CHECKPOINT_BYTES", 0)
    database.log._writer._checkpoint_at = 0


@pytest.mark.parametrize("error", [sqlite3.DatabaseError("malformed"), OSError(5, "no disk")])
def test_a_checkpoint_that_fails_does_not_end_the_writer(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    checkpoints_raise(database, monkeypatch, error)
    for name in ("a", "b", "c"):
        assert database.log.append([view(name)]).new == [True]
    assert stored(database) == ["a", "b", "c"]


def test_when_the_writer_ends_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_database(tmp_path / "log.db") as database:
        database.log.append([view("before")])
        database.log.check()
        answers = together(
            database,
            [appending(database, "a"), appending(database, "b")],
            # not before: the writer may not have looked yet what "before" has left to checkpoint
            lambda: checkpoints_raise(database, monkeypatch, MemoryError("none left")),
        )
        answers += together_later(database)
        assert [type(answer) for answer in answers] == [StorageError] * 4
        for answer in answers:
            assert "log.db is not written any more: MemoryError('none left')" in str(answer)
            assert isinstance(answer.__cause__, MemoryError)
        assert stored(database) == ["before"]
    monkeypatch.undo()
    with open_database(tmp_path / "log.db") as again:
        assert again.log.append([view("after")]).new == [True]
        assert stored(again) == ["before", "after"]


def together_later(database: Database) -> list[BaseException | None]:
    """What a write and a check raise once the writer has ended."""
    with ThreadPoolExecutor(1) as pool:
        works = [appending(database, "late"), database.log.check]
        return [pool.submit(work).exception(timeout=5) for work in works]
