"""What is durable is done: where memory cannot follow the log at once, it reads the log again."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import StorageError
from penchant.core.ids import UserId
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine

NOW_S = 1_362_819_516.0 + 86_400.0


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


def fails_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, calls: int = 0) -> None:
    """The storage method `name` cannot read, after so many calls that go well."""
    true, left = getattr(owner, name), [calls]

    def method(*given: Any) -> Any:
        left[0] -= 1
        if left[0] == -1:
            raise StorageError("shop.db: unable to open database file")
        return true(*given)

    monkeypatch.setattr(owner, name, method)


def seen(engine: Engine, user: str) -> tuple[list[Any], list[float], list[str]]:
    """What memory says of the user, of popularity, and of events."""
    slate = [(place.item, round(place.score, 5)) for place in engine.recommend(user, 20).items]
    live = engine._memory.live.popular.at(NOW_S).weights().round(4).tolist()
    return slate, live, [event.id for event in engine.history(user)]


def agree(engine: Engine, path: Path, user: str) -> None:
    now = seen(engine, user)
    engine.close()
    with opened(path) as again:
        assert seen(again, user) == now


@pytest.mark.slow
def test_an_event_that_memory_could_not_take_in_is_stored_once_and_known(
    trained: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trained()
    engine = opened(path)
    user = engine.users(1)[0][0]
    count = len(engine.history(user))
    fails_once(monkeypatch, type(engine._database.catalogue), "all")
    told = engine.observe(user, "a new thing", "purchase")
    assert told.status == "new"
    assert len(engine.history(user)) == count + 1
    assert engine.recommend(user, after=told.cursor).state_cursor == told.cursor
    assert engine.item("a new thing").id == "a new thing"
    agree(engine, path, user)


@pytest.mark.slow
def test_a_late_event_that_memory_could_not_take_in_is_known(
    trained: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trained()
    engine = opened(path)
    user = engine.users(1)[0][0]
    items = [item.id for item in engine.items()]
    engine.recommend(user)
    fails_once(monkeypatch, type(engine._database.log), "history", calls=1)
    rows = [{"user": user, "item": items[40], "type": "dismiss", "time": NOW_S - 30 * 86_400.0}]
    rows += [{"user": "bob", "item": items[n], "type": "like"} for n in range(3)]
    assert [told.status for told in engine.observe_many(rows)] == ["new"] * 4
    assert len(engine.history("bob")) == 3
    assert items[40] not in [place.item for place in engine.recommend(user, 500).items]
    agree(engine, path, user)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["undo", "forget"])
def test_what_was_taken_back_stays_so_when_memory_could_not_follow(
    trained: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = trained()
    engine = opened(path)
    user = engine.users(1)[0][0]
    told = engine.observe(user, engine.items()[3].id, "purchase")
    other = engine.users(2)[1][0]
    engine.recommend(other)
    fails_once(monkeypatch, type(engine._memory), "take_back")
    if what == "undo":
        assert engine.undo(told.event)
        assert told.event not in [event.id for event in engine.history(user)]
    else:
        assert engine.forget(user).events > 0
        assert np.isfinite(engine._memory.live.popular.at(NOW_S).weights()).all()
    agree(engine, path, other if what == "forget" else user)


def test_an_event_is_taken_in_though_nothing_can_be_read_just_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Any:
        raise StorageError("shop.db: too many open files")

    path = tmp_path / "shop.db"
    engine = opened(path)
    engine.observe("ann", "pot", time=NOW_S - 60)
    engine.recommend("ann")
    for name in ("all", "count", "rows", "get"):
        monkeypatch.setattr(type(engine._database.catalogue), name, fails)
    assert engine.observe("ann", "tea", time=NOW_S - 30).status == "new"
    monkeypatch.undo()
    assert [event.item for event in engine.history("ann")] == ["pot", "tea"]
    agree(engine, path, "ann")


def interrupted(monkeypatch: pytest.MonkeyPatch, engine: Engine, durable: bool, after: int) -> None:
    """A Ctrl-C while the write `after` so many is being made, before or once it is done."""
    writer, left = engine._database.log._writer, [after]
    run = writer.run

    def once(work: Callable[[Any], Any]) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            return run(work)
        monkeypatch.undo()

        def job(connection: Any) -> Any:
            if not durable:
                os.kill(os.getpid(), signal.SIGINT)
            done = work(connection)
            if durable:
                os.kill(os.getpid(), signal.SIGINT)
            return done

        return run(job)

    monkeypatch.setattr(writer, "run", once)


@pytest.mark.slow
@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("what", ["observe", "undo", "forget"])
def test_a_call_that_was_interrupted_is_whole(
    trained: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, what: str, durable: bool
) -> None:
    path = trained()
    engine = opened(path)
    user, other = (name for name, _, _ in engine.users(2))
    item = engine.items()[40].id
    engine.recommend(user)
    event = engine.observe(user, item, "like", time=NOW_S - 60).event
    calls: dict[str, Callable[[], object]] = {
        "observe": lambda: engine.observe(user, item, "purchase", time=NOW_S - 30, id="last"),
        "undo": lambda: engine.undo(event),
        "forget": lambda: engine.forget(user),  # which first forgets the state, in a write too
    }
    interrupted(monkeypatch, engine, durable, after=int(what == "forget"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of a shell has none
    try:
        with pytest.raises(KeyboardInterrupt):
            calls[what]()
    finally:
        signal.signal(signal.SIGINT, before)
    told = {found.id for found in engine.history(user)}
    assert ("last" in told) == (what == "observe")
    assert (event in told) == (what == "observe")
    engine.observe(user, item, "view", time=NOW_S - 10)
    engine.observe(other, item, "view", time=NOW_S - 5)
    assert engine.strays([user, other]) == []
    agree(engine, path, user)


class TimesUpError(Exception):
    """What a handler of signals may raise: a soft limit of a job queue, say."""


def heard(signum: int, handler: Callable[..., object], call: Callable[[], object]) -> None:
    """`call` while `handler` is that of a signal."""
    before = signal.signal(signum, handler)
    try:
        call()
    finally:
        signal.signal(signum, before)


def ends(*_: object) -> None:
    raise TimesUpError


def slow(monkeypatch: pytest.MonkeyPatch, engine: Engine, *signals: int) -> None:
    """The next write hears these signals, one after another, before it is done."""
    writer = engine._database.log._writer
    run = writer.run

    def once(work: Callable[[Any], Any]) -> Any:
        monkeypatch.undo()

        def job(connection: Any) -> Any:
            for signum in signals:
                os.kill(os.getpid(), signum)
                time.sleep(0.05)
            return work(connection)

        return run(job)

    monkeypatch.setattr(writer, "run", once)


@pytest.mark.parametrize("signals", [(signal.SIGUSR1,), (signal.SIGUSR1,) * 3])
def test_whatever_a_handler_of_signals_raises_is_heard_once_memory_knows_what_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: tuple[int, ...]
) -> None:
    path = tmp_path / "shop.db"
    engine = opened(path)
    engine.observe("ann", "pot", time=NOW_S - 60)
    engine.recommend("ann")
    slow(monkeypatch, engine, *signals)
    with pytest.raises(TimesUpError):
        heard(
            signal.SIGUSR1, ends, lambda: engine.observe("ann", "tea", time=NOW_S - 30, id="last")
        )
    engine.observe("ann", "cup", time=NOW_S - 10)
    assert [event.item for event in engine.history("ann")] == ["pot", "tea", "cup"]
    recent = [seen.row for seen in engine._memory.user(UserId("ann")).recent]
    assert [engine.items()[row].id for row in recent] == ["pot", "tea", "cup"]
    agree(engine, path, "ann")


@pytest.mark.parametrize("known_s", [None, NOW_S - 20 * 86_400.0])
def test_the_clock_of_the_log_is_that_of_an_event_whose_call_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_s: float | None
) -> None:
    with Engine.open(tmp_path / "shop.db", EngineConfig(clock="log")) as engine:
        if known_s is not None:
            engine.observe("ann", "pot", time=known_s)
        slow(monkeypatch, engine, signal.SIGUSR1)
        with pytest.raises(TimesUpError):
            heard(signal.SIGUSR1, ends, lambda: engine.observe("ann", "tea", time=NOW_S))
        assert engine.now_s() == pytest.approx(NOW_S, abs=60)
        assert [item.id for item, _ in engine.popular(10, window="1d")] == ["tea"]


def test_items_are_as_the_catalogue_has_them_when_their_call_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.db"
    engine = opened(path)
    engine.put_items([{"id": "old", "title": "Old"}, {"id": "gone"}])
    engine.recommend("ann")
    rows = [{"id": "old", "title": "New", "available": False}, {"id": "fresh"}]
    calls: list[Callable[[], object]] = [
        lambda: engine.put_items(rows),
        lambda: engine.remove_item("gone"),
    ]
    for call in calls:
        slow(monkeypatch, engine, signal.SIGUSR1)
        with pytest.raises(TimesUpError):
            heard(signal.SIGUSR1, ends, call)
    assert engine.item("old").title == "New"
    assert [place.item for place in engine.recommend("ann").items] == ["fresh"]
    agree(engine, path, "ann")
