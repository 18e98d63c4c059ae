import math
from pathlib import Path
from typing import Any

import pytest

from penchant.core.errors import InvalidItemError
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.storage import Database, open_database

TEA = Item(
    ItemId("tea"),
    title="Green TEA 50%",
    categories=("drinks", "绿茶"),
    description="Leaves.",
    attributes={"grams": 100, "organic": True, "rating": 4.5, "brand": "X"},
    expires_s=99.0,
)
CUP = Item(ItemId("cup"), title="Tea cup", categories=("kitchen", "drinks"), available=False)


@pytest.fixture
def database(tmp_path: Path):
    with open_database(tmp_path / "log.db") as opened:
        yield opened


def met(database: Database, item: str, time_s: float) -> None:
    database.log.append(
        [Event(UserId("ann"), "view", time_s, ItemId(item), id=EventId(f"{item}{time_s}"))]
    )


def test_an_item_comes_back_as_it_was_put(database: Database) -> None:
    database.catalogue.put([TEA, CUP], now_s=5.0)
    assert database.catalogue.get(TEA.id) == TEA
    assert database.catalogue.all() == [TEA, CUP]
    assert database.catalogue.get(ItemId("pot")) is None
    assert database.catalogue.count() == 2


def test_a_row_never_changes_its_item(database: Database) -> None:
    met(database, "cup", 1.0)
    database.catalogue.put([TEA, CUP, TEA], now_s=5.0)
    met(database, "pot", 2.0)
    database.catalogue.put([Item(TEA.id, title="New")], now_s=6.0)
    database.erase(UserId("ann"))
    assert [item.id for item in database.catalogue.all()] == ["cup", "tea", "pot"]
    assert database.catalogue.rows([ItemId("pot"), ItemId("none"), CUP.id]) == [2, None, 0]
    assert database.catalogue.ids([1, 7, 0]) == ["tea", None, "cup"]
    assert [item.id for item in database.catalogue.all(first_row=1)] == ["tea", "pot"]


def test_an_item_met_only_in_events_is_a_stub_until_it_is_put(database: Database) -> None:
    met(database, "tea", 1.0)
    assert database.catalogue.get(TEA.id) == Item(TEA.id)
    database.catalogue.put([TEA], now_s=5.0)
    assert database.catalogue.all() == [TEA]


def test_of_two_with_one_id_the_later_wins(database: Database) -> None:
    database.catalogue.put([TEA, Item(TEA.id, title="Black")], now_s=5.0)
    assert database.catalogue.all() == [Item(TEA.id, title="Black")]


def test_an_item_was_added_when_it_was_first_met(database: Database) -> None:
    met(database, "stub", 40.0)
    met(database, "stub", 30.0)
    met(database, "stub", 50.0)
    database.catalogue.put([TEA, CUP, Item(ItemId("stub"))], now_s=35.0)
    met(database, "tea", 10.0)
    met(database, "cup", 60.0)
    database.catalogue.put([TEA], now_s=70.0)
    assert database.catalogue.facts().added_s.tolist() == [30.0, 10.0, 35.0]


def test_facts_have_one_entry_per_row(database: Database) -> None:
    met(database, "stub", 40.0)
    database.catalogue.put([TEA, CUP], now_s=5.0)
    facts = database.catalogue.facts()
    assert facts.available.tolist() == [True, True, False]
    assert facts.expires_s.tolist() == [math.inf, 99.0, math.inf]
    rows = {name: rows.tolist() for name, rows in facts.categories.items()}
    assert rows == {"drinks": [1, 2], "绿茶": [1], "kitchen": [2]}
    assert facts.vectors is None


def test_facts_of_an_empty_catalogue_are_empty(database: Database) -> None:
    facts = database.catalogue.facts()
    assert (len(facts.available), len(facts.expires_s), len(facts.added_s)) == (0, 0, 0)


def test_of_a_removed_item_nothing_is_left_but_its_row(database: Database) -> None:
    database.catalogue.put([TEA], now_s=5.0)
    met(database, "stub", 40.0)
    assert database.catalogue.remove(TEA.id)
    assert database.catalogue.remove(ItemId("stub"))
    assert not database.catalogue.remove(ItemId("none"))
    assert not database.catalogue.remove(TEA.id)
    assert database.catalogue.get(TEA.id) == Item(TEA.id, available=False)
    met(database, "tea", 50.0)
    assert database.catalogue.facts().available.tolist() == [False, False]
    assert database.catalogue.facts().added_s.tolist() == [5.0, 40.0]
    database.catalogue.put([TEA], now_s=60.0)
    assert database.catalogue.get(TEA.id) == TEA


def test_search_finds_every_word_in_any_case_and_takes_wildcards_as_letters(
    database: Database,
) -> None:
    database.catalogue.put([TEA, CUP, Item(ItemId("c3"), title="Чайник")], now_s=5.0)
    met(database, "untitled-9", 1.0)

    def found(*args, **rest) -> list[str]:
        return [item.id for item in database.catalogue.search(*args, **rest)]

    assert found("tea") == ["tea", "cup"]
    assert found("CUP tea") == ["cup"]
    assert found("ЧАЙ") == ["c3"]
    assert found("%") == ["tea"]
    assert found("_") == []
    assert found("untitled") == ["untitled-9"]
    assert found("", category="kitchen") == ["cup"]
    assert found("tea", "drinks", limit=1) == ["tea"]
    assert found() == ["tea", "cup", "c3", "untitled-9"]


@pytest.mark.parametrize("fact", [math.nan, math.inf, None, ["red"]])
def test_a_fact_that_would_not_read_back_is_refused_and_nothing_is_put(
    database: Database, fact: Any
) -> None:
    with pytest.raises(InvalidItemError, match=r"item 'x' has a = .*; allowed are text"):
        database.catalogue.put([TEA, Item(ItemId("x"), attributes={"a": fact})], now_s=1.0)
    assert database.catalogue.count() == 0


def test_more_items_than_one_statement_names_are_found(database: Database) -> None:
    items = [Item(ItemId(f"i{n}")) for n in range(1_300)]
    database.catalogue.put(items, now_s=1.0)
    assert database.catalogue.rows([item.id for item in items]) == list(range(1_300))
