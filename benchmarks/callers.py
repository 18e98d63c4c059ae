"""Clients of a few lines over asyncio, which cost a small part of what the server does.

httpx takes about as much processor time for a request as the server, so that on a small machine the
figures would be those of the client.
"""

import asyncio
import json
import random
from typing import cast
from urllib.parse import urlsplit

TYPES = ("view", "click", "cart", "purchase", "rating")
STRANGERS = 0.05
"""Share of slates for somebody whom nobody has met."""
PLACES = 10
LATE_S = 30.0
"""Longest wait for an answer; beyond it the request is an error."""


class Connection(asyncio.Protocol):
    """One request after another on one connection that is kept open."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._head: tuple[int, int] | None = None  # status, and bytes of head and body
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opened."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from it

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by whichever side."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        """A part of an answer, whose head says how long it is."""
        self._data += data
        if self._head is None:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._data[:end]).lower()
            _, _, length = head.partition(b"content-length:")
            size = int(length.partition(b"\r\n")[0])
            self._head = int(head[9:12]), end + 4 + size
        status, size = self._head
        if len(self._data) >= size:
            body = bytes(self._data[self._data.find(b"\r\n\r\n") + 4 : size])
            del self._data[:size]
            self._head = None
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((status, body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; raise `ConnectionError` or `TimeoutError` without one."""
        if self._transport is None:
            raise ConnectionResetError("closed by the server")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(LATE_S):
            return await self._answer

    @property
    def closed(self) -> bool:
        """Whether the server has closed it, as it does with one that nobody uses."""
        return self._transport is None

    def close(self) -> None:
        """Ask no more."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


class Caller:
    """What one client asks, over a connection that is opened again after an error."""

    def __init__(self, url: str, n_items: int, users: int, seed: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._n_items = n_items
        self._users = users
        self._rng = random.Random(seed)
        self._connection: Connection | None = None
        self.errors: list[str] = []

    async def event(self, user: str | None = None) -> str | None:
        """One event for a user drawn at random; gives its cursor, or None after an error."""
        row = int(self._n_items ** self._rng.random()) - 1
        kind = self._rng.choice(TYPES)
        body = json.dumps({"user": user or self._known(), "item": f"i{row}", "type": kind}).encode()
        head = f"POST /events HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n\r\n"
        told = await self._ask(head.encode() + body)
        if told is None:
            return None
        answer = json.loads(told)
        if answer["results"][0]["status"] != "new":
            self.errors.append(str(answer["results"][0]))
            return None
        return str(answer["cursor"])

    async def slate(self, user: str | None = None, after: str | None = None) -> bool:
        """One slate; whether it had all its places."""
        stranger = self._rng.random() < STRANGERS
        who = user or (f"stranger-{self._rng.random()}" if stranger else self._known())
        known = f"&after={after}" if after else ""
        path = f"/users/{who}/recommendations?n={PLACES}{known}"
        told = await self._ask(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        if told is None:
            return False
        if told.count(b'"propensity"') != PLACES:
            self.errors.append(f"a slate of {told.count(b'propensity')} places")
        return True

    async def text(self, path: str) -> str:
        """What a GET answers."""
        told = await self._ask(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        return "" if told is None else told.decode()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _known(self) -> str:
        return f"u{self._rng.randrange(self._users)}"

    async def _ask(self, request: bytes) -> bytes | None:
        try:
            if self._connection is None or self._connection.closed:
                loop = asyncio.get_running_loop()
                made = await loop.create_connection(Connection, self._host, self._port)
                self._connection = made[1]
            status, body = await self._connection.ask(request)
        except (OSError, TimeoutError) as error:
            self.errors.append(repr(error))
            self.close()
            return None
        if status != 200:
            self.errors.append(f"{status} {body[:200].decode(errors='replace')}")
            return None
        return body
