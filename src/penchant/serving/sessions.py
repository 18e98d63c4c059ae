"""Sessions: a slate for somebody without a name, of whom nothing is kept."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.engine.engine import Engine
from penchant.serving import schemas
from penchant.serving.bodies import Bodies
from penchant.serving.metrics import Metrics
from penchant.serving.reading import Reader
from penchant.serving.routes import Route, body_of


class SessionRoutes:
    """`/session`."""

    def __init__(self, engine: Engine, reads: Reader, bodies: Bodies, metrics: Metrics) -> None:
        self._engine = engine
        self._reads = reads
        self._bodies = bodies
        self._metrics = metrics

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route(
                "POST /session/recommendations",
                self.recommend,
                role="read",
                body=schemas.SessionAsked,
                answer=schemas.Slate,
            ),
        )

    async def recommend(self, request: Request) -> Response:
        """A slate for a session

        For somebody of whom only these events are known, in their order; they name no user, and
        nothing of them is stored.
        """
        asked = body_of(await self._bodies.json(request), schemas.SessionAsked)
        began = perf_counter()

        def made() -> dict[str, Any]:
            slate = self._engine.session(
                asked.events,
                asked.n,
                exclude=asked.exclude,
                categories=asked.categories,
                repeats=asked.repeats,
                diversity=asked.diversity,
                placement=asked.placement,
            )
            return slate.to_dict()

        response = await self._reads.json(made)
        self._metrics.made_slate(asked.placement or "default", perf_counter() - began)
        return response
