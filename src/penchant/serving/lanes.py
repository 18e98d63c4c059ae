"""Lanes: threads that do the engine's work, so that the event loop only ever carries messages."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import perf_counter
from typing import Any, Final, Generic, NamedTuple, TypeVar

Q = TypeVar("Q")
T = TypeVar("T")


class Timed(NamedTuple, Generic[T]):
    """What a piece of work gave, and how long it waited and took."""

    value: T
    wait_s: float
    work_s: float


class Job(NamedTuple):
    """Work on its way to a lane."""

    work: Callable[[], Any]
    done: "asyncio.Future[Timed[Any]]"
    loop: asyncio.AbstractEventLoop
    since: float


class Lane:
    """Threads that take one piece of work after another, first come first served."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: Final = [
            threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], T]) -> Timed[T]:
        """What `work` gives, or raise what it raises."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Timed[T]] = loop.create_future()
        self._jobs.put(Job(work, done, loop, perf_counter()))
        return await done

    def depth(self) -> int:
        """Pieces of work that wait."""
        return self._jobs.qsize()

    def close(self, within_s: float) -> None:
        """Finish what waits, and end."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(within_s)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            do(job)


class Question(NamedTuple, Generic[Q]):
    """A question on its way to those who answer many at once."""

    asked: Q
    done: "asyncio.Future[Timed[Any]]"
    loop: asyncio.AbstractEventLoop
    since: float


class Together(Generic[Q, T]):
    """A thread that answers what waits together as one piece of work, at most `most` at a time.

    `answer` gives one result or error for each question, in their order.
    """

    def __init__(
        self, name: str, answer: Callable[[Sequence[Q]], Sequence[T | Exception]], most: int
    ) -> None:
        self._answer = answer
        self._most = most
        self._waiting: SimpleQueue[Question[Q] | None] = SimpleQueue()
        self._thread: Final = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def ask(self, asked: Q) -> Timed[T]:
        """The answer, or raise the error that stands for it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Timed[T]] = loop.create_future()
        self._waiting.put(Question(asked, done, loop, perf_counter()))
        return await done

    def depth(self) -> int:
        """Questions that wait."""
        return self._waiting.qsize()

    def close(self, within_s: float) -> None:
        """Answer what waits, and end."""
        self._waiting.put(None)
        self._thread.join(within_s)

    def _run(self) -> None:
        ended = False
        while not ended and (first := self._waiting.get()) is not None:
            batch = [first]
            while len(batch) < self._most and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    ended = True
                    break
                batch.append(following)
            self._take(batch)

    def _take(self, batch: Sequence[Question[Q]]) -> None:
        began = perf_counter()
        answers: Sequence[T | Exception]
        try:
            answers = self._answer([question.asked for question in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where the callers wait
            if len(batch) > 1:  # one of them may spoil it for the others
                for question in batch:
                    self._take([question])
                return
            answers = [error]
        work_s = perf_counter() - began
        for question, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                tell(question.loop, settle, question.done, None, answer)
            else:
                timed = Timed(answer, began - question.since, work_s)
                tell(question.loop, settle, question.done, timed, None)


def do(job: Job) -> None:
    """Do the work here and hand its result to the loop that waits for it."""
    began = perf_counter()
    result: Timed[Any] | None = None
    error: BaseException | None = None
    try:
        value = job.work()
        result = Timed(value, began - job.since, perf_counter() - began)
    except BaseException as found:  # noqa: BLE001 - it is raised where the caller waits
        error = found
    tell(job.loop, settle, job.done, result, error)


def settle(done: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    """On the loop: the result, unless nobody waits any more."""
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)


def tell(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> None:
    """Have `loop` call; nothing where it has ended."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
