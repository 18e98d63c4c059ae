"""Events over HTTP: every row has an outcome, and the next slate knows it."""

import math
import threading
from typing import Any

import httpx
import pytest
from tests.serving.conftest import NOW_S, Opens, Shop, problem

from penchant.core.errors import StorageFullError
from penchant.serving.events import reason_of


def view(user: str, item: str = "tea", **more: Any) -> dict[str, Any]:
    return {"user": user, "item": item, "type": "view", **more}


def statuses(told: dict[str, Any]) -> list[str]:
    return [row["status"] for row in told["results"]]


def test_one_event_is_taken_in_and_known_to_the_next_slate(shop: Shop) -> None:
    assert shop.get("/users/one/history")["total"] == 0
    told = shop.post("/events", view("one"))
    (row,) = told["results"]
    assert row["status"] == "new"
    assert row["error"] is None
    assert shop.get("/users/one/recommendations")["state_cursor"] == told["cursor"]
    (event,) = shop.get("/users/one/history")["events"]
    assert event["id"] == row["event_id"]
    assert event["title"] == "Green Tea"
    assert event["time_s"] == NOW_S


def test_good_rows_land_in_order_among_bad_ones_and_each_bad_one_says_why(shop: Shop) -> None:
    rows = [
        view("mix", id="mix-1"),
        {"user": "mix", "item": "tea", "type": "veiw"},
        5,
        view("mix", "pot", id="mix-2", value="good"),
        view("mix", "pot", id="mix-3", time=5_000_000_000),
        view("mix", "cup", id="mix-4"),
        view("", "cup"),
        view("mix", "cup", color="red"),
    ]
    told = shop.post("/events", rows)
    assert statuses(told) == ["new", *["rejected"] * 4, "new", "rejected", "rejected"]
    errors = [row["error"] for row in told["results"]]
    assert "did you mean 'view'?" in errors[1]
    assert "5" in errors[2]
    assert "value is 'good'" in errors[3]
    assert "lies in the future" in errors[4]
    assert errors[6] == "user is empty; it is required, as text or a whole number"
    assert "no field 'color'" in errors[7]
    assert all(row["event_id"] is None for row in told["results"] if row["error"])
    history = shop.get("/users/mix/history")["events"]
    assert [event["id"] for event in history] == ["mix-4", "mix-1"]


def test_a_row_nested_deeply_is_told_so_and_the_others_land(shop: Shop) -> None:
    told = shop.post("/events", [view("deep", context="[" * 100_000), view("deep")])
    assert statuses(told) == ["rejected", "new"]
    assert "is nested too deeply; allowed is JSON" in told["results"][0]["error"]


def test_a_resend_is_a_duplicate_and_an_undone_event_stays_out(shop: Shop) -> None:
    assert statuses(shop.post("/events", [view("twice", id="t-1"), view("twice", id="t-1")])) == [
        "new",
        "duplicate",
    ]
    assert statuses(shop.post("/events", view("twice", id="t-1"))) == ["duplicate"]
    answer = shop.http.delete("/events/t-1")
    assert answer.json() == {"event_id": "t-1", "undone": True}
    assert statuses(shop.post("/events", view("twice", id="t-1"))) == ["undone"]
    assert shop.get("/users/twice/history")["total"] == 0
    assert "no event has the id 't-1'" in problem(shop.http.delete("/events/t-1"), 404, "not-found")


def test_other_names_of_the_fields_are_read(shop: Shop) -> None:
    row = {"user_id": 7, "item_id": "pot", "event_type": "view", "timestamp": "2024-05-01T12:00Z"}
    told = shop.post("/events", {**row, "event_id": "alias-1"})
    assert told["results"] == [{"event_id": "alias-1", "status": "new", "error": None}]
    (event,) = shop.get("/users/7/history")["events"]
    assert event["time_s"] == 1_714_564_800.0


def test_an_empty_array_is_answered_with_where_the_log_stands(shop: Shop) -> None:
    cursor = shop.post("/events", view("stands"))["cursor"]
    assert shop.post("/events", []) == {"results": [], "cursor": cursor}


@pytest.mark.parametrize(
    ("body", "slug", "status", "says"),
    [
        (b"", "invalid-json", 400, "it is empty"),
        (b'{"user":', "invalid-json", 400, "truncated"),
        (b'{"user": NaN}', "invalid-json", 400, "not JSON"),
        (b"\xff\xfe", "invalid-json", 400, "not JSON"),
        (b"[" * 100_000, "invalid-json", 400, "nested too deeply"),
        (b"5", "invalid-request", 422, "the body is of type int"),
        (b"null", "invalid-request", 422, "the body is of type NoneType"),
        (b'"text"', "invalid-request", 422, "the body is of type str"),
    ],
)
def test_a_body_that_holds_no_rows_is_refused(
    shop: Shop, body: bytes, slug: str, status: int, says: str
) -> None:
    assert says in problem(shop.http.post("/events", content=body), status, slug)


def test_too_many_rows_are_refused_and_none_lands(opens: Opens) -> None:
    shop = opens(max_rows=2)
    answer = shop.http.post("/events", json=[view("many") for _ in range(3)])
    assert "the body has 3 rows; allowed are 2" in problem(answer, 413, "too-large")
    assert shop.get("/users/many/history")["total"] == 0


def test_a_thousand_rows_land_with_one_request(shop: Shop) -> None:
    told = shop.post("/events", [view("bulk", id=f"bulk-{n}") for n in range(1_000)])
    assert statuses(told) == ["new"] * 1_000
    assert shop.get("/users/bulk/recommendations")["state_cursor"] == told["cursor"]
    assert shop.get("/users/bulk/history", limit=1)["total"] == 1_000


def test_a_thousand_rows_do_not_have_the_whole_log_counted_again(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opens()
    shop.slate("ann")
    scans = []
    log = shop.engine._database.log
    scan = log.scan_since
    monkeypatch.setattr(log, "scan_since", lambda since_s: scans.append(since_s) or scan(since_s))
    rows = [view(f"bulk-{n % 7}", "cup", id=f"bulk-{n}") for n in range(999)]
    told = shop.post("/events", [*rows[:600], 5, *rows[600:]])
    assert statuses(told) == [*["new"] * 600, "rejected", *["new"] * 399]
    assert [row["event_id"] for row in told["results"] if row["event_id"]] == [
        row["id"] for row in rows
    ]
    assert shop.slate("ann")[0] == "cup"
    assert scans == []


def test_rows_that_are_stored_are_acknowledged_where_the_log_fails_at_later_ones(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opens()
    log = shop.engine._database.log
    append = log.append

    def fail_later(events: Any) -> Any:
        if any(event.id == "bulk-900" for event in events):
            raise StorageFullError("shop.db cannot grow")
        return append(events)

    monkeypatch.setattr(log, "append", fail_later)
    rows = [view("bulk", id=f"bulk-{n}") for n in range(1_000)]
    told = shop.post("/events", rows)
    stored = statuses(told).index("rejected")
    assert statuses(told) == [*["new"] * stored, *["rejected"] * (1_000 - stored)]
    assert 0 < stored <= 900
    assert "send it again" in told["results"][-1]["error"]
    assert shop.get("/users/bulk/history", limit=1)["total"] == stored
    assert shop.get("/users/bulk/recommendations")["state_cursor"] == told["cursor"]
    problem(shop.http.post("/events", json=rows[900]), 507, "storage-full")


def test_requests_that_come_together_are_each_told_of_their_own_rows(shop: Shop) -> None:
    answers: dict[int, Any] = {}

    def send(n: int) -> None:
        rows = [view(f"crowd-{n}", id=f"c-{n}-{k}") for k in range(n % 4 + 1)]
        rows.append({"user": f"crowd-{n}", "type": "nonsense"})
        answers[n] = httpx.post(f"{shop.url}/events", json=rows, timeout=20).json()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, told in answers.items():
        good = n % 4 + 1
        assert [row["event_id"] for row in told["results"]] == [
            *(f"c-{n}-{k}" for k in range(good)),
            None,
        ]
        assert shop.get(f"/users/crowd-{n}/history")["total"] == good


def test_after_waits_for_an_event_and_says_when_it_does_not_come(shop: Shop) -> None:
    cursor = shop.post("/events", view("later"))["cursor"]
    assert shop.get("/users/later/recommendations", after=cursor)["state_cursor"] == cursor
    answer = shop.http.get("/users/later/recommendations", params={"after": str(10**9)})
    assert "were not folded within 0.2 s" in problem(answer, 503, "not-yet-visible")
    assert answer.headers["retry-after"] == "1"
    answer = shop.http.get("/users/later/recommendations", params={"after": "soon"})
    assert "after is 'soon'" in problem(answer, 422, "invalid-request")


def test_after_knows_an_event_that_the_engine_was_told_of_past_the_server(shop: Shop) -> None:
    before = shop.engine.observe("inside", "tea").cursor
    assert shop.get("/users/inside/recommendations", after=before)["state_cursor"] == before
    wanted = str(int(before) + 1)  # comes while the wait for it is under way
    later = threading.Timer(0.05, shop.engine.observe, ("inside", "pot"))
    later.start()
    assert shop.get("/users/inside/recommendations", after=wanted)["state_cursor"] == wanted
    later.join()


def test_a_reason_for_refusal_is_one_of_few_words() -> None:
    said = ["no event type is named 'x'", "value is 'good'; allowed", "an event has no field 'y'"]
    assert [reason_of(one) for one in said] == ["type", "value", "row"]
    assert reason_of("context.place is []; allowed are") == "context"
    assert reason_of(None) == "row"


def test_every_number_that_is_sent_back_is_finite(shop: Shop) -> None:
    shop.post("/events", view("finite", value=1e308))
    text = shop.http.get("/users/finite/recommendations").text
    assert "NaN" not in text
    assert "Infinity" not in text
    assert all(
        math.isfinite(p["score"]) for p in shop.get("/users/finite/recommendations")["items"]
    )
