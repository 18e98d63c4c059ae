"""A real server on a really trained database, and both clients driven alike."""

import asyncio
import inspect
import re
import shutil
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from penchant.client import AsyncClient, Client

Make = Callable[..., Any]
Serve = Callable[..., AbstractContextManager[str]]


class Awaits:
    """An AsyncClient that is used like a Client: whatever it gives is awaited here."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            given = getattr(self._client, name)(*args, **kwargs)
            return self._runner.run(given) if inspect.isawaitable(given) else self._each(given)

        return call

    def _each(self, values: AsyncGenerator[Any, None]) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._runner.run(anext(values))
                except StopAsyncIteration:
                    return
        finally:
            self._runner.run(values.aclose())


@pytest.fixture(params=["blocking", "awaited"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a client of either kind."""
    closing: list[Callable[[], Any]] = []
    with asyncio.Runner() as runner:

        def one(*args: Any, **kwargs: Any) -> Any:
            if request.param == "blocking":
                client = Client(*args, **kwargs)
                closing.append(client.close)
                return client
            awaited = AsyncClient(*args, **kwargs)
            closing.append(lambda: runner.run(awaited.close()))
            return Awaits(awaited, runner)

        yield one
        for close in closing:
            close()


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, serve: Serve
) -> Iterator[str]:
    """The address of `penchant serve` on films."""
    folder = tmp_path_factory.mktemp("served") / "films"
    shutil.copytree(request.getfixturevalue("trained_once"), folder)
    with serve(folder / "films.db") as url:
        yield url


@pytest.fixture
def penchant(make: Make, server: str) -> Any:
    """Either client of that server."""
    return make(server)


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """Somebody whom no other test knows, with an id that has to be percent-encoded."""
    return f"{request.node.name}/ü"


@pytest.fixture
def scripted() -> type["Scripted"]:
    """A server that gives one answer after another."""
    return Scripted


@pytest.fixture
def forgetful() -> type["Forgetful"]:
    """A server that passes on what it gets, and loses the first of it."""
    return Forgetful


class Listener:
    """Accepts connections on a port of its own, each in a thread."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        self.drop()

    def drop(self) -> None:
        """Cut every line."""
        for one in list(self.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(caller,), daemon=True).start()

    def _guarded(self, caller: socket.socket) -> None:
        self.open.add(caller)
        with caller, suppress(OSError):
            self.talk(caller)
        self.open.discard(caller)

    def talk(self, caller: socket.socket) -> None:
        raise NotImplementedError


class Scripted(Listener):
    """Gives one answer after another, whatever is asked: status, body, headers."""

    def __init__(self, *answers: tuple[Any, ...]) -> None:
        super().__init__()
        self._answers = iter(answers)
        self.asked: list[bytes] = []

    def talk(self, caller: socket.socket) -> None:
        while (request := read_request(caller)) is not None:
            self.asked.append(request)
            caller.sendall(answered(*next(self._answers)))


class Forgetful(Listener):
    """Passes requests on to a server; the answers of the first ones are lost.

    With `before` those requests are lost as well, after they were read.
    """

    def __init__(self, server: str, lost: int, before: bool = False) -> None:
        super().__init__()
        parts = urlsplit(server)
        self._server = (parts.hostname, parts.port)
        self._lost = lost
        self._before = before
        self.asked: list[bytes] = []

    def talk(self, caller: socket.socket) -> None:
        while (request := read_request(caller)) is not None:
            self.asked.append(request)
            drop = len(self.asked) <= self._lost
            if drop and self._before:
                return
            with socket.create_connection(self._server) as onwards:
                onwards.sendall(request)
                if drop:
                    onwards.recv(65_536)  # it was answered
                    return
                pump(onwards, caller.sendall)


def pump(onwards: socket.socket, send: Callable[[bytes], None]) -> None:
    """All of one answer: as long as it says, else until it ends."""
    head, rest = read_head(onwards)
    send(head + rest)
    length = re.search(rb"content-length: (\d+)", head.lower())
    left = int(length[1]) - len(rest) if length else None
    while (left is None or left > 0) and (data := onwards.recv(65_536)):
        send(data)
        left = None if left is None else left - len(data)


def read_request(caller: socket.socket) -> bytes | None:
    """A whole request, or None at the end."""
    head, rest = read_head(caller)
    if not head:
        return None
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(rest) < int(length[1]):
        rest += caller.recv(65_536)
    return head + rest


def read_head(caller: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        part = caller.recv(65_536)
        if not part:
            return b"", b""
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def answered(status: int, body: str, *headers: str) -> bytes:
    """An HTTP answer."""
    given = "".join(f"{line}\r\n" for line in headers)
    raw = body.encode()
    return f"HTTP/1.1 {status} Said\r\ncontent-length: {len(raw)}\r\n{given}\r\n".encode() + raw
