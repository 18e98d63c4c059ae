"""The API describes itself: every operation has words, a role and every answer that it can give."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.serving.conftest import Shop

from penchant.serving.problems import PROBLEMS
from penchant.serving.routes import Route

STATIC = Path(__file__).parents[2] / "src/penchant/serving/static"
OPERATIONS = {
    "POST /events", "DELETE /events/{event}",
    "GET /items", "PUT /items", "GET /items/{item}", "PUT /items/{item}", "DELETE /items/{item}",
    "GET /items/{item}/similar", "GET /categories",
    "GET /users", "GET /users/{user}", "PUT /users/{user}", "DELETE /users/{user}",
    "GET /users/{user}/history", "GET /users/{user}/interests",
    "GET /users/{user}/interests/timeline", "GET /users/{user}/export",
    "GET /users/{user}/recommendations", "GET /users/{user}/stream",
    "POST /rank", "POST /session/recommendations", "GET /popular",
    "GET /health/live", "GET /health/ready", "GET /metrics", "GET /about", "GET /overview",
}  # fmt: skip


def operations(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_is_described_with_its_role_answers_and_problems(shop: Shop) -> None:
    described = shop.get("/openapi.json")
    found = operations(described)
    assert found.keys() == OPERATIONS
    statuses = {problem.status for problem in PROBLEMS.values()}
    for name, operation in found.items():
        assert re.match(r"[A-Z].{6,}[^.]$", operation["summary"]), name
        assert operation["x-role"] in {"read", "write", "admin", "anybody"}, name
        assert operation["tags"], name
        answers = {int(status): answer for status, answer in operation["responses"].items()}
        assert answers.keys() - {200} <= statuses, name
        assert {200, 500} <= answers.keys(), name
        assert all(answer["description"] for answer in answers.values()), name
        assert ("security" in operation and bool(operation["security"])) == (
            operation["x-role"] != "anybody"
        ), name
        if operation["x-role"] != "anybody":
            assert {401, 403, 429, 503} <= answers.keys(), name
        if "requestBody" in operation:
            assert {400, 408, 413, 422} <= answers.keys(), name
        for parameter in operation["parameters"]:
            assert parameter["description"], (name, parameter["name"])
    assert len({operation["operationId"] for operation in found.values()}) == len(found)


def test_an_answer_that_is_text_is_not_described_as_python_describes_its_str(shop: Shop) -> None:
    found = operations(shop.get("/openapi.json"))
    assert found["GET /metrics"]["responses"]["200"]["description"] == "The answer."
    for name, operation in found.items():
        for answer in operation["responses"].values():
            assert "object=" not in answer["description"], name


def test_what_is_referred_to_is_there(shop: Shop) -> None:
    answer = shop.http.get("/openapi.json")
    described = answer.json()
    assert described["openapi"].startswith("3.1")
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', answer.text))
    assert referred == set(described["components"]["schemas"])
    for name, schema in described["components"]["schemas"].items():
        assert schema.get("description"), name


def test_every_route_of_ours_is_one_that_checks_roles(shop: Shop) -> None:
    pages = {"/", "/docs", "/docs/problems", "/openapi.json", "/static"}
    others = {route.path for route in shop.app.api.routes if not isinstance(route, Route)}
    assert others == pages


class Links(HTMLParser):
    """Every address that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [str(given[name]) for name in ("src", "href", "action") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/problems"])
def test_a_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(shop: Shop, path: str) -> None:
    links = Links()
    links.feed(shop.http.get(path).text)
    assert links.found
    assert links.inline == []
    for address in links.found:
        assert "://" not in address
        assert not address.startswith("//")
        assert shop.http.get("/" + address.lstrip("/")).status_code == 200, address


def test_no_script_or_style_of_ours_names_another_host() -> None:
    own = [p for p in STATIC.rglob("*") if p.suffix in {".js", ".css", ".html", ".svg"}]
    own = [p for p in own if "vendor" not in p.parts]
    assert len(own) > 10
    allowed = ("http://www.w3.org/", "http://127.0.0.1", "http://localhost")
    for path in own:
        for address in re.findall(r"https?://[^\s\"'`)<>]+", path.read_text(encoding="utf-8")):
            assert address.startswith(allowed), (path.name, address)


def test_everything_that_is_vendored_has_its_licence() -> None:
    vendored = STATIC / "vendor"
    page = (vendored / "README.md").read_text(encoding="utf-8")
    for path in vendored.rglob("*"):
        if path.suffix in {".js", ".css"}:
            assert f"`{path.relative_to(vendored).as_posix()}`" in page
            assert "sourceMappingURL" not in path.read_text(encoding="utf-8")[-500:]
    for licence in set(re.findall(r"`((?:swagger/)?(?:LICENSE|NOTICE)[^`]*)`", page)):
        assert (vendored / licence).stat().st_size > 0
