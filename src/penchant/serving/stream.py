"""Stream: a slate pushed whenever an event has moved it, as server-sent events."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from penchant.serving import schemas
from penchant.serving.hub import Hub, Watch
from penchant.serving.keys import Caller
from penchant.serving.problems import RefusedError
from penchant.serving.routes import Route, id_of, query_of

MEDIA: Final = "text/event-stream"
_PATH: Final = re.compile(rb"/users/[^/]+/stream")
Make = Callable[[str, schemas.SlateQuery], Awaitable[dict[str, Any]]]
"""The slate of a user, as JSON takes it."""


class StreamRoutes:
    """`/users/{user}/stream`."""

    def __init__(
        self,
        hub: Hub,
        make: Make,
        visible: Callable[[str | None], Awaitable[None]],
        alive_every_s: float,
        caller: Callable[[str | None], Caller | str],
    ) -> None:
        self._hub = hub
        self._make = make
        self._visible = visible
        self._alive_every_s = alive_every_s
        self._caller = caller

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route(
                "GET /users/{user}/stream",
                self.stream,
                role="read",
                query=schemas.SlateQuery,
                answer=schemas.Slate,
                problems=("not-yet-visible",),
                media=MEDIA,
            ),
        )

    async def stream(self, request: Request) -> Response:
        """A slate, and another whenever it moves

        Server-sent events: `slate` at once, then whenever an event has changed what is shown or
        its order, with the state cursor as id; `erased` when the user was forgotten, and then the
        end; a comment now and then, so that nothing between takes the silence for an end. It ends
        where something is to be sent and the key no longer holds.
        """
        user, asked = id_of(request, "user"), query_of(request, schemas.SlateQuery)
        if self._hub.full():
            raise RefusedError(
                "unavailable",
                f"{self._hub.open} streams are open, or the server stops",
                {"Retry-After": "5"},
            )
        watch = self._hub.join(user)
        try:  # an error is still a proper answer here
            await self._visible(asked.after)
            first = await self._make(user, asked)
        except BaseException:
            self._hub.leave(user, watch)
            raise
        return SlateStream(
            watch,
            lambda: self._hub.leave(user, watch),
            lambda: self._make(user, asked),
            first,
            self._alive_every_s,
            lambda: isinstance(self._caller(request.scope["presented"]), Caller),
        )


class SlateStream(Response):
    """The stream itself."""

    def __init__(
        self,
        watch: Watch,
        leave: Callable[[], None],
        make: Callable[[], Awaitable[dict[str, Any]]],
        first: dict[str, Any],
        alive_every_s: float,
        holds: Callable[[], bool],
    ) -> None:
        super().__init__(media_type=MEDIA, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._watch = watch
        self._leave = leave
        self._make = make
        self._first = first
        self._alive_every_s = alive_every_s
        self._holds = holds

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send until the caller goes, the key ends, the user is erased or the server stops."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(head)
            await self._follow(self._watch, gone, send)
        finally:
            self._leave()
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _follow(self, watch: Watch, gone: "asyncio.Future[Any]", send: Send) -> None:
        async def push(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        await push(event(self._first))
        shown = _shown(self._first)
        while not gone.done():
            woken = await _woken(watch, gone, self._alive_every_s)
            if not self._holds():
                return
            if not woken:
                await push(b": alive\n\n")
                continue
            watch.woken.clear()
            if watch.erased:
                await push(b"event: erased\ndata: {}\n\n")
            if watch.erased or watch.closed or gone.done():
                return
            slate = await self._make()
            if _shown(slate) != shown:
                shown = _shown(slate)
                await push(event(slate))


async def _woken(watch: Watch, gone: "asyncio.Future[Any]", within_s: float) -> bool:
    """Whether something happened within that time."""
    woken: asyncio.Future[Any] = asyncio.ensure_future(watch.woken.wait())
    try:
        done, _ = await asyncio.wait(
            {woken, gone}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        woken.cancel()
    return bool(done)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _shown(slate: dict[str, Any]) -> list[str]:
    """What a person sees of it."""
    return [place["item"] for place in slate["items"]]


def is_stream(method: str, raw_path: bytes) -> bool:
    """Whether a request asks for a stream; those have a limit of their own."""
    return method == "GET" and _PATH.fullmatch(raw_path) is not None


def event(slate: dict[str, Any]) -> bytes:
    """A slate as one server-sent event.

    >>> event({"state_cursor": "7", "items": []})
    b'id: 7\\nevent: slate\\ndata: {"state_cursor":"7","items":[]}\\n\\n'
    """
    body = msgspec.json.encode(slate)
    return b"id: %b\nevent: slate\ndata: %b\n\n" % (slate["state_cursor"].encode(), body)
