"""Slates: what a user is shown next."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.items import Item
from penchant.core.slates import Slate
from penchant.engine.engine import Engine, Wanted
from penchant.serving import schemas
from penchant.serving.bodies import Bodies
from penchant.serving.lanes import Together
from penchant.serving.metrics import Metrics
from penchant.serving.reading import ENCODER, Reader
from penchant.serving.routes import Route, body_of, id_of, query_of


class Wish(NamedTuple):
    """A slate that is asked for."""

    user: str
    query: schemas.SlateQuery


class Made(NamedTuple):
    """A slate as a mapping and as JSON, and the seconds of making that."""

    plain: dict[str, Any]
    json: bytes
    encode_s: float


class SlateAnswers:
    """Slates for everybody who waits, in one call of the engine; called on a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, wishes: Sequence[Wish]) -> Sequence[Made | Exception]:
        """One slate, or what is wrong with its query, for each."""
        slates = self._engine.recommend_each([_wanted(wish) for wish in wishes])
        return [
            _told(slate, wish.query) if isinstance(slate, Slate) else slate
            for slate, wish in zip(slates, wishes, strict=True)
        ]


class SlateMaker:
    """Makes the slate that a query describes, on a thread.

    Slates that wait together are made together. Reasons take tens of milliseconds, so that they
    are made where no plain slate waits.
    """

    def __init__(
        self,
        engine: Engine,
        together: Together[Wish, Made],
        fast: Reader,
        slow: Reader,
        metrics: Metrics,
        visible: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._together = together
        self._fast = fast
        self._slow = slow
        self._metrics = metrics
        self._visible = visible

    async def answer(self, user: str, asked: schemas.SlateQuery) -> Response:
        """As an answer."""
        began = perf_counter()
        await self._visible(asked.after)
        if asked.reasons:
            response = await self._slow.json(partial(self._with_reasons, user, asked))
        else:
            made, wait_s, work_s = await self._together.ask(Wish(user, asked))
            response = self._fast.response(made.json, wait_s, work_s, made.encode_s)
        self._count(asked, began)
        return response

    async def plain(self, user: str, asked: schemas.SlateQuery) -> dict[str, Any]:
        """As JSON takes it."""
        began = perf_counter()
        made: dict[str, Any]
        if asked.reasons:
            made = await self._slow.value(partial(self._with_reasons, user, asked))
        else:
            made = (await self._together.ask(Wish(user, asked))).value.plain
        self._count(asked, began)
        return made

    def _count(self, asked: schemas.SlateQuery, began: float) -> None:
        self._metrics.made_slate(asked.placement or "default", perf_counter() - began)

    def _with_reasons(self, user: str, asked: schemas.SlateQuery) -> dict[str, Any]:
        slate: Slate = self._engine.recommend(
            user,
            asked.n,
            exclude=asked.exclude,
            categories=asked.category,
            repeats=asked.repeats,
            diversity=asked.diversity,
            reasons=True,
            next=asked.next,
            placement=asked.placement,
        )
        return slate.to_dict(asked.lang)


def _wanted(wish: Wish) -> Wanted:
    asked = wish.query
    return Wanted(
        wish.user,
        asked.n,
        asked.exclude,
        asked.category,
        asked.repeats,
        asked.diversity,
        asked.next,
        asked.placement,
    )


def _told(slate: Slate, asked: schemas.SlateQuery) -> Made:
    plain = slate.to_dict(asked.lang)
    began = perf_counter()
    body = ENCODER.encode(plain)
    return Made(plain, body, perf_counter() - began)


class SlateRoutes:
    """`/users/{user}/recommendations`, `/rank` and `/popular`."""

    def __init__(
        self, engine: Engine, slates: SlateMaker, fast: Reader, slow: Reader, bodies: Bodies
    ) -> None:
        self._engine = engine
        self._slates = slates
        self._fast = fast
        self._slow = slow
        self._bodies = bodies

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
            Route(
                "POST /rank",
                self.rank,
                role="read",
                body=schemas.RankAsked,
                answer=schemas.Ranked,
            ),
            Route(
                "GET /popular",
                self.popular,
                role="read",
                query=schemas.PopularQuery,
                answer=schemas.Popular,
            ),
        )

    async def recommendations(self, request: Request) -> Response:
        """A slate for a user

        Who may be a stranger. It knows every event whose POST was answered before it was asked
        for; `after` waits for an event whose answer is still on its way.
        """
        user, asked = id_of(request, "user"), query_of(request, schemas.SlateQuery)
        return await self._slates.answer(user, asked)

    async def rank(self, request: Request) -> Response:
        """Rank a list of one's own

        At most 1,000 items, best first for the user. No rule takes one out; what the user has
        dismissed comes last.
        """
        asked = body_of(await self._bodies.json(request), schemas.RankAsked)

        def made() -> dict[str, Any]:
            ranked = self._engine.rank(asked.user, asked.items, asked.reasons)
            return {"user": asked.user, **ranked.to_dict(asked.lang)}

        return await (self._slow if asked.reasons else self._fast).json(made)

    async def popular(self, request: Request) -> Response:
        """What is taken most

        By everybody, in the last day, week or month.
        """
        asked = query_of(request, schemas.PopularQuery)

        def made() -> dict[str, Any]:
            found = self._engine.popular(asked.n, asked.category, asked.window)
            items = [{**told(item), "count": count} for item, count in found]
            return {"window": asked.window, "items": items}

        return await self._slow.json(made)


def told(item: Item) -> dict[str, Any]:
    """An item as a place tells it."""
    return {"item": item.id, "title": item.title, "categories": item.categories}
