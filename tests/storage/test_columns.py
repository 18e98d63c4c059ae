from pathlib import Path

import numpy as np

from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED
from penchant.features.reader import EventReader
from penchant.storage import open_database


def test_columns_hold_every_event_in_fold_order(tmp_path: Path) -> None:
    with open_database(tmp_path / "log.db") as database:
        database.catalogue.put([Item(ItemId("never-seen"))], now_s=0.0)
        told = [
            ("ann", "view", 5.0, "tea", 2.0, ()),
            ("bob", "like", 3.0, None, None, ("bot",)),
            ("ann", "view", 3.0, "cup", None, ()),
            ("cat", "like", 9.0, "tea", -1.5, ("bot", "flood")),
        ]
        for n, (user, kind, time_s, item, value, flags) in enumerate(told):
            item_id = ItemId(item) if item else None
            database.log.append(
                [Event(UserId(user), kind, time_s, item_id, value, EventId(f"e{n}"), flags=flags)]
            )
        database.log.append([Event(UserId("gone"), "view", 1.0, id=EventId("g"))])
        database.erase(UserId("gone"))
        columns = database.log.columns()
        humans = database.log.columns(exclude_flags=frozenset({"bot"}))
        early = database.log.columns(until_s=3.0, exclude_flags=frozenset({"flood"}))
    assert [columns.users[code] for code in columns.user] == ["bob", "ann", "ann", "cat"]
    assert list(columns.users) == ["ann", "bob", "cat"]
    assert list(columns.items) == ["never-seen", "tea", "cup"]
    assert columns.row.tolist() == [-1, 2, 1, 1]
    assert [columns.types[code] for code in columns.type] == ["like", "view", "view", "like"]
    assert columns.time_s.tolist() == [3.0, 3.0, 5.0, 9.0]
    assert np.array_equal(columns.value, np.float32([np.nan, np.nan, 2.0, -1.5]), equal_nan=True)
    assert [array.dtype for array in (columns.user, columns.row, columns.type)] == [
        np.int32,
        np.int32,
        np.int16,
    ]
    assert humans.time_s.tolist() == [3.0, 5.0]
    assert list(humans.users) == ["ann"]
    assert early.time_s.tolist() == [3.0, 3.0]


def test_columns_of_an_empty_log_are_empty(tmp_path: Path) -> None:
    with open_database(tmp_path / "log.db") as database:
        columns = database.log.columns()
    assert len(columns) == 0
    assert (list(columns.users), list(columns.items), list(columns.types)) == ([], [], [])


def test_a_value_beyond_float32_is_its_largest_number_not_infinity(tmp_path: Path) -> None:
    huge = Event(UserId("ann"), "rating", 1.0, ItemId("m1"), value=1e300, id=EventId("e1"))
    with open_database(tmp_path / "x.db") as database:
        database.log.append([huge])
        columns = database.log.columns()
    assert np.isfinite(columns.value).all()
    reader = EventReader.fit(SHIPPED, columns)
    assert np.isfinite(reader.means).all()
    assert np.isfinite(reader.deviations).all()
