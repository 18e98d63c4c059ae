"""Slates: what a user is shown next."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.slates import Slate
from penchant.engine.engine import Engine
from penchant.serving import schemas
from penchant.serving.metrics import Metrics
from penchant.serving.reading import Reader
from penchant.serving.routes import Route, id_of, query_of


class SlateMaker:
    """Makes the slate that a query describes, on a thread.

    Reasons take tens of milliseconds, so that they are made where no plain slate waits.
    """

    def __init__(
        self,
        engine: Engine,
        fast: Reader,
        slow: Reader,
        metrics: Metrics,
        visible: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._fast = fast
        self._slow = slow
        self._metrics = metrics
        self._visible = visible

    async def answer(self, user: str, asked: schemas.SlateQuery) -> Response:
        """As an answer."""
        began = perf_counter()
        await self._visible(asked.after)
        response = await self._reader(asked).json(partial(self._made, user, asked))
        self._count(asked, began)
        return response

    async def plain(self, user: str, asked: schemas.SlateQuery) -> dict[str, Any]:
        """As JSON takes it."""
        began = perf_counter()
        made: dict[str, Any] = await self._reader(asked).value(partial(self._made, user, asked))
        self._count(asked, began)
        return made

    def _reader(self, asked: schemas.SlateQuery) -> Reader:
        return self._slow if asked.reasons else self._fast

    def _count(self, asked: schemas.SlateQuery, began: float) -> None:
        self._metrics.made_slate(asked.placement or "default", perf_counter() - began)

    def _made(self, user: str, asked: schemas.SlateQuery) -> dict[str, Any]:
        slate: Slate = self._engine.recommend(
            user,
            asked.n,
            exclude=asked.exclude,
            categories=asked.category,
            repeats=asked.repeats,
            diversity=asked.diversity,
            reasons=asked.reasons,
            next=asked.next,
        )
        return slate.to_dict()


class SlateRoutes:
    """`/users/{user}/recommendations`."""

    def __init__(self, slates: SlateMaker) -> None:
        self._slates = slates

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route(
                "GET /users/{user}/recommendations",
                self.recommendations,
                role="read",
                query=schemas.SlateQuery,
                answer=schemas.Slate,
                problems=("not-yet-visible",),
            ),
        )

    async def recommendations(self, request: Request) -> Response:
        """A slate for a user

        Who may be a stranger. It knows every event whose POST was answered before it was asked
        for; `after` waits for an event whose answer is still on its way.
        """
        user, asked = id_of(request, "user"), query_of(request, schemas.SlateQuery)
        return await self._slates.answer(user, asked)
