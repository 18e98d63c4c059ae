"""Slates: what a user is shown next."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.slates import Slate
from penchant.serving import schemas
from penchant.serving.lanes import Lane
from penchant.serving.routes import Route, id_of, query_of, timed_json
from penchant.serving.timing import encoded

Recommend = Callable[..., Slate]


def slate_routes(
    lane: Lane, recommend: Recommend, visible: Callable[[str | None], Awaitable[None]]
) -> Sequence[Route]:
    """`/users/{user}/recommendations`."""

    async def recommendations(request: Request) -> Response:
        """A slate for a user

        Who may be a stranger. It knows every event that was answered before it was asked for;
        `after` makes that certain for an event that another server took in.
        """
        user, asked = id_of(request, "user"), query_of(request, schemas.SlateQuery)
        await visible(asked.after)
        return timed_json(await lane.run(encoded(slate_work(recommend, user, asked))))

    return (
        Route(
            "GET",
            "/users/{user}/recommendations",
            recommendations,
            tag="slates",
            query=schemas.SlateQuery,
            answer=schemas.Slate,
            problems=("not-yet-visible",),
        ),
    )


def slate_work(recommend: Recommend, user: str, asked: schemas.SlateQuery) -> Callable[[], Any]:
    """The call of the engine that a query describes."""

    def made() -> dict[str, Any]:
        slate = recommend(
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

    return made
