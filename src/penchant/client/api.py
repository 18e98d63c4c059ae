"""Every call of the HTTP API, described once: what is sent, and as what the answer is read."""

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypedDict, TypeVar, Unpack
from urllib.parse import quote, urlencode

import msgspec

from penchant.client import answers
from penchant.client.problems import ProblemError
from penchant.client.retries import (
    PASSING,
    Answered,
    Retries,
    attempts,
    refused,
    retry_after,
    unreachable,
)
from penchant.client.sse import Messages
from penchant.client.steps import (
    Emit,
    Emitting,
    Lost,
    Open,
    Plan,
    Read,
    Reply,
    Request,
    Wait,
    call,
    iteration,
)
from penchant.core.errors import InvalidEventError, InvalidRequestError

T = TypeVar("T")
Language = Literal["en", "zh"]
Row = Mapping[str, Any]
"""An event: `user`, `type`, perhaps `item value time id words context`; or an item: `id`, perhaps
`title categories description attributes available expires`."""

ROWS: Final = 1_000
"""Rows in one request: what servers take unless told otherwise."""
BYTES: Final = 900_000
"""Bytes of one request: below the 1 MiB that servers take."""
DAMPED_S: Final = 10.0
"""Longest wait before a stream is opened again."""


class SlateAsked(TypedDict, total=False):
    """What a slate can be asked for."""

    after: str | None
    """Cursor of an event that must be known to it."""
    exclude: Iterable[str]
    """Items to leave out."""
    categories: Iterable[str]
    """Only items of any of these."""
    repeats: bool | None
    """False: without what the user has taken."""
    diversity: float | None
    """0: pure relevance; 1: pure variety."""
    reasons: bool
    """Whether to say why."""
    lang: Language | None
    """Of the reasons' sentences."""
    placement: str | None
    """Whose rules hold."""


class Api:
    """The calls. `Client` returns their answers; with `AsyncClient` they are awaited.

    Each may raise `ProblemError` (the server refused: status, title, detail), `UnreachableError`
    (no answer after all tries), and `InvalidRequestError` before anything is sent.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries: Final = retries

    # ---- events ------------------------------------------------------------------------------

    @call
    def observe(
        self,
        user: str,
        item: str | None = None,
        type: str = "view",
        *,
        value: float | None = None,
        time: float | str | None = None,
        id: str | None = None,
        words: str | None = None,
        context: Mapping[str, str | int | float | bool] | None = None,
    ) -> Plan[answers.Observed]:
        """Tell what a user did; durable, and known to the next slate, when it returns.

        `time` is Unix seconds or ISO 8601; without one it is now. Without `id` the event gets one
        here, so that however often it must be sent, it counts once. Raises `InvalidEventError`
        where it cannot be accepted.
        """
        row = {"user": user, "item": item, "type": type, "value": value, "time": time}
        more = {"id": id, "words": words, "context": context}
        event = _without_none({**row, **more})
        told = yield from self._call(
            answers.EventOutcomes, "POST", ("events",), body=_encoded(_with_id(event))
        )
        outcome = told.results[0]
        if outcome.event_id is None or outcome.status == "rejected":
            raise InvalidEventError(outcome.error or "the event was rejected")
        return answers.Observed(event=outcome.event_id, status=outcome.status, cursor=told.cursor)

    @call
    def observe_many(self, events: Iterable[Row]) -> Plan[answers.EventOutcomes]:
        """Tell many events, in their order, as few requests as it takes.

        Good rows land, wrong ones come back as `rejected` with a sentence. Each gets an id like
        that of `observe`. Give ids of your own where you would send them again after an error:
        what had landed before it is then a duplicate. All are read, and checked, before the first
        is sent: of a source without an end hand in a part at a time.
        """
        results: list[answers.EventOutcome] = []
        cursor = "0"
        for body in list(_batches(map(_with_id, events))):  # all are sound before one is sent
            told = yield from self._call(answers.EventOutcomes, "POST", ("events",), body=body)
            results += told.results
            cursor = told.cursor
        return answers.EventOutcomes(results=results, cursor=cursor)

    @call
    def undo(self, event: str) -> Plan[answers.Undone]:
        """Take one event back, as if it had never been seen; a resend of it stays out."""
        found = yield from self._removal(answers.Undone, ("events", event))
        return found or answers.Undone(event_id=event, undone=True)

    # ---- items -------------------------------------------------------------------------------

    @call
    def put_item(
        self,
        item: str,
        *,
        title: str | None = None,
        categories: Sequence[str] = (),
        description: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        available: bool = True,
        expires: float | str | None = None,
    ) -> Plan[answers.ItemOutcome]:
        """Add an item, or replace what is known of it; recommendable with the next slate.

        `expires` is Unix seconds or ISO 8601; from then on it is not recommended.
        """
        body = {"title": title, "categories": _several("categories", categories)}
        body |= {"description": description}
        more = {"attributes": attributes, "available": available, "expires": expires}
        return self._call(
            answers.ItemOutcome,
            "PUT",
            ("items", item),
            body=_encoded(_without_none({**body, **more})),
        )

    @call
    def put_items(self, items: Iterable[Row]) -> Plan[answers.ItemOutcomes]:
        """Add or replace many items, as few requests as it takes; wrong ones are `rejected`.

        All are read, and checked, before the first is sent.
        """
        results: list[answers.ItemOutcome] = []
        for body in list(_batches(items)):
            told = yield from self._call(answers.ItemOutcomes, "PUT", ("items",), body=body)
            results += told.results
        return answers.ItemOutcomes(results=results)

    @call
    def item(self, item: str) -> Plan[answers.Item]:
        """One item."""
        return self._call(answers.Item, "GET", ("items", item))

    @call
    def remove_item(self, item: str) -> Plan[answers.ItemRemoved]:
        """Take an item out of every slate and search; events with it stay."""
        found = yield from self._removal(answers.ItemRemoved, ("items", item))
        return found or answers.ItemRemoved(item=item, removed=True)

    @call
    def search(
        self, q: str = "", *, category: str | None = None, limit: int = 20, offset: int = 0
    ) -> Plan[answers.ItemList]:
        """Items whose titles have words that begin so, in any order, of any case."""
        query = {"q": q, "category": category, "limit": limit, "offset": offset}
        return self._call(answers.ItemList, "GET", ("items",), query=query)

    @call
    def similar(self, item: str, n: int = 10) -> Plan[answers.SimilarItems]:
        """Items like this one."""
        return self._call(answers.SimilarItems, "GET", ("items", item, "similar"), query={"n": n})

    @call
    def categories(self) -> Plan[answers.Categories]:
        """Every category and how many items it has."""
        return self._call(answers.Categories, "GET", ("categories",))

    # ---- users -------------------------------------------------------------------------------

    @call
    def put_user(self, user: str, attributes: Mapping[str, Any]) -> Plan[answers.UserAttributes]:
        """Say what is known of a user."""
        body = _encoded({"attributes": attributes})
        return self._call(answers.UserAttributes, "PUT", ("users", user), body=body)

    @call
    def user(self, user: str) -> Plan[answers.User]:
        """One user in numbers."""
        return self._call(answers.User, "GET", ("users", user))

    @call
    def users(self, limit: int = 100, offset: int = 0) -> Plan[answers.UserList]:
        """Users, most events first."""
        query = {"limit": limit, "offset": offset}
        return self._call(answers.UserList, "GET", ("users",), query=query)

    @call
    def forget(self, user: str) -> Plan[answers.Receipt]:
        """Erase a user; the receipt says what remains."""
        found = yield from self._removal(answers.Receipt, ("users", user), receipt=True)
        assert found is not None
        return found

    @call
    def history(self, user: str, limit: int = 100, offset: int = 0) -> Plan[answers.History]:
        """A user's events, newest first."""
        query = {"limit": limit, "offset": offset}
        return self._call(answers.History, "GET", ("users", user, "history"), query=query)

    @call
    def interests(self, user: str) -> Plan[answers.Interests]:
        """What a user wants, strongest first, with the evidence."""
        return self._call(answers.Interests, "GET", ("users", user, "interests"))

    @call
    def timeline(self, user: str, limit: int = 50) -> Plan[answers.Timeline]:
        """How a user's interests moved with each of the latest `limit` events."""
        path = ("users", user, "interests", "timeline")
        return self._call(answers.Timeline, "GET", path, query={"limit": limit})

    @call
    def export(self, user: str) -> Plan[answers.Export]:
        """Everything that is held about a user."""
        return self._call(answers.Export, "GET", ("users", user, "export"), slow=True)

    # ---- slates ------------------------------------------------------------------------------

    @call
    def recommend(  # noqa: PLR0913  what a slate can be asked for
        self,
        user: str,
        n: int = 10,
        *,
        next: str | None = None,
        after: str | None = None,
        exclude: Iterable[str] = (),
        categories: Iterable[str] = (),
        repeats: bool | None = None,
        diversity: float | None = None,
        reasons: bool = False,
        lang: Language | None = None,
        placement: str | None = None,
    ) -> Plan[answers.Slate]:
        """A slate for a user, who may be a stranger.

        It knows every event that this server has answered before. `after` is the cursor of an
        event that must be known to it, `next` the token of the page before; `exclude` are items,
        `categories` keeps those of any of these, `repeats=False` leaves out what the user has
        taken; `reasons` says why, in `lang`. `n` is 1 to 500, `diversity` 0 to 1.
        """
        asked: SlateAsked = {
            "after": after,
            "exclude": exclude,
            "categories": categories,
            "repeats": repeats,
            "diversity": diversity,
            "reasons": reasons,
            "lang": lang,
            "placement": placement,
        }
        query = {**_slate_query(n, asked), "next": next}
        return self._call(answers.Slate, "GET", ("users", user, "recommendations"), query=query)

    @iteration
    def pages(self, user: str, n: int = 10, **asked: Unpack[SlateAsked]) -> Emitting[answers.Slate]:
        """Slates page by page, which repeat nothing, until nothing is left.

        What is shown travels in each request: after some 4,000 items the server refuses more.
        Takes what `recommend` takes.
        """
        path, query = ("users", user, "recommendations"), _slate_query(n, asked)
        following: str | None = None
        while True:
            page = {**query, "next": following}
            slate = yield from self._call(answers.Slate, "GET", path, query=page)
            if slate.items:
                yield Emit(slate)
            if slate.next is None:
                return
            following = slate.next

    @iteration
    def stream(
        self, user: str, n: int = 10, **asked: Unpack[SlateAsked]
    ) -> Emitting[answers.Slate]:
        """A slate now, and another whenever an event has moved it; ends when the user is erased.

        Takes what `recommend` takes. Where the line drops it is opened again, however long the
        server is away; a slate that has not moved meanwhile is not given twice. A server that
        refuses ends it with `ProblemError`.
        """
        request = Request("GET", address(("users", user, "stream"), _slate_query(n, asked)))
        failed, shown = 0, None
        while True:
            got: Reply | Lost = yield Open(request)
            if isinstance(got, Lost) or got.status != 200:
                failed += 1
                problem = self._ends(request, got, failed, shown is not None)
                if problem is not None:
                    raise problem
                yield Wait(self._damped(failed, got))
                continue
            messages = Messages()
            while isinstance(data := (yield Read()), bytes):
                for message in messages.take(data):
                    if message.type == "erased":
                        return
                    slate = decoded(message.data.encode(), answers.Slate, request)
                    failed, now = 0, [place.item for place in slate.items]
                    if shown != now:
                        shown = now
                        yield Emit(slate)
            failed += 1
            yield Wait(self._damped(failed, None))

    @call
    def rank(
        self,
        user: str,
        items: Iterable[str],
        *,
        reasons: bool = False,
        lang: Language | None = None,
    ) -> Plan[answers.Ranking]:
        """Your own list of items, at most 1,000, in the order that the user would have them."""
        body: dict[str, Any] = {"user": user, "items": _several("items", items)}
        body |= {"reasons": reasons or None, "lang": lang}
        return self._call(answers.Ranking, "POST", ("rank",), body=_encoded(_without_none(body)))

    @call
    def session(
        self,
        events: Iterable[Row],
        n: int = 10,
        *,
        exclude: Iterable[str] = (),
        categories: Iterable[str] = (),
        repeats: bool | None = None,
        diversity: float | None = None,
        placement: str | None = None,
    ) -> Plan[answers.Slate]:
        """A slate for whoever did this, in this order; nothing of it is stored."""
        body = {
            "events": [_without_none(event) for event in events],
            "n": n,
            "exclude": _several("exclude", exclude) or None,
            "categories": _several("categories", categories) or None,
            "repeats": repeats,
            "diversity": diversity,
            "placement": placement,
        }
        path = ("session", "recommendations")
        return self._call(answers.Slate, "POST", path, body=_encoded(_without_none(body)))

    @call
    def popular(
        self,
        n: int = 10,
        *,
        category: str | None = None,
        window: Literal["1d", "7d", "30d"] | None = None,
    ) -> Plan[answers.Popular]:
        """What everybody takes."""
        query = {"n": n, "category": category, "window": window}
        return self._call(answers.Popular, "GET", ("popular",), query=query)

    # ---- service -----------------------------------------------------------------------------

    @call
    def health(self) -> Plan[answers.Health]:
        """Whether the server answers; one that starts or stops says so, and that is no error."""
        request = Request("GET", "/health/ready")
        once = self._retries._replace(tries=1)
        answered = yield from attempts(request, once)
        if answered.reply.status not in (200, 503):
            raise refused(request, answered.reply)
        return decoded(answered.reply.body, answers.Health, request)

    @call
    def about(self) -> Plan[answers.About]:
        """What the server is and takes."""
        return self._call(answers.About, "GET", ("about",))

    @call
    def overview(self) -> Plan[answers.Overview]:
        """The server in numbers."""
        return self._call(answers.Overview, "GET", ("overview",))

    # ---- inside ------------------------------------------------------------------------------

    def _call(
        self,
        kind: type[T],
        method: str,
        path: Sequence[str],
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        slow: bool = False,
    ) -> Plan[T]:
        """Send until there is an answer, and read it."""
        request = Request(method, address(path, query or {}), body, slow)
        answered = yield from attempts(request, self._retries)
        if not 200 <= answered.reply.status < 300:
            raise refused(request, answered.reply)
        return decoded(answered.reply.body, kind, request)

    def _removal(self, kind: type[T], path: Sequence[str], receipt: bool = False) -> Plan[T | None]:
        """Take something away; None: an earlier try has, and its answer was lost."""
        request = Request("DELETE", address(path, {}), slow=True)
        answered: Answered = yield from attempts(request, self._retries)
        reply = answered.reply
        if reply.status == 404 and answered.resent:
            if not receipt:
                return None
            problem = refused(request, reply)
            raise ProblemError(
                problem.status,
                problem.type,
                problem.title,
                f"{problem.detail} (an earlier try of this call may have done it: its answer, and "
                "with it the receipt, was lost on the way)",
                problem.instance,
                problem.request_id,
            )
        if not 200 <= reply.status < 300:
            raise refused(request, reply)
        return decoded(reply.body, kind, request)

    def _ends(
        self, request: Request, got: Reply | Lost, failed: int, was_open: bool
    ) -> Exception | None:
        """What ends a stream that could not be opened; None: try again."""
        if isinstance(got, Reply) and got.status not in PASSING:
            return refused(request, got)
        if was_open or failed < self._retries.tries:
            return None
        return (
            refused(request, got) if isinstance(got, Reply) else unreachable(request, got, failed)
        )

    def _damped(self, failed: int, got: Reply | Lost | None) -> float:
        asked = retry_after(got) if isinstance(got, Reply) else 0.0
        pause = self._retries.pause(failed, uuid.uuid4().int % 1_000 / 1_000)
        return max(min(pause, DAMPED_S), min(asked, self._retries.most_wait_s))


def _several(name: str, given: Iterable[str]) -> list[str]:
    """A list of texts; one text alone would be read letter by letter."""
    if isinstance(given, str):
        raise InvalidRequestError(f"{name} is {given!r}; allowed is a list: [{given!r}]")
    return list(given)


def _slate_query(n: int, asked: SlateAsked) -> dict[str, Any]:
    return {
        "n": n,
        "after": asked.get("after"),
        "exclude": _several("exclude", asked.get("exclude", ())),
        "category": _several("categories", asked.get("categories", ())),
        "repeats": asked.get("repeats"),
        "diversity": asked.get("diversity"),
        "reasons": asked.get("reasons") or None,
        "lang": asked.get("lang"),
        "placement": asked.get("placement"),
    }


def address(parts: Sequence[str], query: Mapping[str, Any]) -> str:
    """A path with its query; lists repeat their name, what is None is left out.

    >>> address(("users", "a/b ü", "recommendations"), {"n": 5, "exclude": ["x", "y"]})
    '/users/a%2Fb%20%C3%BC/recommendations?n=5&exclude=x&exclude=y'
    >>> address(("items", ".."), {"repeats": False, "next": None})
    '/items/%2E%2E?repeats=false'
    """
    path = "".join(f"/{_segment(part)}" for part in parts)
    pairs = [
        (name, str(one).lower() if isinstance(one, bool) else one)
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]
    return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path


def decoded(body: bytes, kind: type[T], request: Request) -> T:
    """The answer, or a `ProblemError` that says what else it was."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProblemError(
            200,
            "about:blank",
            "this is no answer of Penchant",
            f"{error}; is the address right, and the server of this version?",
            request.path,
            "",
        ) from None


def _segment(part: str) -> str:
    if not part:
        raise InvalidRequestError("an id is ''; allowed is any other string")
    quoted = quote(part, safe="")
    return quoted.replace(".", "%2E") if part in (".", "..") else quoted


def _with_id(event: Row) -> Row:
    """The event with an id, made here before it is first sent: a resend is the same event."""
    if any(event.get(name) not in (None, "") for name in ("id", "event_id")):
        return event
    return {**event, "id": uuid.uuid4().hex}


def _without_none(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _encoded(row: Row) -> bytes:
    _refuse_not_finite("", row)
    try:
        return msgspec.json.encode(row)
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise InvalidRequestError(f"{str(row)[:80]} cannot be sent as JSON: {error}") from None


def _refuse_not_finite(name: str, given: Any) -> None:
    """Raise for NaN and infinity, which JSON has no words for: they would be sent as null."""
    if isinstance(given, float) and not math.isfinite(given):
        raise InvalidRequestError(f"{name} is {given}; allowed are finite numbers")
    if isinstance(given, Mapping):
        for key, value in given.items():
            _refuse_not_finite(f"{name}.{key}" if name else str(key), value)
    elif isinstance(given, list | tuple):
        for place, value in enumerate(given):
            _refuse_not_finite(f"{name}[{place}]", value)


def _batches(rows: Iterable[Row]) -> Iterator[bytes]:
    """JSON arrays, as long as one request may be."""
    parts: list[bytes] = []
    size = 0
    for row in rows:
        part = _encoded(row)
        if parts and (len(parts) == ROWS or size + len(part) > BYTES):
            yield b"[" + b",".join(parts) + b"]"
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield b"[" + b",".join(parts) + b"]"
