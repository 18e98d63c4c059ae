"""Health: whether the process lives, and whether it can answer."""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.errors import PenchantError
from penchant.serving import schemas
from penchant.serving.lanes import Lane
from penchant.serving.routes import Route, json


class HealthRoutes:
    """`/health`."""

    def __init__(
        self, lane: Lane, log_answers: Callable[[], object], stopping: Callable[[], bool]
    ) -> None:
        self._lane = lane
        self._log_answers = log_answers
        self._stopping = stopping

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route("GET /health/live", self.live, role=None, answer=schemas.Live),
            Route(
                "GET /health/ready",
                self.ready,
                role=None,
                answer={200: schemas.Ready, 503: schemas.Ready},
            ),
        )

    async def live(self, _: Request) -> Response:
        """Whether the process lives

        It answers as long as it does: for whatever starts it again when it does not.
        """
        return json({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """Whether it can answer

        503 while it stops, or where the log cannot be read or is not written any more: for
        whatever sends it requests.
        """
        try:
            await self._lane.run(self._log_answers)
            readable = True
        except (PenchantError, OSError):
            readable = False
        stopping = self._stopping()
        status = "stopping" if stopping else "ready" if readable else "failing"
        checks = {"log": readable, "engine": not stopping}
        return json({"status": status, "checks": checks}, 200 if status == "ready" else 503)
