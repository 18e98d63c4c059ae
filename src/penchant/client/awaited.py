"""AsyncClient: the calls, awaited."""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from penchant.client.api import Api
from penchant.client.retries import RETRIES, Retries
from penchant.client.steps import (
    Awaited,
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


class AsyncClient(Api, Awaited):
    """The HTTP API on asyncio: every call of `Client`, awaited; tasks may share one."""

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
        self._http = httpx.AsyncClient(**settings(self.url, key, timeout_s))

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, plan: Plan[T]) -> T:
        got: Any = None
        while True:
            try:
                step = plan.send(got)
            except StopIteration as end:
                answer: T = end.value
                return answer
            got = await self._do(step)

    async def _iterate(self, plan: Emitting[T]) -> AsyncGenerator[T, None]:
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
                    got = await self._open(step.request, line)
                elif isinstance(step, Read):
                    got = await self._read(line)
                else:
                    got = await self._do(step)
        finally:
            await self._hang_up(line)

    async def _do(self, step: Send | Wait) -> Reply | Lost | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return reply_of(await self._http.send(built(self._http, step.request)))
        except httpx.TransportError as error:
            return lost(error)

    async def _open(self, request: Request, line: Line) -> Reply | Lost:
        await self._hang_up(line)
        try:
            response = await self._http.send(built_stream(self._http, request), stream=True)
            line.response, line.parts = response, response.aiter_bytes()
            if response.status_code == 200:
                return Reply(200, response.headers, b"")
            await response.aread()
            return reply_of(response)
        except httpx.TransportError as error:
            return lost(error)

    async def _read(self, line: Line) -> bytes | Lost | None:
        try:
            part: bytes | None = await anext(line.parts, None)
        except httpx.TransportError as error:
            return lost(error)
        return part

    async def _hang_up(self, line: Line) -> None:
        response, line.response = line.response, None
        if response is not None:
            await response.aclose()
