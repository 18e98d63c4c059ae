"""Users: their history, their interests, their erasure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.errors import UnknownIdError
from penchant.core.events import Event
from penchant.engine.engine import Engine
from penchant.serving import schemas
from penchant.serving.bodies import Bodies
from penchant.serving.intake import Intake
from penchant.serving.reading import Reader
from penchant.serving.routes import Route, id_of, json, query_of


class UserRoutes:
    """`/users`."""

    def __init__(
        self,
        engine: Engine,
        reads: Reader,
        intake: Intake,
        bodies: Bodies,
        erased: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._reads = reads
        self._intake = intake
        self._bodies = bodies
        self._erased = erased

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route(
                "GET /users",
                self.list_users,
                role="read",
                query=schemas.UsersQuery,
                answer=schemas.UserList,
            ),
            Route(
                "GET /users/{user}/interests",
                self.interests,
                role="read",
                answer=schemas.Interests,
            ),
            Route(
                "GET /users/{user}/history",
                self.history,
                role="read",
                query=schemas.HistoryQuery,
                answer=schemas.History,
            ),
            Route(
                "DELETE /users/{user}",
                self.forget,
                role="admin",
                answer=schemas.Receipt,
                problems=("not-found", "storage-full"),
            ),
        )

    async def list_users(self, request: Request) -> Response:
        """Users, most events first"""
        asked = query_of(request, schemas.UsersQuery)

        def found() -> dict[str, Any]:
            users = self._engine.users(asked.limit, asked.offset)
            named = ({"user": u, "events": n, "newest_s": newest_s} for u, n, newest_s in users)
            return {"users": list(named)}

        return await self._reads.json(found)

    async def interests(self, request: Request) -> Response:
        """What a user wants

        Strongest first, each with the events that speak for it, where it is going and how it will
        fade. Empty for a stranger, and as long as nothing is trained.
        """
        user = id_of(request, "user")
        return await self._reads.json(lambda: _interests(self._engine, user))

    async def history(self, request: Request) -> Response:
        """A user's events, newest first"""
        user, asked = id_of(request, "user"), query_of(request, schemas.HistoryQuery)

        def found() -> dict[str, Any]:
            events = self._engine.history(user)
            newest_first = events[::-1][asked.offset : asked.offset + asked.limit]
            titles = _titles(self._engine, newest_first)
            told = [{**asdict(event), "title": titles.get(event.item)} for event in newest_first]
            return {"user": user, "events": told, "total": len(events)}

        return await self._reads.json(found)

    async def forget(self, request: Request) -> Response:
        """Forget a user

        Erases the user from log, states, counts and rejected lines. The receipt says in sentences
        what still holds traces.
        """
        user = id_of(request, "user")
        receipt = (await self._intake.run(lambda: self._engine.forget(user))).value
        self._erased(user)
        return json(receipt._asdict())


def _titles(engine: Engine, events: Sequence[Event]) -> dict[str | None, str | None]:
    """Titles by item; none for what was removed."""
    found: dict[str | None, str | None] = {}
    for item in {event.item for event in events if event.item is not None}:
        try:
            found[item] = engine.item(item).title
        except UnknownIdError:
            found[item] = None
    return found


def _interests(engine: Engine, user: str) -> dict[str, Any]:
    items = engine.items()
    found = []
    for one in engine.interests(user):
        plain = asdict(one)
        rows: Sequence[int] = plain.pop("evidence_rows")
        plain["evidence"] = [{"item": items[r].id, "title": items[r].title} for r in rows]
        found.append(plain)
    return {
        "user": user,
        "interests": found,
        "state_cursor": engine.recommend(user, 1).state_cursor,
        "artifact": engine.artifact,
        "now_s": engine.now_s(),
    }
