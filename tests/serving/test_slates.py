"""Slates over HTTP: for a user, for a session, for a list of the caller's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.serving.conftest import NOW_S, Shop, problem, running


def test_a_slate_says_what_it_is(shop: Shop) -> None:
    answer = shop.http.get("/users/ann/recommendations", params={"n": 2})
    told = answer.json()
    assert told.keys() == {
        "id", "user", "placement", "items", "state_cursor", "next", "artifact", "now_s",
    }  # fmt: skip
    assert told["user"] == "ann"
    assert told["now_s"] == NOW_S
    assert len(told["items"]) == 2
    assert told["items"][0].keys() == {
        "item", "title", "categories", "score", "source", "parts", "reasons", "propensity",
    }  # fmt: skip
    timing = answer.headers["server-timing"]
    assert [part.split(";")[0] for part in timing.split(", ")] == ["wait", "engine", "encode"]


def test_what_is_asked_for_is_heeded(shop: Shop) -> None:
    every = shop.slate("stranger", n=5)
    assert len(every) == 5
    assert shop.slate("stranger", exclude=["tea", "pot"]) == [
        item for item in every if item not in ("tea", "pot")
    ]
    assert set(shop.slate("stranger", category=["Ware"])) == {"pot", "cup"}
    assert set(shop.slate("stranger", category=["Ware", "Drinks"])) == {"pot", "cup", "tea", "mate"}
    assert not {"tea", "pot"} & set(shop.slate("ann", repeats="false"))
    assert shop.slate("stranger", diversity=1)


def test_pages_follow_one_another_without_repeating(shop: Shop) -> None:
    first = shop.get("/users/stranger/recommendations", n=3)
    second = shop.get("/users/stranger/recommendations", n=3, next=first["next"])
    shown = [place["item"] for page in (first, second) for place in page["items"]]
    assert sorted(shown) == sorted(["tea", "pot", "cup", "mate", "a/b c"])
    assert second["next"] is None
    answer = shop.http.get("/users/stranger/recommendations", params={"next": "x"})
    problem(answer, 422, "invalid-request")


@pytest.mark.slow
def test_reasons_are_told_in_the_language_that_is_asked_for(trained: Callable[[], Path]) -> None:
    with running(trained()) as shop:
        user = shop.get("/users", limit=1)["users"][0]["user"]
        path = f"/users/{user}/recommendations"
        english = shop.get(path, reasons="true")["items"]
        chinese = shop.get(path, reasons="true", lang="zh")["items"]
        pairs = [(e["reasons"], c["reasons"]) for e, c in zip(english, chinese, strict=True)]
        told = [(e[0], c[0]) for e, c in pairs if e]
        assert told
        for one, other in told:
            assert one["sentence"].startswith("because of ")
            assert "\u4e00" <= other["sentence"][0] <= "\u9fff"
            assert one["events"] == other["events"]
        asked = {"user": user, "items": [p["item"] for p in english], "reasons": True}
        assert any(place["reasons"] for place in shop.post("/rank", asked)["items"])


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("n=0", "n is '0': expected `int` >= 1"),
        ("n=501", "n is '501': expected `int` <= 500"),
        ("n=ten", "n is 'ten': expected `int`, got `str`"),
        ("diversity=2", "diversity is '2'"),
        ("diversity=nan", "diversity is"),
        ("repeats=perhaps", "repeats is 'perhaps'"),
        ("lang=de", "lang is 'de'"),
        ("placement=nowhere", "no placement is named 'nowhere'"),
        ("m=5", "no field is named 'm'; allowed are n,"),
        ("categories=tea", "no field is named 'categories' (did you mean 'category'?); allowed"),
        ("lang=cn", "lang is 'cn': allowed are en, zh"),
        ("n=5&n=6", "n is given twice"),
        ("category=%ff", "the query cannot be read"),
    ],
)
def test_a_query_that_makes_no_sense_says_which_value_and_what_is_allowed(
    shop: Shop, query: str, says: str
) -> None:
    answer = shop.http.get(f"/users/ann/recommendations?{query}")
    assert says in problem(answer, 422, "invalid-request")


def test_a_user_that_is_not_utf8_is_refused(shop: Shop) -> None:
    says = problem(shop.http.get("/users/%ff/recommendations"), 422, "invalid-request")
    assert says == "user '%ff' of the path is not percent-encoded UTF-8"


def test_a_list_of_ones_own_is_ranked_and_what_is_unknown_is_named(shop: Shop) -> None:
    told = shop.post("/rank", {"user": "ann", "items": ["cup", "ghost", "tea"]})
    assert told.keys() == {"user", "items", "unknown", "state_cursor", "artifact", "now_s"}
    assert {place["item"] for place in told["items"]} == {"cup", "tea"}
    assert told["unknown"] == ["ghost"]
    scores = [place["score"] for place in told["items"]]
    assert scores == sorted(scores, reverse=True)
    assert shop.post("/rank", {"user": "ann", "items": [], "reasons": True})["items"] == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"user": "ann"}, "missing required field `items`"),
        ({"user": "ann", "items": [1]}, "items[0]"),
        ({"user": "ann", "items": ["x"] * 1_001}, "items"),
        ({"user": "ann", "items": [], "m": 1}, "no field is named 'm'; allowed are user, items"),
        ([], "expected `object`, got `array`"),
    ],
)
def test_a_list_that_is_none_is_refused(shop: Shop, body: object, says: str) -> None:
    assert says in problem(shop.http.post("/rank", json=body), 422, "invalid-request")


def test_a_session_gets_a_slate_and_leaves_no_trace(shop: Shop) -> None:
    before = shop.get("/users")
    events = [{"item": "tea", "type": "view"}, {"item": "pot", "type": "dismiss"}]
    told = shop.post("/session/recommendations", {"events": events, "n": 3})
    assert told["user"] is None
    assert told["next"] is None
    items = [place["item"] for place in told["items"]]
    assert len(items) == 3
    assert "pot" not in items
    only = shop.post("/session/recommendations", {"events": events, "categories": ["Drinks"]})
    assert {place["item"] for place in only["items"]} <= {"tea", "mate"}
    assert shop.get("/users") == before
    answer = shop.http.post("/session/recommendations", json={"events": [{"type": "veiw"}]})
    assert "did you mean 'view'?" in problem(answer, 422, "invalid-request")
