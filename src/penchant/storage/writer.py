"""The one writer: whatever waits is done in one transaction, made durable, then answered."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from penchant.core.errors import StorageError
from penchant.storage.connections import writing_engine
from penchant.storage.failures import storage_error

T = TypeVar("T")

TOGETHER: Final = 256
"""Most jobs in one transaction: bounds the wait of the first."""
CHECKPOINT_BYTES: Final = 16 * 2**20
"""Write-ahead log that is folded into the file when nobody waits; four times that, anyhow."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    alone: bool = False
    """Outside any transaction, as checkpoints must be."""
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any
    error: Exception | None = None


class _LostError(Exception):
    """SQLite gave up the whole transaction, and with it the jobs before the failing one."""


class Writer:
    """Runs jobs on the only connection that writes.

    A job may be run twice (when another one took the transaction down), so it must do nothing
    but what its connection can take back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._engine = writing_engine(path)
        try:
            self._connection = self._engine.connect()
        except DBAPIError as error:
            self._engine.dispose()
            raise storage_error(error, path) from error
        self._raw = cast(sqlite3.Connection, self._connection.connection.driver_connection)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._failure: BaseException | None = None
        self._checkpoint_at = CHECKPOINT_BYTES
        self._thread = threading.Thread(target=self._serve, name="penchant-writer", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction; what it returns is durable."""
        return cast(T, self._done(_Job(work)))

    def run_alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` between two transactions, on the bare connection."""
        return cast(T, self._done(_Job(lambda _: work(self._raw), alone=True)))

    def close(self) -> None:
        """Finish what waits, fold the write-ahead log into the file, and let go of it."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._connection.close()
        self._engine.dispose()

    def check(self) -> None:
        """Raise `StorageError` where nothing is written any more."""
        if self._failure is not None:
            raise self._ended(self._failure) from self._failure
        if self._closed:
            raise StorageError(f"{self._path} has been closed; open it again to write")

    def _done(self, job: _Job) -> Any:
        """The answer; a Ctrl-C, or whatever a handler of signals raises, is heard once the job is
        done, for that cannot be called off, and whoever hears it finds the log as it will be.
        """
        try:
            return self._submit(job).result()
        except BaseException:
            if not job.answer.done():
                self._wait_for_those_before()
            raise

    def _wait_for_those_before(self) -> None:
        """Until what was handed in is done, in its order, however often that is interrupted."""
        while True:
            try:
                self._submit(_Job(lambda _: None)).result()
            except StorageError:
                return  # nothing is written any more
            except BaseException:  # noqa: BLE001 - the first one is on its way already
                continue
            return

    def _submit(self, job: _Job) -> "Future[Any]":
        with self._gate:
            self.check()
            self._jobs.put(job)
        return job.answer

    def _serve(self) -> None:
        jobs: Sequence[_Job] = ()
        last = False
        try:
            while not last:
                jobs, last = self._waiting()
                together = [job for job in jobs if not job.alone]
                if together:
                    self._do(together)
                for job in jobs:
                    if job.alone:
                        _answer(job, self._attempt(job))
                self._checkpoint_when_due()
        except BaseException as error:  # noqa: BLE001 - it belongs to all who wait
            self._give_up(jobs, error)

    def _give_up(self, jobs: Sequence[_Job], error: BaseException) -> None:
        """Answer those who wait, in hand or in the queue; who comes later is told at once."""
        with self._gate:
            self._failure = error
        waiting: list[_Job | None] = [*jobs]
        while not self._jobs.empty():
            waiting.append(self._jobs.get())
        for job in waiting:
            if job is not None and not job.answer.done():
                told = self._ended(error)
                told.__cause__ = error
                job.answer.set_exception(told)

    def _ended(self, error: BaseException) -> StorageError:
        return StorageError(f"{self._path} is not written any more: {error!r}; open it again")

    def _waiting(self) -> tuple[Sequence[_Job], bool]:
        """The jobs to do next, at least one, and whether they are the last ever."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if job.alone or len(jobs) == TOGETHER:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _do(self, jobs: Sequence[_Job]) -> None:
        """Commit the jobs together; where that fails, each by itself."""
        try:
            outcomes = self._committed(jobs)
        except (SQLAlchemyError, _LostError) as error:
            if len(jobs) > 1:
                for job in jobs:
                    self._do([job])
                return
            cause = error.__cause__ if isinstance(error, _LostError) else error
            outcomes = [_Outcome(None, cause if isinstance(cause, Exception) else error)]
        for job, outcome in zip(jobs, outcomes, strict=True):
            _answer(job, self._in_our_words(outcome))

    def _committed(self, jobs: Sequence[_Job]) -> Sequence[_Outcome]:
        with self._connection.begin():
            return [self._kept_apart(job) for job in jobs]

    def _kept_apart(self, job: _Job) -> _Outcome:
        """Do one job so that its failure takes back nothing but itself."""
        savepoint = self._connection.begin_nested()
        outcome = self._attempt(job)
        if outcome.error is None:
            savepoint.commit()
        elif self._raw.in_transaction:
            savepoint.rollback()
        else:
            raise _LostError from outcome.error
        return outcome

    def _attempt(self, job: _Job) -> _Outcome:
        try:
            return _Outcome(job.work(self._connection))
        except Exception as error:  # noqa: BLE001 - it belongs to the thread that waits for it
            return _Outcome(None, error)

    def _in_our_words(self, outcome: _Outcome) -> _Outcome:
        if not isinstance(outcome.error, DBAPIError):
            return outcome
        told = storage_error(outcome.error, self._path)
        told.__cause__ = outcome.error
        return _Outcome(None, told)

    def _checkpoint_when_due(self) -> None:
        """One that fails loses nothing: what was committed stays in the write-ahead log."""
        try:
            size = self._wal.stat().st_size
            if size < self._checkpoint_at or (self._jobs.qsize() and size < 4 * CHECKPOINT_BYTES):
                return
            done = truncate_wal(self._raw, wait_ms=0)
        except (sqlite3.Error, OSError):
            return
        self._checkpoint_at = CHECKPOINT_BYTES + (0 if done else size)


def truncate_wal(connection: sqlite3.Connection, wait_ms: int) -> bool:
    """Fold the write-ahead log into the file and empty it; False: a reader or the disk forbids."""
    (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {wait_ms}").close()
    try:
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError:  # what was committed stays safe in the write-ahead log
        return False
    finally:
        connection.execute(f"PRAGMA busy_timeout = {before}").close()
    return not busy


def _answer(job: _Job, outcome: _Outcome) -> None:
    if outcome.error is None:
        job.answer.set_result(outcome.value)
    else:
        job.answer.set_exception(outcome.error)
