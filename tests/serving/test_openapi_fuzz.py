"""Every operation that the OpenAPI describes, called with what fits it and with what does not."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES: Final = 15
PATIENCE_S: Final = 60.0
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STREAM: Final = "/users/{user}/stream"
LENIENT: Final = {"POST /events", "PUT /items", "PUT /items/{item}"}
"""Bad rows are told one by one; what an item says is read as text, whatever it is."""
SOME: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.slow


@dataclass
class Served:
    """A server, what it says of itself, and ids that it knows."""

    url: str
    http: httpx.Client
    operations: Sequence[Any]
    ids: dict[str, list[str]]
    types: list[str]


@pytest.fixture(scope="module")
def served(
    trained_once: Path,
    tmp_path_factory: pytest.TempPathFactory,
    serve: Callable[..., AbstractContextManager[str]],
) -> Iterator[Served]:
    """`penchant serve` on a trained database of its own."""
    folder = tmp_path_factory.mktemp("fuzz") / "films"
    shutil.copytree(trained_once, folder)
    with (
        serve(folder / "films.db") as url,
        httpx.Client(base_url=url, timeout=PATIENCE_S) as http,
    ):
        users = [one["user"] for one in http.get("/users?limit=100").json()["users"]]
        items = [one["id"] for one in http.get("/items?limit=100").json()["items"]]
        events = [
            event["id"]
            for user in users[:5]
            for event in http.get(f"/users/{user}/history").json()["events"]
        ]
        schema = schemathesis.openapi.from_dict(http.get("/openapi.json").json())
        schema.config.update(base_url=url)
        yield Served(
            url,
            http,
            # what removes comes last: it would leave the others nothing to find
            sorted(
                (one.ok() for one in schema.get_all_operations()),
                key=lambda operation: operation.method == "delete",
            ),
            {"user": users, "item": items, "event": events},
            list(http.get("/about").json()["signals"]),
        )


def known(served: Served, case: Any, draw: Callable[[Sequence[str]], str]) -> None:
    """Put what the server knows in place of what was made up, so that answers are more than 404."""
    for name in list(case.path_parameters or {}):
        case.path_parameters[name] = draw(served.ids[name])
    body = case.body
    rows = body if isinstance(body, list) else [body]
    if isinstance(body, dict) and isinstance(body.get("events"), list):
        rows = body["events"]
    for row in rows:
        if isinstance(row, dict) and "type" in row:
            row["type"] = draw(served.types)
            row.pop("time", None)
    if isinstance(body, dict) and isinstance(body.get("items"), list):
        body["items"] = [*body["items"], draw(served.ids["item"])]


def has_input(operation: Any) -> bool:
    """Whether there is anything to get wrong beyond an id."""
    raw = operation.definition.raw
    return "requestBody" in raw or any(one["in"] == "query" for one in raw["parameters"])


def answers(served: Served, operation: Any, mode: GenerationMode) -> Counter[int]:
    """Call one operation; its answers are as it says. Gives their statuses."""
    strict = mode is GenerationMode.NEGATIVE and operation.label not in LENIENT
    checks = [*CHECKS, negative_data_rejection] if strict else CHECKS
    statuses: Counter[int] = Counter()

    @SOME
    @given(data=st.data())
    def call(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if mode is GenerationMode.POSITIVE and data.draw(st.booleans()):
            known(served, case, lambda values: data.draw(st.sampled_from(values)))
        answer = case.call(timeout=PATIENCE_S)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=checks)
        assert answer.headers["x-request-id"]

    call()
    return statuses


def called(served: Served, mode: GenerationMode) -> dict[str, Counter[int]]:
    """Call every operation that has anything to get right, or wrong; statuses by operation."""
    return {
        operation.label: answers(served, operation, mode)
        for operation in served.operations
        if operation.path != STREAM and (mode is GenerationMode.POSITIVE or has_input(operation))
    }


def test_what_fits_is_answered_as_described(served: Served) -> None:
    found = called(served, GenerationMode.POSITIVE)
    assert len(found) == len(served.operations) - 1
    never = {label for label, statuses in found.items() if not statuses[200]}
    assert not never, "no call of these succeeded: nothing is known of their answers"


def test_what_does_not_fit_is_refused_as_described(served: Served) -> None:
    found = called(served, GenerationMode.NEGATIVE)
    assert found.keys() >= LENIENT
    for label, statuses in found.items():
        assert statuses[400] + statuses[422] > 0, label


def test_a_stream_begins_as_described(served: Served) -> None:
    (stream,) = (one for one in served.operations if one.path == STREAM)
    statuses: Counter[int] = Counter()

    @SOME
    @given(data=st.data())
    def call(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(stream.as_strategy(generation_mode=mode))
        asked = case.as_transport_kwargs(base_url=served.url)
        with served.http.stream("GET", asked["url"], params=asked.get("params")) as answer:
            statuses[answer.status_code] += 1
            kind = answer.headers["content-type"]
            if answer.status_code == 200:
                assert kind.startswith("text/event-stream")
                lines = answer.iter_lines()
                assert next(lines).startswith("id: ")
                assert next(lines) == "event: slate"
                assert "items" in msgspec.json.decode(next(lines).removeprefix("data: "))
            else:
                assert kind == "application/problem+json"
                assert str(answer.status_code) in stream.definition.raw["responses"]
                assert answer.status_code < 500

    call()
    assert statuses[200]
