"""Intake: the one thread that writes; events that wait together go in as one transaction."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from penchant.core.errors import StorageError
from penchant.serving.lanes import Job, Timed, do, settle, tell
from penchant.serving.logs import log_failure

T = TypeVar("T")
Row = Mapping[str, Any]


class Outcome(Protocol):
    """What became of one row."""

    @property
    def event(self) -> str | None:
        """Its id, where it got in."""

    @property
    def status(self) -> str:
        """`new`, `duplicate`, `undone` or `rejected`."""

    @property
    def error(self) -> str | None:
        """Why it was rejected."""


Observe = Callable[[Sequence[Row]], tuple[Sequence[Outcome], str]]
"""Takes rows in: good ones as one transaction, bad ones with their sentence; and the cursor."""


Told = Callable[[Sequence[Row], Sequence[Outcome], str, tuple[float, float, float]], None]
"""Hears of rows that are in: outcomes, cursor, and the seconds they waited, were written, and
took from their request's arrival."""


class Taken(NamedTuple):
    """What became of the rows of one request."""

    outcomes: Sequence[Outcome]
    cursor: str


class Unstored(NamedTuple):
    """A row of which nothing is in, though rows before it are."""

    event: str | None = None
    status: str = "rejected"
    error: str | None = "the log failed after it had stored rows before this one; send it again"


class Rows(NamedTuple):
    """Rows of one request on their way in."""

    rows: Sequence[Row]
    received: float
    done: "asyncio.Future[Timed[Taken]]"
    loop: asyncio.AbstractEventLoop
    since: float


class Intake:
    """The thread that writes, in the order things came.

    Rows of many requests that wait while the disk works become one call of `observe`, and so one
    wait for the disk; those of one request that are a bulk become several. `told` is called on the
    loop with what moved, before anybody is answered.
    """

    def __init__(
        self,
        observe: Observe,
        bulk: int,
        told: Told,
    ) -> None:
        self._observe = observe
        self._most = bulk - 1  # a bulk leaves folding to the next reader: not what is wanted here
        self._told = told
        self._jobs: SimpleQueue[Rows | Job | None] = SimpleQueue()
        self._thread: Final = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    async def take(self, rows: Sequence[Row], received: float) -> Timed[Taken]:
        """Take the rows of one request in; durable, and known to the next slate, at the end."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Timed[Taken]] = loop.create_future()
        self._jobs.put(Rows(rows, received, done, loop, perf_counter()))
        return await done

    async def run(self, work: Callable[[], T]) -> Timed[T]:
        """Any other write, after the events that came before it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Timed[T]] = loop.create_future()
        self._jobs.put(Job(work, done, loop, perf_counter()))
        return await done

    def depth(self) -> int:
        """Requests that wait."""
        return self._jobs.qsize()

    def close(self, within_s: float) -> bool:
        """Write what waits, and end; False: not within that time."""
        self._jobs.put(None)
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        for job in self._batches():
            if isinstance(job, Job):
                do(job)
            else:
                self._take(job)

    def _batches(self) -> Iterator[list[Rows] | Job]:
        """Requests with rows, together as long as they wait together; other work alone."""
        held: Rows | Job | None = None
        while (job := held or self._jobs.get()) is not None:
            held = None
            if isinstance(job, Job):
                yield job
                continue
            batch, size, ended = [job], len(job.rows), False
            while size < self._most:
                try:
                    held = self._jobs.get_nowait()
                except Empty:
                    break
                ended = held is None
                if not isinstance(held, Rows) or size + len(held.rows) > self._most:
                    break
                batch.append(held)
                size += len(held.rows)
                held = None
            yield batch
            if ended:
                return

    def _take(self, batch: Sequence[Rows]) -> None:
        """Together; each request alone where that fails for what one of them holds."""
        began = perf_counter()
        rows = [row for request in batch for row in request.rows]
        try:
            outcomes, cursor = self._observed(rows)
        except Exception as error:  # noqa: BLE001 - it is raised where the caller waits
            if len(batch) > 1 and not isinstance(error, StorageError):
                for request in batch:
                    self._take([request])
                return
            for request in batch:
                tell(request.loop, settle, request.done, None, error)
            return
        tell(batch[0].loop, self._answer, batch, outcomes, cursor, began, perf_counter())

    def _observed(self, rows: Sequence[Row]) -> tuple[Sequence[Outcome], str]:
        """In parts below a bulk; once some are durable, an error no longer speaks for all rows."""
        outcomes, cursor = self._observe(rows[: self._most])
        found = list(outcomes)
        while len(found) < len(rows):
            try:
                outcomes, cursor = self._observe(rows[len(found) : len(found) + self._most])
            except Exception as error:  # noqa: BLE001 - it is logged, and each row says so
                says = str(error) if isinstance(error, StorageError) else None  # names no person
                log_failure(error, says=says)
                return [*found, *[Unstored()] * (len(rows) - len(found))], cursor
            found += outcomes
        return found, cursor

    def _answer(
        self,
        batch: Sequence[Rows],
        outcomes: Sequence[Outcome],
        cursor: str,
        began: float,
        ended: float,
    ) -> None:
        at = 0
        for request in batch:
            own = outcomes[at : at + len(request.rows)]
            at += len(own)
            wait_s, work_s = began - request.since, ended - began
            try:
                self._told(request.rows, own, cursor, (wait_s, work_s, ended - request.received))
            except Exception as error:  # noqa: BLE001 - the rows are in, and their sender waits
                log_failure(error)
            timed = Timed(Taken(own, cursor), wait_s, work_s)
            settle(request.done, timed, None)
