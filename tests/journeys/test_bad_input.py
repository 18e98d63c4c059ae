"""Whatever goes wrong says what, which value and what is allowed, and nothing is lost."""

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import (
    ArtifactCorruptError,
    ArtifactError,
    ArtifactMissingError,
    ConfigError,
    EventTimeError,
    InvalidEventError,
    InvalidItemError,
    PenchantError,
    StorageLockedError,
    UnknownEventTypeError,
)
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED, Signal
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.engine.learned import save_learned

NOW_S = 1_700_000_000.0
GOOD: dict[str, Any] = {"user": "ann", "item": "tea", "type": "view", "time": NOW_S - 60}
IN_2099 = "2099-01-01T00:00:00Z"


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"type": "vieww"}, UnknownEventTypeError, ["'vieww'", "did you mean 'view'", "purchase"]),
        ({"type": None}, InvalidEventError, ["type is missing", "allowed are", "purchase"]),
        ({"user": None}, InvalidEventError, ["user is missing", "text or a whole number"]),
        ({"user": "  "}, InvalidEventError, ["user is empty", "text or a whole number"]),
        ({"user": ["ann"]}, InvalidEventError, ["user is ['ann']", "allowed are text"]),
        ({"value": math.nan}, InvalidEventError, ["value is nan", "allowed are finite numbers"]),
        ({"value": "4 stars"}, InvalidEventError, ["value is '4 stars'", "finite numbers"]),
        ({"time": math.nan}, EventTimeError, ["time is nan", "unix seconds", "ISO-8601"]),
        ({"time": math.inf}, EventTimeError, ["time is inf", "unix seconds"]),
        ({"time": -5.0}, EventTimeError, ["-5.0 lies before 1970"]),
        ({"time": "yesterday"}, EventTimeError, ["'yesterday'", "2024-05-01T12:00:00Z"]),
        ({"time": IN_2099}, EventTimeError, ["2099-01-01", "'ann'", "at most 86400 s after now"]),
        ({"context": {"at": math.nan}}, InvalidEventError, ["context.at is nan", "finite"]),
        ({"context": "home"}, InvalidEventError, ["context is 'home'", "JSON object"]),
        ({"usr": "ann"}, InvalidEventError, ["no field 'usr'", "did you mean 'user'", "context"]),
    ],
)
def test_a_wrong_event_is_refused_with_the_whole_batch_and_nothing_of_it_is_stored(
    tmp_path: Path, wrong: dict[str, Any], error: type[PenchantError], says: list[str]
) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.observe_many([GOOD])
        before = engine.recommend("ann")
        good = {**GOOD, "item": "pot"}
        with pytest.raises(error) as caught:
            engine.observe_many([good, {**GOOD, "item": "cup", **wrong}])
        for words in says:
            assert words in str(caught.value)
        assert [event.item for event in engine.events()] == ["tea"]
        assert [item.id for item in engine.items()] == ["tea"]
        after = engine.recommend("ann")
        assert (after.items, after.state_cursor) == (before.items, before.state_cursor)
        assert [one.status for one in engine.observe_many([good])] == ["new"]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Event(UserId(""), "view", NOW_S), "user is empty"),
        (Event(UserId("ann"), "vieww", NOW_S), "did you mean 'view'"),
        (Event(UserId("ann"), "view", math.nan), "time is nan; allowed are unix seconds"),
        (Event(UserId("ann"), "view", -5e9), "time -5000000000.0 lies before 1970-01-01"),
        (Event(UserId("ann"), "view", 4e9), "lies in the future; allowed is at most 86400 s"),
        (
            Event(UserId("ann"), "view", NOW_S, value=math.inf),
            "value is inf; allowed are finite numbers",
        ),
        (Event(UserId("ann"), "view", NOW_S, ItemId("\ud800"), id=EventId("a")), "valid Unicode"),
        (Event(UserId("ann"), "view", NOW_S, ItemId("")), "item is empty; it is required"),
        (
            Event(UserId("ann"), "view", NOW_S, context={"share": math.nan}),
            "context.share is nan; allowed are text, finite numbers",
        ),
    ],
)
def test_a_wrong_event_object_is_refused_too(tmp_path: Path, event: Event, says: str) -> None:
    with opened(tmp_path / "shop.db") as engine:
        with pytest.raises(PenchantError, match=says):
            engine.observe_many([GOOD, event])
        assert list(engine.events()) == []
        assert engine.observe_many([GOOD])[0].status == "new"


def test_a_fact_that_is_none_is_left_out_and_the_database_stays_whole(tmp_path: Path) -> None:
    odd: dict[str, Any] = {"coupon": None, "page": 2}
    event = Event(UserId("bob"), "view", NOW_S, ItemId("cup"), id=EventId("e1"), context=odd)
    with opened(tmp_path / "shop.db") as engine:
        assert [one.status for one in engine.observe_many([event])] == ["new"]
        assert engine.put_items([Item(ItemId("cup"), "Cup", attributes=odd)]) == 1
        with pytest.raises(InvalidItemError, match=r"attributes\.colour is \[\]; allowed are"):
            engine.put_items([Item(ItemId("pot"), attributes={"colour": []})])  # type: ignore[dict-item]
    with opened(tmp_path / "shop.db") as engine:
        assert [event.context for event in engine.history("bob")] == [{"page": 2}]
        assert engine.items() == [Item(ItemId("cup"), "Cup", attributes={"page": 2})]
        assert engine.undo("e1")


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (Item(ItemId(" ")), "item id is empty; it is required"),
        (Item(ItemId("hat"), attributes={"price": math.inf}), "attributes.price is inf; allowed"),
        (Item(ItemId("hat"), expires_s=-1.0), "expires_s: time -1.0 lies before 1970-01-01"),
        ({"title": "nameless"}, "item id is missing; it is required"),
        ({"id": "hat", "available": "perhaps"}, "available is 'perhaps'; allowed are true"),
        ({"id": "hat", "price": math.nan}, "attributes.price is nan; allowed are text, finite"),
        ({"id": "hat", "expires": "never"}, "expires: time is 'never'; allowed are unix seconds"),
        ({"id": "hat", "categories": 7}, "categories are 7; allowed are a list"),
    ],
)
def test_a_wrong_item_is_refused_with_all_that_came_with_it(
    tmp_path: Path, item: Item | dict[str, Any], says: str
) -> None:
    with opened(tmp_path / "shop.db") as engine:
        with pytest.raises(InvalidItemError, match=says):
            engine.put_items([{"id": "scarf"}, item])
        assert engine.items() == []


def test_a_log_whose_types_the_config_no_longer_describes_is_refused(tmp_path: Path) -> None:
    signals = {**SHIPPED, "hum": Signal()}
    with Engine.open(tmp_path / "shop.db", EngineConfig(signals=signals)) as engine:
        engine.observe("ann", "tea", "hum")
    with pytest.raises(ConfigError, match=r"of type hum.*add \[signals\.hum\] to the config"):
        Engine.open(tmp_path / "shop.db")
    with Engine.open(tmp_path / "shop.db", EngineConfig(signals=signals)) as engine:
        assert len(engine.history("ann")) == 1


def test_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    code = f"from penchant.engine.engine import Engine; Engine.open({str(path)!r})"
    with opened(path) as engine:
        engine.observe_many([GOOD])
        second = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert second.returncode != 0
        assert "StorageLockedError" in second.stderr
        assert f"{path} is in use by process " in second.stderr
        with pytest.raises(StorageLockedError, match="stop it first"):
            Engine.open(path)
        assert engine.observe_many([{**GOOD, "item": "pot"}])[0].status == "new"
    with opened(path) as engine:
        assert len(list(engine.events())) == 2


FILL = """
import resource, sys
from penchant.core.errors import StorageFullError
from penchant.engine.engine import Engine

path = sys.argv[1]
with Engine.open(path) as engine:
    engine.put_items([{"id": f"i{n}"} for n in range(60)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    told = 0
    try:
        for told in range(10_000):
            engine.observe("ann", f"i{told % 20}", "view", time=1.7e9 + told, words="x" * 300)
    except StorageFullError as error:
        print(error)
    user = engine.recommend("ann")
    assert len(user.items) == 10, user
    assert len(engine.history("ann")) == told, (told, len(engine.history("ann")))
    assert user.state_cursor == str(told), (told, user.state_cursor)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert engine.observe("ann", "i3", "view", time=1.7e9 + told).status == "new"
    assert len(engine.history("ann")) == told + 1
    assert engine.strays(["ann"]) == []
    print("whole", told)
"""


@pytest.mark.slow
def test_on_a_full_disk_what_was_acknowledged_is_kept_and_reading_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{path} cannot grow" in done.stdout
    assert "nothing of this call was stored; free some space there and send it again" in done.stdout
    assert int(done.stdout.split("whole ")[1]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights.safetensors", "blend.json", "items.json"])
def test_a_damaged_model_is_named_and_what_to_do_about_it(
    trained: Callable[[], Path], name: str
) -> None:
    path = trained()
    folder = Path(f"{path}.artifacts")
    file = folder / (folder / "current").read_text().strip() / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ArtifactCorruptError) as caught:
        opened(path)
    for words in (str(file), "is damaged", "restore it", "delete `current`", "train again"):
        assert words in str(caught.value)
    (folder / "current").unlink()  # as it says
    with opened(path) as engine:
        assert engine.artifact is None
        assert len(engine.recommend("ann").items) == 10
        assert engine.facts()["events"] == 5_000


@pytest.mark.slow
def test_a_pointer_to_a_model_that_is_not_there_says_which_are(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    folder = Path(f"{path}.artifacts")
    present = (folder / "current").read_text().strip()
    (folder / "current").write_text("20300101T000000Z-0123456789ab\n")
    with pytest.raises(ArtifactMissingError) as caught:
        opened(path)
    for words in ("'20300101T000000Z-0123456789ab'", f"present: {present}", "delete `current`"):
        assert words in str(caught.value)
    (folder / "current").write_text(f"{present}\n")
    with opened(path) as engine:
        assert engine.artifact == present


@pytest.mark.slow
def test_a_model_of_another_version_says_so(trained: Callable[[], Path]) -> None:
    path = trained()
    with opened(path) as engine:
        learned = engine._learned
        assert learned is not None
        blend = replace(learned.blend, base=learned.blend.base[:3])
        older = replace(learned, blend=blend)
        engine._database.artifacts.publish(lambda folder: save_learned(older, folder), NOW_S)
    with pytest.raises(ArtifactError, match="another version of penchant: its blend weighs by 3"):
        opened(path)
