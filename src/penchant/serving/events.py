"""Events: one or many in, one out again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.serving import schemas
from penchant.serving.bodies import Bodies
from penchant.serving.intake import Intake
from penchant.serving.problems import RefusedError
from penchant.serving.routes import Route, id_of, json


def event_routes(
    intake: Intake, bodies: Bodies, undo: Callable[[str], bool], most: int
) -> Sequence[Route]:
    """`/events`."""

    async def take_events(request: Request) -> Response:
        """Take in events

        One event or an array of them. What is good is stored and known to the next slate, what is
        not comes back as `rejected` with a sentence: the answer is 200 either way. Every event
        gets an id, by which it can be undone; with a time, or an `id` of the caller's own, a
        resend is the same event and comes back as `duplicate`.
        """
        received = request.scope["began"]
        rows = rows_of(await bodies.json(request), most)
        bad = {n: _no_row(row) for n, row in enumerate(rows) if not isinstance(row, Mapping)}
        good = [row for n, row in enumerate(rows) if n not in bad]
        taken = (await intake.take(good, received)).value
        outcomes = iter(taken.outcomes)
        results = [bad[n] if n in bad else _result(next(outcomes)) for n in range(len(rows))]
        return json({"results": results, "cursor": taken.cursor})

    async def undo_event(request: Request) -> Response:
        """Undo an event

        Takes it out of the log, the counts and the interests, as if it had never been seen; a
        resend of it is answered `undone` and stays out.
        """
        event = id_of(request, "event")
        if not (await intake.run(lambda: undo(event))).value:
            raise RefusedError("not-found", f"no event has the id {event!r}; nothing was undone")
        return json({"event_id": event, "undone": True})

    return (
        Route(
            "POST",
            "/events",
            take_events,
            tag="events",
            body=schemas.Event | list[schemas.Event],
            answer=schemas.EventOutcomes,
            problems=("storage-full",),
        ),
        Route(
            "DELETE",
            "/events/{event}",
            undo_event,
            tag="events",
            answer=schemas.Undone,
            problems=("not-found", "storage-full"),
        ),
    )


def rows_of(given: Any, most: int) -> list[Any]:
    """The rows of a body that is one object or an array of them."""
    if isinstance(given, Mapping):
        return [given]
    if not isinstance(given, list):
        kind = type(given).__name__
        raise RefusedError(
            "invalid-request", f"the body is of type {kind}; allowed are an object and an array"
        )
    if len(given) > most:
        raise RefusedError(
            "too-large", f"the body has {len(given):,} rows; allowed are {most:,} in one request"
        )
    return given


def _no_row(row: Any) -> dict[str, Any]:
    error = f"the row is {str(row)[:80]!r}; allowed is an object"
    return {"event_id": None, "status": "rejected", "error": error}


def _result(outcome: Any) -> dict[str, Any]:
    return {"event_id": outcome.event, "status": outcome.status, "error": outcome.error}
