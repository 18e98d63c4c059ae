"""Users: what is known of one, what they want, what is handed out and what is erased."""

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
from penchant.serving.routes import Route, body_of, id_of, json, query_of


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
        return (*self._reading(), *self._held())

    def _reading(self) -> Sequence[Route]:
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
                "GET /users/{user}/interests/timeline",
                self.timeline,
                role="read",
                query=schemas.TimelineQuery,
                answer=schemas.Timeline,
            ),
            Route(
                "GET /users/{user}/history",
                self.history,
                role="read",
                query=schemas.HistoryQuery,
                answer=schemas.History,
            ),
        )

    def _held(self) -> Sequence[Route]:
        """What is held about a user: told, read, handed out, erased."""
        return (
            Route(
                "PUT /users/{user}",
                self.put,
                role="write",
                body=schemas.UserGiven,
                answer=schemas.UserPut,
                problems=("storage-full",),
            ),
            Route(
                "GET /users/{user}",
                self.get,
                role="read",
                answer=schemas.User,
                problems=("not-found",),
            ),
            Route(
                "GET /users/{user}/export",
                self.export,
                role="admin",
                answer=schemas.UserExport,
                problems=("not-found",),
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
        return await self._reads.json(lambda: self._engine.profile(user))

    async def timeline(self, request: Request) -> Response:
        """How a user's interests moved

        One moment right after each of the latest events, and one now.
        """
        user, asked = id_of(request, "user"), query_of(request, schemas.TimelineQuery)
        return await self._reads.json(lambda: asdict(self._engine.timeline(user, asked.limit)))

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

    async def put(self, request: Request) -> Response:
        """Tell of a user

        Attributes in place of those told before. No slate reads them yet.
        """
        user = id_of(request, "user")
        given = body_of(await self._bodies.json(request), schemas.UserGiven)

        def told() -> dict[str, Any]:
            self._engine.put_user(user, given.attributes)
            return {"user": user, "attributes": self._engine.user(user).attributes}

        return json((await self._intake.run(told)).value)

    async def get(self, request: Request) -> Response:
        """A user in numbers, and what was told of them"""
        user = id_of(request, "user")
        return await self._reads.json(lambda: asdict(self._engine.user(user)))

    async def export(self, request: Request) -> Response:
        """Everything that is held about a user"""
        user = id_of(request, "user")
        return await self._reads.json(lambda: self._engine.export_user(user))

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
