"""App: the engine and everything around it, composed into one application."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from penchant import __version__
from penchant.core.errors import ConfigError
from penchant.engine.engine import BULK, Engine
from penchant.ingest.wire import user_of
from penchant.serving.bodies import Bodies
from penchant.serving.config import ServingConfig, loopback
from penchant.serving.edge import Edge
from penchant.serving.events import EventRoutes, reason_of
from penchant.serving.health import HealthRoutes
from penchant.serving.hub import Hub, Visible
from penchant.serving.intake import Intake
from penchant.serving.items import ItemRoutes
from penchant.serving.keys import Keys, keys_path
from penchant.serving.lanes import Lane, Together
from penchant.serving.metrics import Metrics
from penchant.serving.overview import OverviewRoutes, Surroundings
from penchant.serving.pages import page_routes
from penchant.serving.reading import Reader
from penchant.serving.routes import Route
from penchant.serving.sessions import SessionRoutes
from penchant.serving.slates import SlateAnswers, SlateMaker, SlateRoutes
from penchant.serving.stream import StreamRoutes
from penchant.serving.users import UserRoutes

TOGETHER: Final = 16
"""Slates made at one time, at most; with more of them the first would wait for the last."""
ABOUT: Final = """Interests that every event moves, and slates that know it in milliseconds.

Errors are `application/problem+json` (RFC 9457); [each is explained](/docs/problems). Every answer
has `X-Request-Id`; reads say in `Server-Timing` how long each part took. Ids in a path are
percent-encoded, slashes too."""


class App:
    """One engine behind HTTP: an ASGI application, and the threads that work for it.

    The engine is never called on the event loop. One thread writes, one makes slates, one ranks,
    one does the other reads, one counts the whole log: so nothing long stands in the way of a
    slate. More threads for the same would wait for one another.
    """

    def __init__(self, engine: Engine, config: ServingConfig) -> None:
        self._engine = engine
        self._config = config
        self._began = monotonic()
        self.metrics = Metrics(config.freshness_target_ms)
        self.keys = Keys(keys_path(engine.path), time)
        self._hub = Hub(config.max_streams)
        self._visible = Visible(lambda: int(engine.observe_each([])[1]), engine.config.after_wait_s)
        self._slates = Lane("slates")
        self._together = Together("together", SlateAnswers(engine), TOGETHER)
        self._reads = Lane("reads")
        self._reports = Lane("reports")
        self._health = Lane("health")
        self._intake = Intake(engine.observe_each, BULK, self._told)
        self.api = FastAPI(
            title="Penchant",
            description=ABOUT,
            version=__version__,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            routes=self._routes(engine),
        )
        self._edge = Edge(self._inner, self.keys, self.metrics, config, self._methods)
        self._outer: ASGIApp = self._edge
        if config.cors_origins:
            self._outer = CORSMiddleware(
                self._edge,
                allow_origins=config.cors_origins,
                allow_methods=("GET", "POST", "PUT", "DELETE"),
                allow_headers=("authorization", "content-type", "x-api-key", "x-request-id"),
                expose_headers=("retry-after", "server-timing", "x-request-id"),
            )
        self._watch_gauges(engine)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._outer(scope, receive, send)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def refuse_open_door(self) -> None:
        """Raise where others could come in and nobody needs a key."""
        host = self._config.host
        if loopback(host) or self.keys.any_valid():
            return
        raise ConfigError(
            f"{host} can be reached from other machines, and no valid key is there to tell callers "
            "apart; make one with `penchant keys add NAME --role ROLE`, or listen on 127.0.0.1"
        )

    def warm(self) -> None:
        """Make one slate: what the engine does once, it does before anybody waits for it."""
        self._engine.recommend("nobody", 1)

    def stop(self) -> None:
        """Take no new requests and end the streams; on the event loop."""
        self._edge.stopping = True
        self._hub.close()

    def close(self) -> None:
        """Finish what waits; the engine stays open."""
        self._intake.close(self._config.stop_within_s)
        for lane in (self._together, self._slates, self._reads, self._reports, self._health):
            lane.close(1.0)

    def openapi(self) -> bytes:
        """The API as OpenAPI describes it."""
        described = self.api.openapi()
        schemas: dict[str, Any] = {}
        for route in self.api.routes:
            if isinstance(route, Route):
                schemas |= route.components
        described["components"] = {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        }
        return msgspec.json.encode(described)

    def _routes(self, engine: Engine) -> list[BaseRoute]:
        config, hub = self._config, self._hub
        bodies = Bodies(config.max_body_bytes, config.body_timeout_s)
        fast, slow = Reader(self._slates, self.metrics), Reader(self._reads, self.metrics)
        slates = SlateMaker(engine, self._together, fast, slow, self.metrics, self._visible.wait)
        around = Surroundings(
            self.metrics,
            lambda: memory_bytes() / 2**20,
            self._began,
            config.freshness_target_ms,
            lambda: self.keys.required,
        )
        resources = (
            EventRoutes(self._intake, bodies, engine.undo, hub.moved_all, config.max_rows),
            SlateRoutes(engine, slates, fast, slow, bodies),
            SessionRoutes(engine, fast, bodies, self.metrics),
            StreamRoutes(
                hub, slates.plain, self._visible.wait, config.alive_every_s, self.keys.caller
            ),
            UserRoutes(engine, slow, self._intake, bodies, hub.erased),
            ItemRoutes(engine, slow, self._intake, bodies, hub.moved_all, config.max_rows),
            HealthRoutes(self._health, engine.check, self._stopping),
            OverviewRoutes(engine, slow, Reader(self._reports, self.metrics), around),
        )
        return [
            *(route for resource in resources for route in resource.routes()),
            *page_routes(self.openapi),
        ]

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Past FastAPI's own layers: what they do, the edge does."""
        scope["app"] = self.api
        await self.api.router(scope, receive, send)

    def _stopping(self) -> bool:
        return self._edge.stopping

    def _methods(self, path: str) -> list[str]:
        """Those that a path has."""
        found: set[str] = set()
        for route in self.api.routes:
            regex = getattr(route, "path_regex", None)
            if regex is not None and regex.match(path):
                found |= getattr(route, "methods", None) or set()
        return sorted(found)

    def _told(
        self,
        rows: Sequence[Any],
        outcomes: Sequence[Any],
        cursor: str,
        took: tuple[float, float, float],
    ) -> None:
        """Rows of one request are in: count them, and wake who waits for them."""
        wait_s, write_s, ended = took
        statuses = [outcome.status for outcome in outcomes]
        self.metrics.took_in(statuses, ended)
        self.metrics.stage("write_wait", wait_s)
        self.metrics.stage("write", write_s)
        for outcome in outcomes:
            if outcome.status == "rejected":
                self.metrics.refused(reason_of(outcome.error))
        self._visible.reach(int(cursor))
        if self._hub.open:
            pairs = zip(rows, statuses, strict=True)
            self._hub.moved({user_of(row) for row, status in pairs if status == "new"})

    def _watch_gauges(self, engine: Engine) -> None:
        self.metrics.watch(
            {
                "penchant_artifact_age_seconds": (
                    "Since the model in use was published; NaN: none is",
                    lambda: age_s(engine.artifact, time()),
                ),
                "penchant_memory_bytes": ("Resident memory", memory_bytes),
                "penchant_streams": ("Streams open", lambda: self._hub.open),
                "penchant_requests_in_work": ("Requests in work", lambda: self._edge.in_work),
                "penchant_write_queue": ("Requests that wait to be written", self._intake.depth),
                "penchant_read_queue": (
                    "Reads that wait for a thread",
                    lambda: self._together.depth() + self._slates.depth() + self._reads.depth(),
                ),
            }
        )


def age_s(artifact: str | None, now_s: float) -> float:
    """Seconds since an artifact was published, which its name begins with; NaN without one.

    >>> age_s("20261123T093104Z-8d26d93bcf06", 1795426274.0)
    10.0
    """
    if artifact is None:
        return float("nan")
    made = datetime.strptime(artifact.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return max(0.0, now_s - made.timestamp())  # it may lie ahead of a clock that was set back


def memory_bytes() -> float:
    """Resident memory of this process, as far as the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError):
        return float("nan")
