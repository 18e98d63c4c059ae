"""Edge: what every request passes on its way in, and every answer on its way out."""

import logging
import math
import secrets
from collections.abc import Callable, Mapping
from itertools import count
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penchant.core.errors import StorageError
from penchant.serving.config import ServingConfig
from penchant.serving.keys import Caller, Keys
from penchant.serving.limits import Buckets
from penchant.serving.logs import log, log_failure
from penchant.serving.metrics import Metrics
from penchant.serving.problems import RefusedError, problem, refused
from penchant.serving.stream import is_stream

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
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS: Final = SAFE | {"POST", "PUT", "DELETE", "PATCH"}
HEALTH: Final = "/health/"
_READ: Final = frozenset({b"x-request-id", b"authorization", b"x-api-key", b"host", b"origin"})
Headers = Mapping[bytes, bytes]


class Edge:
    """The outermost application: ids, keys, limits, headers, metrics and problems."""

    def __init__(
        self,
        inner: ASGIApp,
        keys: Keys,
        metrics: Metrics,
        config: ServingConfig,
        allowed: Callable[[str], list[str]],
    ) -> None:
        self._inner = inner
        self._keys = keys
        self._metrics = metrics
        self._buckets = Buckets(config.rate_per_s, config.rate_burst)
        self._hosts = LOOPBACK | {name.lower() for name in (config.host, *config.hosts)}
        self._origins = frozenset(config.cors_origins)
        self._most = config.max_requests
        self._every = config.access_log
        self._allowed = allowed
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)
        self.in_work = 0
        self.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = scope["began"] = perf_counter()
        path = scope["path"] = scope["raw_path"].decode("ascii")
        # ids may hold a slash: each is decoded after the path was taken apart
        given = {name: value for name, value in scope["headers"] if name in _READ}
        request_id = self._request_id(given.get(b"x-request-id"))
        status = 0

        async def out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _headers(message["headers"], path, request_id)
            await send(message)

        counted = not is_stream(scope["method"], scope["raw_path"])
        self.in_work += counted
        try:
            self._admit(scope, given)
            await self._inner(scope, receive, out)
        except ClientDisconnect:
            status = 499  # nobody is there to read an answer; the number is nginx's
        except Exception as error:  # noqa: BLE001 - the last place where it can become an answer
            if status:
                log_failure(error, request_id=request_id)
                raise ConnectionAbortedError from None  # half an answer is out: break it off
            told = self._told(error, scope)
            if told.slug == "internal":
                log_failure(error, request_id=request_id, route=_template(scope))
            elif isinstance(error, StorageError):  # its words name files, and nobody
                log_failure(error, says=str(error), request_id=request_id, route=_template(scope))
            self._metrics.refused(told.slug)
            await problem(told, path, request_id)(scope, receive, out)
        finally:
            self.in_work -= counted
            self._note(scope, status, perf_counter() - began, request_id)

    def _request_id(self, given: bytes | None) -> str:
        """The caller's own where it can stand in a header and a log line; else a new one."""
        if given and len(given) <= 128 and all(33 <= byte <= 126 for byte in given):
            return given.decode("ascii")
        return f"{self._prefix}-{next(self._numbers)}"

    def _admit(self, scope: Scope, given: Headers) -> None:
        """Who calls, and whether they may call now."""
        path = scope["path"]
        if path.startswith(HEALTH):
            scope["caller"] = Caller(None, "read")
            return
        if self.stopping:
            raise RefusedError(
                "unavailable", "the server stops", {"Retry-After": "1", "Connection": "close"}
            )
        scope["presented"] = _presented(given)
        caller = self._keys.caller(scope["presented"])
        if not self._keys.required:
            self._refuse_strange_pages(scope["method"], given)
        client = scope["client"] or ("",)
        known = isinstance(caller, Caller) and caller.name
        wait_s = self._buckets.wait_s(f"key {known}" if known else client[0], scope["began"])
        if wait_s > 0.0:
            raise RefusedError(
                "rate-limited",
                f"the next request may come in {wait_s:.1f} s",
                {"Retry-After": str(math.ceil(wait_s))},
            )
        if self.in_work > self._most and not is_stream(scope["method"], scope["raw_path"]):
            raise RefusedError(
                "unavailable", f"{self._most} requests are in work", {"Retry-After": "1"}
            )
        scope["caller"] = caller

    def _refuse_strange_pages(self, method: str, given: Headers) -> None:
        """Without keys a page that a browser here has open must not act through the browser.

        Its requests carry its own Origin, or, where it has its name resolve to this machine, its
        name as Host.
        """
        host = given.get(b"host", b"").decode("latin-1")
        if host and _name(host) not in self._hosts:
            raise RefusedError(
                "forbidden",
                f"Host is {host!r}; without keys allowed are {', '.join(sorted(self._hosts))}",
            )
        origin = given.get(b"origin", b"").decode("latin-1")
        if method in SAFE or not origin or origin in self._origins or "*" in self._origins:
            return
        if origin.partition("://")[2] != host:
            raise RefusedError(
                "forbidden",
                f"Origin is {origin!r}; without keys allowed are this server's own page and "
                "`cors_origins` of [serving]",
            )

    def _told(self, error: Exception, scope: Scope) -> RefusedError:
        path = scope["path"]
        match error:
            case HTTPException(status_code=405):
                methods = ", ".join(self._allowed(path))
                says = f"{path} has no {scope['method']}; it has {methods}"
                return RefusedError("method-not-allowed", says, {"Allow": methods})
            case HTTPException():
                return RefusedError("not-found", f"there is nothing at {path}")
            case _:
                return refused(error)

    def _note(self, scope: Scope, status: int, took_s: float, request_id: str) -> None:
        route, method = _template(scope), scope["method"]
        method = method if method in METHODS else "other"
        if not route.endswith("/stream") or status != 200:  # a stream lasts as long as it lasts
            self._metrics.answered(route, method, status, took_s)
        if self._every or status >= 500:
            caller = scope.get("caller")
            log(
                logging.WARNING if status >= 500 else logging.INFO,
                "request",
                route=route,
                method=method,
                status=status,
                ms=round(took_s * 1e3, 2),
                request_id=request_id,
                key=caller.name if isinstance(caller, Caller) else None,
            )


def _presented(given: Headers) -> str | None:
    """The key that came with the request."""
    bearer = given.get(b"authorization", b"")
    if bearer[:7].lower() == b"bearer ":
        return bearer[7:].strip().decode("latin-1")
    key = given.get(b"x-api-key")
    return None if key is None else key.decode("latin-1")


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or host
    except ValueError:
        return host


def _template(scope: Scope) -> str:
    """The path as the route has it: never what stands in it."""
    return getattr(scope.get("route"), "path", "") or "unmatched"


def _headers(
    given: list[tuple[bytes, bytes]], path: str, request_id: str
) -> list[tuple[bytes, bytes]]:
    made = [*given, (b"x-request-id", request_id.encode("ascii")), *HEADERS]
    if not any(name == b"cache-control" for name, _ in given):
        page = path == "/" or path.startswith("/static")
        made.append((b"cache-control", b"no-cache" if page else b"no-store"))
    return made
