"""Reading writes nothing: not on disk, not in memory, not in what the caller handed in."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.engine.config import EngineConfig, MemoryConfig
from penchant.engine.engine import Engine

NOW_S = 1_362_819_516.0 + 86_400.0

pytestmark = pytest.mark.slow


def opened(path: Path, users: int = 20_000) -> Engine:
    config = EngineConfig(memory=MemoryConfig(users=users, flush_every_s=0.01))
    return Engine.open(path, config, ManualClock(NOW_S))


def on_disk(path: Path) -> dict[str, bytes]:
    """What is kept; the index of the write-ahead log (-shm) is none of it."""
    files = [one for one in path.parent.rglob("*") if one.is_file() and one.suffix != ".db-shm"]
    return {one.name: one.read_bytes() for one in files if not one.name.endswith("-shm")}


def in_memory(engine: Engine) -> tuple[object, ...]:
    memory = engine._memory
    counts = [source._tally.weights().tobytes() for source in memory.live.counting()]
    return (
        counts,
        memory.live.added_s.tobytes(),
        list(memory.histories._held),
        len(engine._database.states._entries),
        len(memory.shelf),
        {user: now.head for user, now in memory.histories._held.items()},
    )


def test_a_thousand_strangers_leave_no_trace(trained: Callable[[], Path]) -> None:
    path = trained()
    with opened(path) as engine:
        engine.observe("ann", engine.items()[0].id, "like")
        engine.recommend("ann")
        engine._database.states.flush()
        disk, memory = on_disk(path), in_memory(engine)
        for n in range(1_000):
            slate = engine.recommend(f"stranger {n}", n=5)
            assert (len(slate.items), slate.state_cursor) == (5, "0")
        engine.recommend("stranger", reasons=True)
        engine.explain("stranger", engine.items()[0].id)
        assert engine.history("stranger") == []
        assert len(engine.interests("stranger")) >= 0
        assert in_memory(engine) == memory
        assert on_disk(path) == disk
        assert engine.facts()["events"] == 5_001


def test_two_reads_without_an_event_between_are_identical(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        users = [user for user, _, _ in engine.users(20)]

        def everything() -> list[object]:
            slates = [engine.recommend(user, 30, diversity=0.3, reasons=False) for user in users]
            return [(slate.items, slate.next, slate.state_cursor) for slate in slates]

        first = everything()
        engine.recommend("stranger")
        assert everything() == first
        assert engine.recommend(users[0], reasons=True).items == (
            engine.recommend(users[0], reasons=True).items
        )
        assert engine.interests(users[0]) == engine.interests(users[0])


def test_users_who_had_to_leave_memory_come_back_as_they_were(trained: Callable[[], Path]) -> None:
    with opened(trained(), users=2) as engine:
        users = [user for user, _, _ in engine.users(10)]
        items = [item.id for item in engine.items()]
        for n, user in enumerate(users):
            engine.observe(user, items[n], "like")
        first = [engine.recommend(user).items for user in users]
        assert [engine.recommend(user).items for user in users] == first
        assert len(engine._memory.histories._held) == 2
        engine.observe_many({"user": u, "item": items[50], "type": "like"} for u in users)
        assert engine.strays(users) == []
        for user in users:
            assert engine._memory.user(user).head == engine._database.log.head(user)


def test_what_the_caller_handed_in_is_as_it_was(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        vectors = engine._learned.weights
        before = {name: array.copy() for name, array in vectors.items()}
        raw = {"user": "ann", "item": "x", "type": "like", "context": {"at": "home"}}
        event = Event(UserId("ann"), "view", NOW_S - 5, ItemId("y"), context={"at": "work"})
        item = {"id": "x", "categories": ["one", "two"], "attributes": {"size": 3}}
        named = Item(ItemId("y"), categories=("one",))
        exclude, categories = ["x"], ["one"]
        handed = (raw, event, item, named, exclude, categories)
        copies = copy.deepcopy(handed)
        engine.put_items([item, named])
        engine.observe_many([raw, event])
        engine.recommend("ann", exclude=exclude, categories=categories, reasons=True)
        assert handed == copies
        assert event.id is None
        for name, array in vectors.items():
            assert np.array_equal(array, before[name])


def test_what_came_back_may_be_changed_without_harm(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        user = engine.users(1)[0][0]
        first = engine.recommend(user)
        engine.items().clear()
        list(engine.history(user)).clear()
        first.items.clear()
        assert len(engine.recommend(user).items) == 10
        assert engine.history(user)[0].id is not EventId("")
