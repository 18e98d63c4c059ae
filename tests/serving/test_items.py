"""The catalogue over HTTP."""

import pytest
from tests.serving.conftest import Opens, Shop, problem


def test_an_item_is_put_read_replaced_searched_and_shown(opens: Opens) -> None:
    shop = opens()
    given = {
        "title": "Oolong",
        "categories": ["Drinks", "Tea"],
        "description": "half way",
        "attributes": {"grams": 50},
        "expires": "2100-01-01",
    }
    put = shop.http.put("/items/oolong", json=given)
    assert put.json() == {"item": "oolong", "status": "created"}
    assert shop.get("/items/oolong") == {
        "id": "oolong",
        "title": "Oolong",
        "categories": ["Drinks", "Tea"],
        "description": "half way",
        "attributes": {"grams": 50},
        "available": True,
        "expires_s": 4_102_444_800.0,
    }
    assert "oolong" in shop.slate("stranger")
    put = shop.http.put("/items/oolong", json={"title": "Oolong", "available": False})
    assert put.json() == {"item": "oolong", "status": "replaced"}
    assert "oolong" not in shop.slate("stranger")


def test_an_item_may_name_itself_as_its_path_does(opens: Opens) -> None:
    shop = opens()
    put = shop.http.put("/items/5", json={"item_id": 5, "item": None, "title": "Five"})
    assert put.json() == {"item": "5", "status": "created"}
    assert shop.get("/items/5")["title"] == "Five"


def test_many_items_are_put_and_each_wrong_one_says_why(opens: Opens) -> None:
    shop = opens()
    rows = [{"id": "x1", "title": "One"}, {"title": "None"}, 7, {"id": "tea", "title": "Tea!"}]
    told = shop.http.put("/items", json=rows).json()["results"]
    assert [row["status"] for row in told] == ["created", "rejected", "rejected", "replaced"]
    assert [row["item"] for row in told] == ["x1", None, None, "tea"]
    assert told[1]["error"] == "item id is missing; it is required, as text or a whole number"
    assert "7" in told[2]["error"]
    assert shop.get("/items/tea")["title"] == "Tea!"


def test_a_removed_item_is_in_no_slate_and_no_search_and_its_words_are_gone(opens: Opens) -> None:
    shop = opens()
    assert "tea" in shop.slate("stranger")
    assert shop.http.delete("/items/tea").json() == {"item": "tea", "removed": True}
    assert "tea" not in shop.slate("stranger")
    assert shop.get("/items", q="green")["total"] == 0
    problem(shop.http.get("/items/tea"), 404, "not-found")
    problem(shop.http.delete("/items/tea"), 404, "not-found")
    last = shop.get("/users/ann/history")["events"][-1]
    assert (last["item"], last["title"]) == ("tea", None)


def test_search_finds_beginnings_of_words_in_any_language(shop: Shop) -> None:
    def found(**query: object) -> list[str]:
        return [item["id"] for item in shop.get("/items", **query)["items"]]

    assert found(q="te") == ["pot", "tea"]
    assert found(q="GL cu") == ["cup"]
    assert found(q="绿茶") == ["mate"]
    assert found(q="te", category="Drinks") == ["tea"]
    told = shop.get("/items", limit=2, offset=1)
    assert told["total"] == 5
    assert len(told["items"]) == 2
    assert told["items"][0].keys() == {"id", "title", "categories", "available"}


def test_an_id_with_a_slash_and_a_space_is_an_id_as_any_other(shop: Shop) -> None:
    assert shop.get("/items/a%2Fb%20c")["title"] == "Odd Id"
    event = {"user": "who/ever", "item": "a/b c", "type": "view", "id": "ev/1"}
    shop.post("/events", event)
    assert shop.get("/users/who%2Fever/history")["events"][0]["item"] == "a/b c"
    assert shop.http.delete("/events/ev%2F1").json()["undone"] is True


def test_similar_items_popular_items_and_categories_are_listed(shop: Shop) -> None:
    similar = shop.get("/items/tea/similar", n=2)
    assert similar["item"] == "tea"
    assert {item["item"] for item in similar["items"]} <= {"pot", "cup"}
    assert similar["items"][0].keys() == {"item", "title", "categories", "score"}
    popular = shop.get("/popular", n=2, window="30d")
    assert popular["window"] == "30d"
    assert {item["item"] for item in popular["items"]} == {"tea", "pot"}
    assert popular["items"][0]["count"] > 0
    assert [item["item"] for item in shop.get("/popular", category="Drinks")["items"]] == ["tea"]
    assert {"name": "Ware", "items": 2} in shop.get("/categories")["categories"]
    problem(shop.http.get("/items/unknown/similar"), 404, "not-found")
    says = problem(shop.http.get("/popular?window=2d"), 422, "invalid-request")
    assert "window is '2d'" in says


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/items/x", [1], "the body is no object"),
        ("/items/x", {"id": "y"}, "id is 'y' in the body and 'x' in the path"),
        ("/items/x", {"item_id": "y", "title": "X"}, "item_id is 'y' in the body and 'x' in the"),
        ("/items/x", {"available": "perhaps"}, "available is 'perhaps'; allowed are true and"),
        ("/items", {"id": "x"}, "the body is of type dict; allowed is an array"),
    ],
)
def test_an_item_that_is_none_is_refused(shop: Shop, path: str, body: object, says: str) -> None:
    assert says in problem(shop.http.put(path, json=body), 422, "invalid-request")


def test_too_many_items_are_refused(opens: Opens) -> None:
    shop = opens(max_rows=1)
    problem(shop.http.put("/items", json=[{"id": "x"}, {"id": "y"}]), 413, "too-large")
    problem(shop.http.get("/items/x"), 404, "not-found")
