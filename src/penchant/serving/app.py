"""App: the engine and everything around it, composed into one application."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from penchant import __version__
from penchant.engine.engine import BULK, Engine
from penchant.serving import interim
from penchant.serving.bodies import Bodies
from penchant.serving.config import ServingConfig
from penchant.serving.edge import Edge
from penchant.serving.events import event_routes
from penchant.serving.intake import Intake
from penchant.serving.items import item_routes
from penchant.serving.lanes import Lane
from penchant.serving.slates import slate_routes
from penchant.serving.users import user_routes

STATIC: Final = Path(__file__).parent / "static"


class App:
    """One engine behind HTTP: an ASGI application, and the threads that work for it."""

    def __init__(self, engine: Engine, config: ServingConfig) -> None:
        self._engine = engine
        self._config = config
        self._slates = Lane("slates", config.readers)
        self._reads = Lane("reads")
        self._intake = Intake(interim.observe_each(engine), BULK, self._told)
        bodies = Bodies(config.max_body_bytes, config.body_timeout_s)
        self.api = FastAPI(
            title="Penchant",
            version=__version__,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            routes=[
                *event_routes(self._intake, bodies, engine.undo, config.max_rows),
                *slate_routes(self._slates, engine.recommend, self._visible),
                *user_routes(engine, self._reads, self._intake, self._erased),
                *item_routes(self._reads, interim.search_items(engine)),
                Route("/", _index),
                Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
            ],
        )
        self._edge = Edge(self._inner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._edge(scope, receive, send)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what waits; the engine stays open."""
        self._intake.close(self._config.stop_within_s)
        self._slates.close(1.0)
        self._reads.close(1.0)

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Past FastAPI's own layers: what they do, the edge does."""
        scope["app"] = self.api
        await self.api.router(scope, receive, send)

    async def _visible(self, after: str | None) -> None:
        pass

    def _told(
        self, rows: Sequence[Mapping[str, Any]], outcomes: Sequence[Any], cursor: str, took_s: float
    ) -> None:
        pass

    def _erased(self, user: str) -> None:
        pass


async def _index(_: Request) -> Response:
    return FileResponse(STATIC / "index.html")
