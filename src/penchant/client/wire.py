"""Between steps and httpx: what both clients share."""

import ipaddress
import os
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from penchant.client.steps import Lost, Reply, Request
from penchant.core.errors import ConfigError

HERE: Final = "http://127.0.0.1:8420"
SLOW_S: Final = 60.0
"""Time for an answer that takes its time, as an erasure does."""
SILENT_S: Final = 60.0
"""Silence after which a stream is taken for dead; servers say every 15 s that they live."""
LIMITS: Final = httpx.Limits(
    max_connections=64, max_keepalive_connections=64, keepalive_expiry=20.0
)
"""Idle connections are let go before a server does it, after 30 s, just as one is used again."""
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Line:
    """The open answer of a stream."""

    def __init__(self) -> None:
        self.response: httpx.Response | None = None
        self.parts: Any = iter(())


def settings(url: str, key: str | None, timeout_s: float) -> dict[str, Any]:
    """How httpx is set up for that server."""
    found = key if key is not None else os.environ.get("PENCHANT_KEY", "")
    headers = {"Accept": "application/json", "User-Agent": "penchant-python"}
    if not found.isascii():
        raise ConfigError("the key has letters that no key has; `penchant keys` makes one")
    if found.strip():
        headers["Authorization"] = f"Bearer {found.strip()}"
    return {
        "base_url": url,
        "headers": headers,
        "timeout": timeout_s,
        "limits": LIMITS,
        "trust_env": not _is_loopback(url),  # no proxy leads to this machine's own loopback
    }


def url_of(given: str | None) -> str:
    """The address of the server, without a slash at its end."""
    url = (given or os.environ.get("PENCHANT_URL") or HERE).strip().rstrip("/")
    if not _is_address(url):
        raise ConfigError(
            f"the server's address is {url!r}; allowed is one like {HERE} or https://shop.example/p"
        )
    return url


def built(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    """The request as httpx sends it."""
    timeout = _patient(http.timeout, SLOW_S) if request.slow else http.timeout
    headers = {} if request.body is None else {"Content-Type": "application/json"}
    return http.build_request(
        request.method, request.path, content=request.body, headers=headers, timeout=timeout
    )


def built_stream(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    """The same for an answer that goes on and on."""
    timeout = _patient(http.timeout, SILENT_S)
    headers = {"Accept": "text/event-stream, application/problem+json"}
    return http.build_request(request.method, request.path, headers=headers, timeout=timeout)


def reply_of(response: httpx.Response) -> Reply:
    """What came back, read to its end."""
    return Reply(response.status_code, response.headers, response.content)


def lost(error: httpx.TransportError) -> Lost:
    """What did not come back."""
    return Lost(str(error) or type(error).__name__, not isinstance(error, NOT_SENT))


def _patient(given: httpx.Timeout, read_s: float) -> httpx.Timeout:
    """The same, with at least that long for the next bytes of an answer."""
    read = None if given.read is None else max(read_s, given.read)
    return httpx.Timeout(connect=given.connect, write=given.write, pool=given.pool, read=read)


def _is_address(url: str) -> bool:
    """Whether httpx can call it too: its port is a number, its host a name."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parts.scheme in ("http", "https") and bool(parts.host) and not parts.query


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
