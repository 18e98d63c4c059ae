"""What is told of a user is kept as it was told, until the user is erased."""

from pathlib import Path

import pytest

from penchant.core.events import Event
from penchant.core.ids import EventId, UserId
from penchant.storage import Database, open_database

ANN = UserId("ann")


@pytest.fixture
def database(tmp_path: Path):
    with open_database(tmp_path / "log.db") as opened:
        yield opened


def test_what_was_told_comes_back_and_the_later_replaces_it(database: Database) -> None:
    told = {"plan": "gold", "age": 41, "city": "上海", "member": True, "score": 0.5}
    database.people.put(ANN, told)
    assert database.people.get(ANN) == (told, 0, None, None, 0)
    database.people.put(ANN, {"plan": "none"})
    found = database.people.get(ANN)
    assert found is not None
    assert found.attributes == {"plan": "none"}
    assert database.people.get(UserId("bob")) is None


def test_events_and_attributes_of_one_user_meet_in_either_order(database: Database) -> None:
    for user, first in ((ANN, "told"), (UserId("bob"), "seen")):
        if first == "told":
            database.people.put(user, {"plan": "gold"})
        database.log.append(
            [Event(user, "view", time_s, id=EventId(f"{user}{time_s}")) for time_s in (9.0, 4.0)]
        )
        if first == "seen":
            database.people.put(user, {"plan": "gold"})
    assert database.people.get(ANN) == ({"plan": "gold"}, 2, 4.0, 9.0, 2)
    assert database.people.get(UserId("bob")) == ({"plan": "gold"}, 2, 4.0, 9.0, 4)
    assert [count.events for count in database.log.users()] == [2, 2]


def test_one_who_was_only_told_of_is_none_of_the_users_with_events(database: Database) -> None:
    database.people.put(ANN, {})
    assert database.log.users() == []
    assert database.log.totals().users == 0
    assert list(database.log.columns().users) == []
    found = database.people.get(ANN)
    assert found is not None
    assert found.attributes == {}


def test_erasing_a_user_erases_what_was_told(database: Database) -> None:
    database.people.put(ANN, {"plan": "gold"})
    assert database.erase(ANN).events == 0
    assert database.people.get(ANN) is None
