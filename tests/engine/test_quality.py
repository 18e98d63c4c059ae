"""The report on the log's data is that of `penchant validate`, and JSON as it is."""

import json
from pathlib import Path

from penchant.core.clock import ManualClock
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.engine.engine import Engine

NOW_S = 1_700_000_000.0


def test_the_log_is_judged_as_a_file_would_be(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "shop.db", clock=ManualClock(NOW_S)) as engine:
        assert engine.quality()["events"] == 0
        engine.put_items([{"id": "tea", "title": "Tea"}, {"id": "pot"}, {"id": "gone"}])
        engine.remove_item("gone")
        for n, item in enumerate(("tea", "tea", "stub", None)):
            engine.observe("ann", item, "view" if item else "search", time=NOW_S - 9 + n)
        far = Event(
            UserId("bob"), "view", NOW_S - 99, ItemId("tea"), id=EventId("x"), flags=("bot",)
        )
        engine.observe_many([far])
        told = engine.quality()
        assert json.loads(json.dumps(told, allow_nan=False))["events"] == 5
        assert told["completeness"]["event_item"] == 4 / 5
        assert told["completeness"]["item_title"] == 1 / 3  # of tea, pot and stub
        assert told["consistency"]["types_without_items"] == ("search",)
        assert told["consistency"]["events_outside_catalogue"] == 1
        assert told["accuracy"]["flags"] == {"bot": 1}
        assert told["diversity"]["users"] == 2
        assert told["enough"]["enough"] is False
