"""Server: listens, and stops without losing what it acknowledged."""

import asyncio
import errno
import math
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from penchant.core.errors import ConfigError
from penchant.serving.config import ServingConfig
from penchant.serving.protocol import Protocol

SWITCH_S: Final = 0.0005
"""How long a thread keeps the interpreter while another waits: Python's 5 ms would be a quarter of
the time that an event has until slates know it."""

UNSENT_BYTES: Final = 131_072
"""What the system holds of an answer that cannot be sent yet: with megabytes of it, a caller who
reads slowly would look like one who does not read."""


class Server(uvicorn.Server):
    """uvicorn, which says when it is ready and when it stops, and ends with exit code 0."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what is in work."""
        self._stopping()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn gives it
        """Stop; at the second Ctrl-C without waiting for what is in work."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections, or a sentence that says why not."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((host, port), family=family, backlog=2_048)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(_no_address(host, getattr(error, "strerror", None) or error)) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigError(_no_address(host, error.strerror)) from None
        raise ConfigError(
            f"port {port} of {host} cannot be listened on: {error.strerror or error}; choose "
            "another with --port, or --port 0 for any that is free"
        ) from None
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # every connection has it from here
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return bound


def _no_address(host: str, why: object) -> str:
    return (
        f"{host!r} is no address to listen on here: {why}; allowed with --host are 127.0.0.1, "
        "addresses and names of this machine, and 0.0.0.0 for all of them"
    )


def url_of(bound: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def _hardened(config: ServingConfig) -> type[Protocol]:
    return type("ConfiguredProtocol", (Protocol,), {"limits": config})


def server_of(
    app: ASGIApp,
    config: ServingConfig,
    ready: Callable[[], None],
    stopping: Callable[[], None],
) -> Server:
    """A server that calls `ready` when it takes requests and `stopping` when it takes no more."""
    settings = uvicorn.Config(
        app,
        http=_hardened(config),
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=math.ceil(config.keep_alive_s),
        timeout_graceful_shutdown=math.ceil(config.stop_within_s),
    )
    return Server(settings, ready, stopping)


def run(server: Server, bound: socket.socket) -> None:
    """Serve until a signal, or `should_exit`, says stop."""
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[bound]))
