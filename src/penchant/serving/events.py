"""Events: one or many in, one out again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from penchant.ingest.wire import EVENT_FIELDS
from penchant.serving import schemas
from penchant.serving.bodies import Bodies
from penchant.serving.intake import Intake, Outcome
from penchant.serving.problems import RefusedError
from penchant.serving.routes import Route, id_of, json, many_of

REASONS: Final = frozenset(EVENT_FIELDS.values())


class EventRoutes:
    """`/events`."""

    def __init__(
        self,
        intake: Intake,
        bodies: Bodies,
        undo: Callable[[str], bool],
        undone: Callable[[], None],
        most: int,
    ) -> None:
        self._intake = intake
        self._bodies = bodies
        self._undo = undo
        self._undone = undone
        self._most = most

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route(
                "POST /events",
                self.take,
                role="write",
                body=schemas.Event | list[schemas.Event],
                answer=schemas.EventOutcomes,
                problems=("storage-full",),
            ),
            Route(
                "DELETE /events/{event}",
                self.undo,
                role="write",
                answer=schemas.Undone,
                problems=("not-found", "storage-full"),
            ),
        )

    async def take(self, request: Request) -> Response:
        """Take in events

        One event or an array of them. What is good is stored and known to the next slate, what is
        not comes back as `rejected` with a sentence: the answer is 200 either way. Every event
        gets an id, by which it can be undone; with a time, or an `id` of the caller's own, a
        resend is the same event and comes back as `duplicate`.
        """
        given = await self._bodies.json(request)
        rows = [given] if isinstance(given, Mapping) else many_of(given, self._most)
        taken = (await self._intake.take(rows, request.scope["began"])).value
        return json({"results": list(map(_told, taken.outcomes)), "cursor": taken.cursor})

    async def undo(self, request: Request) -> Response:
        """Undo an event

        Takes it out of the log, the counts and the interests, as if it had never been seen; a
        resend of it is answered `undone` and stays out.
        """
        event = id_of(request, "event")
        if not (await self._intake.run(lambda: self._undo(event))).value:
            raise RefusedError("not-found", f"no event has the id {event!r}; nothing was undone")
        self._undone()
        return json({"event_id": event, "undone": True})


def reason_of(error: str | None) -> str:
    """Why a row was rejected, as one of few words.

    >>> reason_of("time 5138-11-16 of user 'ann' lies in the future"), reason_of("user is empty")
    ('time', 'user')
    >>> reason_of("no event type is named 'veiw'")
    'type'
    """
    said = error or ""
    if said.startswith("no event type"):
        return "type"
    word = said.partition(" ")[0].partition(".")[0]
    return word if word in REASONS else "row"


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"event_id": outcome.event, "status": outcome.status, "error": outcome.error}
