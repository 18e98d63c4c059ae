"""Users over HTTP: what is known of one, what is handed out, what is erased."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.serving.conftest import Opens, Shop, problem, running


def test_a_user_is_told_of_and_read_in_numbers(shop: Shop) -> None:
    put = shop.http.put("/users/ann", json={"attributes": {"city": "Rome", "age": 31}})
    assert put.json() == {"user": "ann", "attributes": {"city": "Rome", "age": 31}}
    told = shop.get("/users/ann")
    assert told["attributes"] == {"city": "Rome", "age": 31}
    assert told["events"] == 2
    assert told["newest_s"] == told["oldest_s"] + 1
    assert int(told["state_cursor"]) > 0
    problem(shop.http.get("/users/nobody"), 404, "not-found")
    says = problem(
        shop.http.put("/users/ann", json={"attributes": {"x": [1]}}), 422, "invalid-request"
    )
    assert "attributes.x is [1]" in says
    says = problem(shop.http.put("/users/ann", json={"attribute": {}}), 422, "invalid-request")
    assert "attribute" in says


def test_users_are_listed_most_events_first(shop: Shop) -> None:
    users = shop.get("/users", limit=2)["users"]
    assert [user["user"] for user in users] == ["ann", "bob"]
    assert users[0]["events"] == 2
    assert [user["user"] for user in shop.get("/users", offset=2)["users"]] == ["eve"]


def test_history_is_paged_newest_first(shop: Shop) -> None:
    told = shop.get("/users/ann/history", limit=1)
    assert told["total"] == 2
    (event,) = told["events"]
    assert event == {
        "id": "ann-1",
        "user": "ann",
        "item": "pot",
        "title": "Tea Pot",
        "type": "view",
        "value": None,
        "time_s": event["time_s"],
        "words": None,
        "context": {},
        "flags": [],
    }
    assert shop.get("/users/ann/history", limit=1, offset=1)["events"][0]["id"] == "ann-0"
    assert shop.get("/users/stranger/history") == {"user": "stranger", "events": [], "total": 0}


def test_all_that_is_held_is_handed_out_and_then_erased_with_a_receipt(opens: Opens) -> None:
    shop = opens()
    shop.http.put("/users/eve", json={"attributes": {"city": "Oslo"}})
    export = shop.get("/users/eve/export")
    assert export.keys() == {"user", "attributes", "events", "interests", "exported_s"}
    assert export["attributes"] == {"city": "Oslo"}
    assert [event["id"] for event in export["events"]] == ["eve-4"]
    receipt = shop.http.delete("/users/eve").json()
    assert receipt.keys() == {"user", "events", "states", "artifacts", "remains"}
    assert (receipt["user"], receipt["events"]) == ("eve", 1)
    for path in ("/users/eve", "/users/eve/export"):
        problem(shop.http.get(path), 404, "not-found")
    problem(shop.http.delete("/users/eve"), 404, "not-found")
    assert shop.get("/users/eve/history")["total"] == 0
    (again,) = shop.post("/events", {"user": "eve", "item": "pot", "type": "view", "id": "eve-4"})[
        "results"
    ]
    assert again["status"] == "undone"


def test_without_a_trained_model_interests_and_timeline_are_empty(shop: Shop) -> None:
    told = shop.get("/users/ann/interests")
    assert told["interests"] == []
    assert told["artifact"] is None
    assert shop.get("/users/ann/interests/timeline") == {"user": "ann", "labels": [], "moments": []}


@pytest.mark.slow
def test_interests_have_evidence_and_a_timeline_ends_with_them(trained: Callable[[], Path]) -> None:
    with running(trained()) as shop:
        user = shop.get("/users", limit=1)["users"][0]["user"]
        told = shop.get(f"/users/{user}/interests")
        assert told["artifact"] is not None
        first = told["interests"][0]
        assert first.keys() == {
            "topic", "label", "weight", "share", "trend", "half_life_days", "weight_in_a_week",
            "first_evidence", "last_evidence", "evidence",
        }  # fmt: skip
        assert first["evidence"][0]["title"]
        assert first["trend"]["direction"] in {"rising", "steady", "falling"}
        moved = shop.get(f"/users/{user}/interests/timeline", limit=3)
        assert moved["labels"][0] == first["label"]
        assert [m["event"] is None for m in moved["moments"]] == [False, False, False, True]
        assert moved["moments"][-1]["weights"][0] == pytest.approx(first["weight"], abs=1e-4)
        newest = shop.get(f"/users/{user}/history", limit=1)["events"][0]["id"]
        assert moved["moments"][-2]["event"] == newest
