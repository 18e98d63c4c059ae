"""Routes: one operation of the API: who may, what it reads and answers, and its documentation."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from penchant.core.errors import nearest
from penchant.serving import schemas
from penchant.serving.keys import ROLES, Caller, Role
from penchant.serving.problems import MEDIA, PROBLEMS, RefusedError
from penchant.serving.reading import ENCODER

REFS: Final = "#/components/schemas/{name}"
ALWAYS: Final = ("rate-limited", "unavailable")
"""Problems that every operation with a role may answer with, beside `internal`."""
S = TypeVar("S", bound=msgspec.Struct)
Endpoint = Callable[[Request], Awaitable[Response]]


class Route(APIRoute):
    """An operation: its function gets the request and gives the response, nothing in between."""

    def __init__(
        self,
        operation: str,
        endpoint: Endpoint,
        *,
        role: Role | None,
        answer: Any,
        query: type[schemas.Query] | None = None,
        body: Any = None,
        problems: Sequence[str] = (),
        media: str = "application/json",
    ) -> None:
        method, path = operation.split()
        self.components: dict[str, Any] = {}
        self._needed = None if role is None else ROLES.index(role)
        secured = ["unauthorized", "forbidden", *ALWAYS] if role else []
        slugs = [*problems, *secured, "internal"]
        if query is not None or "{" in path:
            slugs.append("invalid-request")
        if body is not None:
            slugs += ["invalid-json", "invalid-request", "timeout", "too-large"]
        doc = inspect.getdoc(endpoint) or ""
        answers = answer if isinstance(answer, Mapping) else {200: answer}
        extra: dict[str, Any] = {
            "parameters": [*_of_path(path), *self._of_query(query)],
            "security": [{"bearer": []}, {"header": []}, {}] if role else [],
            "x-role": role or "anybody",
        }
        if body is not None:
            content = {"application/json": {"schema": self._schema(body)}}
            extra["requestBody"] = {"required": True, "content": content}
        super().__init__(
            path,
            endpoint,
            methods=[method],
            tags=[endpoint.__module__.rpartition(".")[2]],
            response_model=None,
            summary=doc.split("\n")[0].rstrip("."),
            response_description=_described(answers[200]),
            responses={
                **self._of_problems(slugs),
                **{
                    status: {"content": {media: {"schema": self._schema(kind)}}}
                    for status, kind in answers.items()
                },
            },
            response_class=Response,
            openapi_extra=extra,
        )
        self.description = doc.partition("\n\n")[2]  # fastapi takes the whole doc for none
        self.app = self._respond
        self._endpoint = endpoint

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._needed is not None:
            self._require(scope["caller"])
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)

    def _require(self, caller: Caller | str) -> None:
        if isinstance(caller, str):
            raise RefusedError("unauthorized", caller, {"WWW-Authenticate": "Bearer"})
        if ROLES.index(caller.role) < (self._needed or 0):
            raise RefusedError(
                "forbidden",
                f"the key {caller.name} has the role {caller.role}; this needs "
                f"{ROLES[self._needed or 0]}",
            )

    def _schema(self, kind: Any) -> dict[str, Any]:
        (schema,), components = msgspec.json.schema_components([kind], ref_template=REFS)
        self.components.update(components)
        return schema

    def _of_query(self, query: type[schemas.Query] | None) -> list[dict[str, Any]]:
        if query is None:
            return []
        (_,), components = msgspec.json.schema_components([query], ref_template=REFS)
        found = components[query.__name__]
        required = found.get("required", ())
        made = []
        for name, schema in found["properties"].items():
            described = schema.pop("description", "")
            made.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in required,
                    "description": described,
                    "schema": schema,
                }
            )
        return made

    def _of_problems(self, slugs: Iterable[str]) -> dict[int | str, dict[str, Any]]:
        by_status: dict[int | str, list[str]] = {}
        for slug in dict.fromkeys(slugs):
            by_status.setdefault(PROBLEMS[slug].status, []).append(slug)
        schema = self._schema(schemas.Problem)
        return {
            status: {
                "description": "; ".join(f"{s}: {PROBLEMS[s].title}" for s in found),
                "content": {MEDIA: {"schema": schema}},
            }
            for status, found in by_status.items()
        }


def json(data: Any, status: int = 200) -> Response:
    """`data` as JSON; what is no finite number becomes null."""
    return Response(ENCODER.encode(data), status, media_type="application/json")


def many_of(given: Any, most: int) -> list[Any]:
    """The rows of a body that is an array."""
    if not isinstance(given, list):
        kind = type(given).__name__
        raise RefusedError("invalid-request", f"the body is of type {kind}; allowed is an array")
    if len(given) > most:
        raise RefusedError(
            "too-large", f"the body has {len(given):,} rows; allowed are {most:,} in one request"
        )
    return given


def id_of(request: Request, name: str) -> str:
    """An id out of the path, where it stands percent-encoded."""
    raw = request.path_params[name]
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise RefusedError(
            "invalid-request", f"{name} {raw!r} of the path is not percent-encoded UTF-8"
        ) from None


def query_of(request: Request, kind: type[S]) -> S:
    """The query as `kind`; a name that it does not have and a value it may not have are errors."""
    fields = _lists(kind)
    found: dict[str, Any] = {}
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            max_num_fields=2_000,
            errors="strict",
        )
    except ValueError as error:
        raise RefusedError("invalid-request", f"the query cannot be read: {error}") from None
    for name, value in pairs:
        if name in fields:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise RefusedError("invalid-request", f"{name} is given twice; allowed is once")
        else:
            found[name] = value
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise RefusedError("invalid-request", explained(error, found, kind)) from None


def body_of(given: Any, kind: type[S]) -> S:
    """The body as `kind`."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise RefusedError("invalid-request", explained(error, given, kind)) from None


_PLACE: Final = re.compile(r" - at `(\$[^`]*)`$")
_STRANGE: Final = re.compile(r"^Object contains unknown field `([^`]*)`$")
_NO_CHOICE: Final = "Invalid enum value"


def explained(error: msgspec.ValidationError, given: Any, kind: type[msgspec.Struct]) -> str:
    """A sentence of ours: which field, which value, what is allowed."""
    said, fields = str(error), _fields(kind)
    place, strange = _PLACE.search(said), _STRANGE.match(said)
    if strange is not None:
        name = strange[1]
        return f"no field is named {name!r}{nearest(name, fields)}; allowed are {', '.join(fields)}"
    if place is None:
        return said[0].lower() + said[1:]
    said, path = said[: place.start()], place[1].removeprefix("$").lstrip(".")
    choice = fields.get(path)
    if said.startswith(_NO_CHOICE) and isinstance(choice, msgspec.inspect.LiteralType):
        said = f"allowed are {', '.join(map(str, choice.values))}"
    value = given.get(path) if isinstance(given, dict) else None
    shown = f"{path or 'the body'}"
    if value is not None:
        shown += f" is {str(value)[:80]!r}"
    return f"{shown}: {said[0].lower()}{said[1:]}"


_LISTS: dict[type, frozenset[str]] = {}


def _lists(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Names that may be given again and again."""
    if kind not in _LISTS:
        _LISTS[kind] = frozenset(
            name
            for name, given in _fields(kind).items()
            if isinstance(given, msgspec.inspect.ListType)
        )
    return _LISTS[kind]


def _fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.inspect.Type]:
    """What each field may be, by its name in JSON."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return {f.encode_name: _bare(f.type) for f in info.fields}


def _bare(kind: Any) -> Any:
    return kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind


def _described(answer: Any) -> str:
    """An answer in words; what Python says of its own `str` is nothing of ours."""
    return (answer is not str and inspect.getdoc(answer)) or "The answer."


def _of_path(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"Id of the {name}, percent-encoded.",
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
