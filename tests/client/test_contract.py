"""The client and the server describe the same API: every route, every parameter, every field."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from penchant.client import answers
from penchant.client.api import Api
from penchant.client.retries import RETRIES
from penchant.client.steps import Blocking, Emitting, Plan, Request
from penchant.engine.engine import Engine
from penchant.serving.app import App
from penchant.serving.config import ServingConfig

Operation = tuple[str, str]
NO_CALL = {("get", "/metrics"), ("get", "/health/live")}
"""For machines that watch the server, not for those that use it."""
OVERVIEW = {"facts", "card", "quality", "rates", "latency_ms", "drops"}
"""Handed on as they come: for people, and free to grow."""


class Recorder(Api, Blocking):
    """Notes the first request of a call, and ends it there."""

    def __init__(self) -> None:
        super().__init__(RETRIES)
        self.asked: list[Request] = []

    def _run(self, plan: Plan[Any]) -> Any:
        self.asked.append(next(plan).request)  # type: ignore[union-attr]

    def _iterate(self, plan: Emitting[Any]) -> Any:
        self.asked.append(next(plan).request)  # type: ignore[union-attr]


SLATE: dict[str, Any] = {
    "after": "1",
    "exclude": ["x"],
    "categories": ["y"],
    "repeats": False,
    "diversity": 0.5,
    "reasons": True,
    "lang": "zh",
    "placement": "home",
}
CALLS: dict[str, tuple[Callable[[Recorder], Any], Any]] = {
    "observe": (lambda c: c.observe("u", "i"), answers.EventOutcomes),
    "observe_many": (lambda c: c.observe_many([{}]), answers.EventOutcomes),
    "undo": (lambda c: c.undo("e"), answers.Undone),
    "put_item": (lambda c: c.put_item("i"), answers.ItemOutcome),
    "put_items": (lambda c: c.put_items([{}]), answers.ItemOutcomes),
    "item": (lambda c: c.item("i"), answers.Item),
    "remove_item": (lambda c: c.remove_item("i"), answers.ItemRemoved),
    "search": (lambda c: c.search("q", category="c"), answers.ItemList),
    "similar": (lambda c: c.similar("i"), answers.SimilarItems),
    "categories": (lambda c: c.categories(), answers.Categories),
    "put_user": (lambda c: c.put_user("u", {}), answers.UserAttributes),
    "user": (lambda c: c.user("u"), answers.User),
    "users": (lambda c: c.users(), answers.UserList),
    "forget": (lambda c: c.forget("u"), answers.Receipt),
    "history": (lambda c: c.history("u"), answers.History),
    "interests": (lambda c: c.interests("u"), answers.Interests),
    "timeline": (lambda c: c.timeline("u"), answers.Timeline),
    "export": (lambda c: c.export("u"), answers.Export),
    "recommend": (lambda c: c.recommend("u", next="n", **SLATE), answers.Slate),
    "pages": (lambda c: c.pages("u", **SLATE), answers.Slate),
    "stream": (lambda c: c.stream("u", **SLATE), answers.Slate),
    "rank": (lambda c: c.rank("u", ["i"]), answers.Ranking),
    "session": (lambda c: c.session([{}]), answers.Slate),
    "popular": (lambda c: c.popular(category="c", window="7d"), answers.Popular),
    "health": (lambda c: c.health(), answers.Health),
    "about": (lambda c: c.about(), answers.About),
    "overview": (lambda c: c.overview(), answers.Overview),
}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The API as the server describes it."""
    path = tmp_path_factory.mktemp("api") / "empty.db"
    with Engine.open(path) as engine, App(engine, ServingConfig()) as app:
        found = json.loads(app.openapi())
    assert isinstance(found, dict)
    return found


def request_of(name: str) -> Request:
    recorder = Recorder()
    CALLS[name][0](recorder)
    return recorder.asked[0]


def operation_of(request: Request, described: dict[str, Any]) -> Operation:
    path = urlsplit(request.path).path
    fits = [p for p in described["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), path)]
    return request.method.lower(), min(fits, key=lambda p: p.count("{"))


def test_every_route_has_a_call_and_every_call_a_route(described: dict[str, Any]) -> None:
    routes = {(method, path) for path, of in described["paths"].items() for method in of}
    called = {operation_of(request_of(name), described) for name in CALLS}
    assert called | NO_CALL == routes


@pytest.mark.parametrize("name", CALLS)
def test_a_call_asks_for_nothing_that_the_route_does_not_know(
    name: str, described: dict[str, Any]
) -> None:
    request = request_of(name)
    method, path = operation_of(request, described)
    of_route = described["paths"][path][method].get("parameters", [])
    known = {one["name"] for one in of_route if one["in"] == "query"}
    assert {key for key, _ in parse_qsl(urlsplit(request.path).query)} <= known


def test_a_slate_can_be_asked_for_all_that_the_route_takes(described: dict[str, Any]) -> None:
    request = request_of("recommend")
    method, path = operation_of(request, described)
    of_route = described["paths"][path][method]["parameters"]
    known = {one["name"] for one in of_route if one["in"] == "query"}
    assert {key for key, _ in parse_qsl(urlsplit(request.path).query)} == known


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_has_every_field_that_the_server_gives_and_no_other(
    name: str, described: dict[str, Any]
) -> None:
    method, path = operation_of(request_of(name), described)
    content = described["paths"][path][method]["responses"]["200"]["content"]
    schema = next(iter(content.values()))["schema"]
    problems = list(differences(CALLS[name][1], schema, described["components"]["schemas"], name))
    assert problems == []


def differences(kind: Any, schema: Any, known: dict[str, Any], where: str) -> Iterator[str]:
    """What a type of ours and a schema of the server's do not agree on."""
    schema = resolved(schema, known)
    structs = [k for k in (kind, *get_args(kind)) if isinstance(k, type)]
    struct = next((k for k in structs if issubclass(k, msgspec.Struct)), None)
    if struct is None:
        return
    if "properties" not in schema:  # a list or a mapping of them
        schema = resolved(schema.get("items") or schema.get("additionalProperties"), known)
    ours = {field.name: field for field in msgspec.structs.fields(struct)}
    optional = {name for name, field in ours.items() if not field.required}
    theirs = schema["properties"]
    for name in sorted(theirs.keys() - ours.keys()):
        yield f"{where}.{name} is given and not read"
    for name in sorted(ours.keys() - theirs.keys() - optional):
        yield f"{where}.{name} is expected and not given"
    for name in ours.keys() & theirs.keys():
        if name not in OVERVIEW:
            yield from differences(ours[name].type, theirs[name], known, f"{where}.{name}")


def resolved(schema: Any, known: dict[str, Any]) -> Any:
    """The schema behind references, and of what may also be null."""
    if "$ref" in schema:
        return known[schema["$ref"].rpartition("/")[2]]
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return resolved(one, known)
    return schema
