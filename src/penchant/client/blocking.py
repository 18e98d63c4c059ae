"""Client: the calls, blocking."""

import time
from collections.abc import Generator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from penchant.client.api import Api
from penchant.client.retries import RETRIES, Retries
from penchant.client.steps import (
    Blocking,
    Emit,
    Emitting,
    Lost,
    Open,
    Plan,
    Read,
    Reply,
    Request,
    Send,
    Wait,
)
from penchant.client.wire import Line, built, built_stream, lost, reply_of, settings, url_of

T = TypeVar("T")


class Client(Api, Blocking):
    """The HTTP API, blocking; threads may share one.

    >>> with Client("http://127.0.0.1:8420", key="pk_shop_secret") as penchant:
    ...     penchant.url
    'http://127.0.0.1:8420'
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = 10.0,
        retries: Retries = RETRIES,
    ) -> None:
        """`url` and `key` default to `PENCHANT_URL` and `PENCHANT_KEY`."""
        super().__init__(retries)
        self.url: Final = url_of(url)
        self._http = httpx.Client(**settings(self.url, key, timeout_s))

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, plan: Plan[T]) -> T:
        got: Any = None
        while True:
            try:
                step = plan.send(got)
            except StopIteration as end:
                answer: T = end.value
                return answer
            got = self._do(step)

    def _iterate(self, plan: Emitting[T]) -> Generator[T, None, None]:
        line = Line()
        got: Any = None
        try:
            while True:
                try:
                    step = plan.send(got)
                except StopIteration:
                    return
                if isinstance(step, Emit):
                    got = None
                    yield step.value
                elif isinstance(step, Open):
                    got = self._open(step.request, line)
                elif isinstance(step, Read):
                    got = self._read(line)
                else:
                    got = self._do(step)
        finally:
            self._hang_up(line)

    def _do(self, step: Send | Wait) -> Reply | Lost | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        try:
            return reply_of(self._http.send(built(self._http, step.request)))
        except httpx.TransportError as error:
            return lost(error)

    def _open(self, request: Request, line: Line) -> Reply | Lost:
        self._hang_up(line)
        try:
            response = self._http.send(built_stream(self._http, request), stream=True)
            line.response, line.parts = response, response.iter_bytes()
            if response.status_code == 200:
                return Reply(200, response.headers, b"")
            response.read()
            return reply_of(response)
        except httpx.TransportError as error:
            return lost(error)

    def _read(self, line: Line) -> bytes | Lost | None:
        try:
            part: bytes | None = next(line.parts, None)
        except httpx.TransportError as error:
            return lost(error)
        return part

    def _hang_up(self, line: Line) -> None:
        response, line.response = line.response, None
        if response is not None:
            response.close()
