"""Protocol: uvicorn's HTTP/1.1, hardened against callers who send slowly, much, or half."""

import asyncio
from asyncio import TimerHandle
from typing import Any, ClassVar

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from penchant.serving.config import ServingConfig
from penchant.serving.problems import MEDIA, PAGE, PROBLEMS
from penchant.serving.stream import is_stream


class Protocol(HttpToolsProtocol):
    """One connection.

    Beyond uvicorn: it is closed where no complete head comes in time, where the head is too
    large, where a body goes on long after its answer, where an answer is not read, and where too
    many are open; a caller who has ended their half of the connection is still answered.
    """

    limits: ClassVar[ServingConfig] = ServingConfig()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_bytes = 0
        self._field_bytes = 0
        self._in_head = False
        self._head_timer: TimerHandle | None = None
        self._drain_timer: TimerHandle | None = None
        self._unread_timer: TimerHandle | None = None
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller has come."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            transport.close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has gone."""
        self._end_head_timer()
        self._end_drain_timer()
        self._end_unread_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head:
            self._head_bytes = 0
        elif self._head_bytes > self.limits.max_head_bytes:
            self._refuse_head()
        elif self._head_timer is None:
            self._await_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._field_bytes = 0
        if not self.transport.get_write_buffer_size():
            self._end_unread_timer()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Some of what is asked for."""
        self._count_field(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one after the body."""
        self._count_field(len(name) + len(value) + 3)  # the colon, and the end of the line
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        self._end_head_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there; what follows of the packet belongs to the next."""
        self._head_bytes = 0
        self._end_drain_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered; where its body still comes, that must end some time."""
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            self._drain_timer = self.loop.call_later(self.limits.body_timeout_s, self._close)
        self._await_reading()

    def pause_writing(self) -> None:
        """The caller reads more slowly than is written."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """Most of it is read; a stream may stay silent for long with the rest."""
        super().resume_writing()
        self._end_unread_timer()
        if self.cycle.response_complete:
            self._await_reading()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The caller sends no more, and may still read."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body or self._in_head:
            return False
        if is_stream(cycle.scope["method"], cycle.scope["raw_path"]):
            return False  # who ends a stream's connection has usually gone
        cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse("bad-request", msg)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.header_timeout_s, self._close)

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_drain_timer(self) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None

    def _await_reading(self) -> None:
        """Of what waits to be read some must be, in time."""
        self._end_unread_timer()
        self._unread = self.transport.get_write_buffer_size()
        if self._unread:
            within_s = self.limits.keep_alive_s
            self._unread_timer = self.loop.call_later(within_s, self._end_unread)

    def _end_unread(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._await_reading()
        else:
            self.transport.abort()

    def _end_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _count_field(self, size: int) -> None:
        """What came whole is counted here, before the app hears of it."""
        self._field_bytes += size
        if self._field_bytes > self.limits.max_head_bytes:
            self._refuse_head()
            raise ValueError("the head is too large")  # ends the parser

    def _refuse_head(self) -> None:
        self._refuse("head-too-large", f"allowed are {self.limits.max_head_bytes:,} bytes")

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, slug: str, detail: str) -> None:
        """A problem, and the end of the connection."""
        if self.transport.is_closing():
            return
        kind = PROBLEMS[slug]
        body = msgspec.json.encode(
            {
                "type": f"{PAGE}#{slug}",
                "title": kind.title,
                "status": kind.status,
                "detail": detail,
                "instance": "",
                "request_id": "",
            }
        )
        head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[kind.status] + head % (MEDIA.encode(), len(body)) + body)
        self.transport.close()
