"""Users: their history, their interests, their erasure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.contracts import Receipt
from penchant.core.events import Event
from penchant.engine.engine import Engine
from penchant.serving import schemas
from penchant.serving.intake import Intake
from penchant.serving.lanes import Lane
from penchant.serving.routes import Route, id_of, json, query_of, timed_json
from penchant.serving.timing import encoded


def user_routes(
    engine: Engine, reads: Lane, intake: Intake, erased: Callable[[str], None]
) -> Sequence[Route]:
    """`/users`."""

    async def forget_user(request: Request) -> Response:
        """Forget a user

        Erases the user from log, states, counts and rejected lines. The receipt says in sentences
        what still holds traces.
        """
        user = id_of(request, "user")
        receipt: Receipt = (await intake.run(lambda: engine.forget(user))).value
        erased(user)
        return json(receipt._asdict())

    async def history(request: Request) -> Response:
        """A user's events, newest first"""
        user, asked = id_of(request, "user"), query_of(request, schemas.HistoryQuery)

        def found() -> dict[str, Any]:
            events = engine.history(user)
            newest_first = events[::-1][asked.offset : asked.offset + asked.limit]
            titles = _titles(engine, newest_first)
            return {
                "user": user,
                "events": [_stored(event, titles) for event in newest_first],
                "total": len(events),
            }

        return timed_json(await reads.run(encoded(found)))

    async def interests(request: Request) -> Response:
        """What a user wants

        Strongest first, each with the events that speak for it, where it is going and how it will
        fade. Empty for a stranger, and as long as nothing is trained.
        """
        user = id_of(request, "user")
        return timed_json(await reads.run(encoded(lambda: _interests(engine, user))))

    return (
        Route("GET", "/users/{user}/interests", interests, tag="users", answer=schemas.Interests),
        Route(
            "GET",
            "/users/{user}/history",
            history,
            tag="users",
            query=schemas.HistoryQuery,
            answer=schemas.History,
        ),
        Route(
            "DELETE",
            "/users/{user}",
            forget_user,
            tag="users",
            answer=schemas.Receipt,
            problems=("not-found", "storage-full"),
        ),
    )


def _titles(engine: Engine, events: Sequence[Event]) -> dict[str, str | None]:
    ids = {event.item for event in events if event.item is not None}
    return {item: engine.item(item).title for item in ids}


def _stored(event: Event, titles: dict[str, str | None]) -> dict[str, Any]:
    plain = asdict(event)
    plain["title"] = titles.get(event.item) if event.item is not None else None
    return plain


def _interests(engine: Engine, user: str) -> dict[str, Any]:
    items = engine.items()
    found = []
    for one in engine.interests(user):
        plain = asdict(one)
        rows: Sequence[int] = plain.pop("evidence_rows")
        plain["evidence"] = [{"item": items[r].id, "title": items[r].title} for r in rows]
        found.append(plain)
    slate = engine.recommend(user, 1)
    return {
        "user": user,
        "interests": found,
        "state_cursor": slate.state_cursor,
        "artifact": engine.artifact,
        "now_s": engine.now_s(),
    }
