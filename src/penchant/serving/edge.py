"""Edge: what every request passes on its way in and every answer on its way out."""

import secrets
from itertools import count
from time import perf_counter
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penchant.core.errors import PenchantError
from penchant.serving.problems import RefusedError, problem, refused

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""The page loads from here and nowhere else, and runs nothing that stands inline."""
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Edge:
    """The outermost application."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["began"] = perf_counter()
        raw = scope["raw_path"].decode("ascii")
        scope["path"] = raw  # ids may hold a slash: each is decoded after the path was taken apart
        given = {name: value for name, value in scope["headers"] if name in _READ}
        request_id = self._request_id(given.get(b"x-request-id"))
        started = False

        async def out(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *HEADERS,
                ]
            await send(message)

        try:
            await self._inner(scope, receive, out)
        except ClientDisconnect:
            pass
        except (PenchantError, HTTPException) as error:
            if started:
                raise
            await problem(_told(error, scope), raw, request_id)(scope, receive, out)

    def _request_id(self, given: bytes | None) -> str:
        """The caller's own where it can stand in a header and a log line; else a new one."""
        if given and len(given) <= 128 and all(33 <= byte <= 126 for byte in given):
            return given.decode("ascii")
        return f"{self._prefix}-{next(self._numbers)}"


_READ: Final = frozenset({b"x-request-id"})


def _told(error: Exception, scope: Scope) -> RefusedError:
    if not isinstance(error, HTTPException):
        return refused(error)
    if error.status_code == 405:
        return RefusedError(
            "method-not-allowed",
            f"{scope['path']} has no {scope['method']}",
            error.headers,
        )
    return RefusedError("not-found", f"there is nothing at {scope['path']}")
