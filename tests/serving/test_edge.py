"""The edge: keys, limits, headers, request ids, and nobody's name in a log."""

import io
import json
import logging
import threading
import time
from collections.abc import Callable

import httpx
import pytest
from tests.serving.conftest import Opens, Shop, problem

from penchant.serving import logs
from penchant.serving.keys import add_key, keys_path, revoke_key, rotate_key
from penchant.serving.problems import PROBLEMS
from penchant.serving.stream import is_stream

EVENT = {"user": "ann", "item": "tea", "type": "view"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def keyed(opens: Opens) -> Callable[..., tuple[Shop, str, str, str]]:
    """A server with a key of each role."""

    def start(**settings: object) -> tuple[Shop, str, str, str]:
        shop = opens(**settings)
        path, now_s = keys_path(shop.engine.path), time.time()
        read = add_key(path, "reader", "read", now_s)
        write = add_key(path, "shop", "write", now_s)
        admin = add_key(path, "boss", "admin", now_s)
        shop.app.keys._looked = 0.0  # the second until the file is looked at again is over
        return shop, read, write, admin

    return start


def test_each_role_may_do_its_own_and_what_those_below_may(
    keyed: Callable[..., tuple[Shop, str, str, str]],
) -> None:
    shop, read, write, admin = keyed()
    calls = [
        ("GET", "/users/ann/recommendations", None, "read"),
        ("POST", "/rank", {"user": "ann", "items": []}, "read"),
        ("GET", "/metrics", None, "read"),
        ("POST", "/events", EVENT, "write"),
        ("PUT", "/items/new", {}, "write"),
        ("PUT", "/users/ann", {"attributes": {}}, "write"),
        ("GET", "/users/ann/export", None, "admin"),
        ("DELETE", "/items/new", None, "admin"),
        ("DELETE", "/users/eve", None, "admin"),
    ]
    order = ("read", "write", "admin")
    for method, path, body, needed in calls:
        for role, key in zip(order, (read, write, admin), strict=True):
            answer = shop.http.request(method, path, json=body, headers=bearer(key))
            if order.index(role) >= order.index(needed):
                assert answer.status_code == 200, (method, path, role)
            else:
                says = problem(answer, 403, "forbidden")
                assert f"has the role {role}; this needs {needed}" in says


def test_without_a_key_or_with_a_wrong_one_only_pages_and_health_are_open(
    keyed: Callable[..., tuple[Shop, str, str, str]],
) -> None:
    shop, read, _, _ = keyed()
    answer = shop.http.get("/about")
    assert problem(answer, 401, "unauthorized") == "no key was sent"
    assert answer.headers["www-authenticate"] == "Bearer"
    for wrong in ("pk_reader_" + "x" * 43, "pk_", "", "nonsense", read[:-1], read.upper()):
        answer = shop.http.get("/about", headers={"X-API-Key": wrong})
        assert problem(answer, 401, "unauthorized") == "the key is not known"
    assert shop.http.get("/about", headers={"X-API-Key": read}).json()["auth"] is True
    for path in ("/health/live", "/health/ready", "/docs", "/openapi.json", "/docs/problems", "/"):
        assert shop.http.get(path).status_code == 200, path


def test_a_revoked_key_ends_and_a_rotated_one_has_its_grace(
    keyed: Callable[..., tuple[Shop, str, str, str]],
) -> None:
    shop, read, write, _ = keyed()
    path = keys_path(shop.engine.path)
    revoke_key(path, "reader", time.time())
    fresh = rotate_key(path, "shop", 0.5, time.time())
    shop.app.keys._looked = 0.0
    says = problem(shop.http.get("/about", headers=bearer(read)), 401, "unauthorized")
    assert says == "the key is revoked"
    assert shop.http.get("/about", headers=bearer(write)).status_code == 200
    assert shop.http.get("/about", headers=bearer(fresh)).status_code == 200
    time.sleep(0.6)
    says = problem(shop.http.get("/about", headers=bearer(write)), 401, "unauthorized")
    assert says == "the key's time is over"
    assert shop.http.get("/about", headers=bearer(fresh)).status_code == 200


def test_when_the_key_file_goes_away_or_breaks_nothing_opens(
    keyed: Callable[..., tuple[Shop, str, str, str]],
) -> None:
    shop, read, _, _ = keyed()
    assert shop.http.get("/about", headers=bearer(read)).status_code == 200
    path = keys_path(shop.engine.path)
    whole = path.read_bytes()
    for change in (path.unlink, lambda: path.write_text("{")):
        change()
        shop.app.keys._looked = 0.0
        problem(shop.http.get("/about"), 401, "unauthorized")
        problem(shop.http.get("/about", headers=bearer(read)), 401, "unauthorized")
    path.write_bytes(whole)
    shop.app.keys._looked = 0.0
    assert shop.http.get("/about", headers=bearer(read)).status_code == 200


def test_every_answer_has_a_request_id_and_a_callers_own_comes_back(shop: Shop) -> None:
    first, second = (shop.http.get("/about").headers["x-request-id"] for _ in range(2))
    assert first != second
    answer = shop.http.get("/nowhere", headers={"X-Request-Id": "mine-7"})
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine-7"
    for odd in ("x" * 129, "with space", "tab\there"):
        answer = shop.http.get("/about", headers={"X-Request-Id": odd})
        assert answer.headers["x-request-id"] not in (odd, "")


def test_every_answer_has_the_headers_that_keep_browsers_safe(shop: Shop) -> None:
    for path in ("/", "/about", "/nowhere", "/docs", "/static/docs.css"):
        headers = shop.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert shop.http.get("/about").headers["cache-control"] == "no-store"
    assert shop.http.get("/static/docs.css").headers["cache-control"] == "no-cache"


def test_an_unknown_path_and_method_are_problems(shop: Shop) -> None:
    assert "/nowhere" in problem(shop.http.get("/nowhere"), 404, "not-found")
    problem(shop.http.get("/users/ann/"), 404, "not-found")
    problem(shop.http.get("/static/nothing.js"), 404, "not-found")
    problem(shop.http.get("/static/../app.py"), 404, "not-found")
    answer = shop.http.request("PATCH", "/items/tea")
    assert "/items/tea has no PATCH" in problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "DELETE, GET, PUT"


def test_a_foreign_page_cannot_act_through_the_browser_of_somebody_here(shop: Shop) -> None:
    here = shop.url.removeprefix("http://")
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        answer = shop.http.post("/events", json=EVENT, headers={"Origin": origin})
        assert origin in problem(answer, 403, "forbidden")
    answer = shop.http.post("/events", json=EVENT, headers={"Origin": f"http://{here}"})
    assert answer.status_code == 200
    says = problem(shop.http.get("/about", headers={"Host": "evil.example"}), 403, "forbidden")
    assert "Host is 'evil.example'" in says
    assert shop.http.get("/about", headers={"Host": "localhost:1"}).status_code == 200


def test_the_name_of_a_host_is_known_in_any_case(opens: Opens) -> None:
    shop = opens(hosts=["Shop.Local"])
    for name in ("shop.local", "Shop.Local", "SHOP.LOCAL:8420"):
        assert shop.http.get("/about", headers={"Host": name}).status_code == 200


def test_pages_of_other_origins_may_call_where_they_are_named(opens: Opens) -> None:
    shop = opens(cors_origins=("https://shop.example",))
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    allowed = shop.http.options("/events", headers=asks)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    answer = shop.http.post("/events", json=EVENT, headers={"Origin": "https://shop.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    asks["Origin"] = "https://evil.example"
    assert "access-control-allow-origin" not in shop.http.options("/events", headers=asks).headers


def test_no_other_origin_may_call_unless_it_is_named(shop: Shop) -> None:
    answer = shop.http.get("/about", headers={"Origin": "https://shop.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(opens: Opens) -> None:
    shop = opens(max_body_bytes=1_024)
    large = b"[" + b" " * 5_000_000 + b"]"
    says = problem(shop.http.post("/events", content=large), 413, "too-large")
    assert says == "the body may have at most 1,024 bytes, and has 5,000,002"
    chunks = (large[at : at + 65_536] for at in range(0, len(large), 65_536))
    says = problem(shop.http.post("/events", content=chunks), 413, "too-large")
    assert says == "the body may have at most 1,024 bytes, and has more than that"
    assert shop.post("/events", EVENT)["results"][0]["status"] == "new"


def test_who_asks_too_often_is_told_when_to_come_back(opens: Opens) -> None:
    shop = opens(rate_per_s=10.0, rate_burst=3)
    answers = [shop.http.get("/about") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[-1], 429, "rate-limited")
    assert answers[-1].headers["retry-after"] == "1"
    assert shop.http.get("/health/live").status_code == 200
    time.sleep(0.2)
    assert shop.http.get("/about").status_code == 200


def test_what_goes_wrong_inside_says_nothing_of_itself_and_is_logged_without_words(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret of ann")

    written = io.StringIO()
    logs.configure(written)
    monkeypatch.setattr(shop.engine, "profile", broken)
    answer = shop.http.get("/users/ann/interests", headers={"X-Request-Id": "find-me"})
    assert "nobody foresaw" in problem(answer, 500, "internal")
    assert "secret" not in answer.text
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["error"] == "ValueError"
    assert failed["request_id"] == "find-me"
    assert any("broken" in frame for frame in failed["at"])
    assert "ann" not in written.getvalue().replace("penchant", "")


@pytest.mark.parametrize(
    ("broken", "status", "slug", "says", "logged"),
    [
        (
            "UPDATE users SET revision = NULL",
            503,
            "unavailable",
            "the database cannot be read or written now; nothing of this call was stored; the "
            "server's log has the cause",
            "NOT NULL constraint failed: users.revision; nothing of this call was stored",
        ),
        (
            "CREATE TABLE big AS SELECT zeroblob(1000000)",
            507,
            "storage-full",
            "the disk, a quota or a size limit is full; nothing of this call was stored; free some "
            "space where the database is and send it again",
            "cannot grow: the disk, a quota or a size limit is full (database or disk is full)",
        ),
    ],
)
def test_a_caller_is_told_nothing_of_the_database_file_and_the_log_is(
    opens: Opens,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    status: int,
    slug: str,
    says: str,
    logged: str,
) -> None:
    shop = opens()
    writer = shop.engine._database.log._writer
    (pages,) = writer.run_alone(lambda c: c.execute("PRAGMA page_count").fetchone())
    writer.run_alone(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 3}").close())

    def write(*_: object) -> None:
        writer.run(lambda connection: connection.exec_driver_sql(broken))

    monkeypatch.setattr(shop.engine, "put_user", write)
    written = io.StringIO()
    logs.configure(written)
    answer = shop.http.put("/users/ann", json={"attributes": {}}, headers={"X-Request-Id": "it"})
    assert problem(answer, status, slug) == says
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["request_id"] == "it"
    assert failed["says"].startswith(str(shop.engine.path))
    assert logged in failed["says"]


def test_a_log_line_names_the_route_and_never_a_person_or_an_event(opens: Opens) -> None:
    shop = opens(access_log=True)
    written = io.StringIO()
    logs.configure(written)
    shop.http.post("/events", json={**EVENT, "user": "zelda", "id": "zelda-event"})
    shop.http.get("/users/zelda/recommendations", params={"exclude": "zelda-item"})
    shop.http.get("/users/zelda/nowhere")
    shop.http.delete("/events/zelda-event")
    shop.http.delete("/users/zelda")
    time.sleep(0.05)
    text = written.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/events", 200),
        ("GET", "/users/{user}/recommendations", 200),
        ("GET", "unmatched", 404),
        ("DELETE", "/events/{event}", 200),
        ("DELETE", "/users/{user}", 200),
    ]
    assert all(line["ms"] >= 0 and line["request_id"] for line in lines)
    assert "zelda" not in text


def test_more_requests_than_may_be_in_work_are_told_to_come_back(opens: Opens) -> None:
    shop = opens(max_requests=1)
    waits = httpx.Timeout(10)
    with httpx.Client(base_url=shop.url, timeout=waits) as other:
        slow = threading.Thread(
            target=other.get,
            args=("/users/ann/recommendations",),
            kwargs={"params": {"after": 10**6}},
        )
        slow.start()
        time.sleep(0.1)
        answer = shop.http.get("/about")
        assert "1 requests are in work" in problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert shop.http.get("/health/ready").status_code == 200
        slow.join()
    assert shop.http.get("/about").status_code == 200


def test_an_id_called_stream_does_not_escape_the_limit(opens: Opens) -> None:
    shop = opens(max_requests=1)
    shop.app._edge.in_work = 1  # as a request that waits would, for as long as this takes
    for method, path in (
        ("GET", "/items/stream"),
        ("PUT", "/items/stream"),
        ("PUT", "/users/stream"),
        ("DELETE", "/events/stream"),
        ("PUT", "/users/ann/stream"),
    ):
        answer = shop.http.request(method, path, json={})
        assert "1 requests are in work" in problem(answer, 503, "unavailable"), (method, path)
    with shop.http.stream("GET", "/users/a%2Fb/stream") as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", b"/users/ann/stream", True),
        ("GET", b"/users/a%2Fb/stream", True),
        ("GET", b"/users/stream", False),
        ("GET", b"/users/a/b/stream", False),
        ("GET", b"/users/ann/stream/", False),
        ("PUT", b"/users/ann/stream", False),
        ("PUT", b"/items/stream", False),
    ],
)
def test_a_stream_is_known_by_its_method_and_whole_path(
    method: str, path: bytes, expected: bool
) -> None:
    assert is_stream(method, path) is expected


def test_every_problem_has_a_line_on_the_page_that_its_type_leads_to(shop: Shop) -> None:
    page = shop.http.get("/docs/problems").text
    for slug, kind in PROBLEMS.items():
        assert f'id="{slug}"' in page
        assert kind.advice


@pytest.fixture(autouse=True)
def quiet() -> object:
    """Loggers as they were."""
    before = logs.LOGGER.handlers, logs.LOGGER.propagate, logs.LOGGER.level
    uvicorn = logging.getLogger("uvicorn")
    other = uvicorn.handlers, uvicorn.propagate, uvicorn.level
    yield
    logs.LOGGER.handlers, logs.LOGGER.propagate, logs.LOGGER.level = before
    uvicorn.handlers, uvicorn.propagate, uvicorn.level = other
