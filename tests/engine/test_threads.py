"""One thread writes while others read all there is to read: nobody fails, nobody sees the past."""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from penchant.core.errors import UnknownIdError
from penchant.engine.config import EngineConfig, MemoryConfig
from penchant.engine.engine import BULK, Engine, Wanted
from penchant.strategy.rules import StrategyConfig

pytestmark = pytest.mark.slow

READERS = 4
LASTS_S = 2.0
DROP = StrategyConfig(repeats="drop")


class Writer:
    """Events, items, undoing, removing and erasure; `told` is what readers hear of it."""

    def __init__(self, engine: Engine, known: list[str]) -> None:
        self._engine = engine
        self._rng = random.Random(0)
        self._items = known
        self.told: list[tuple[str, str, str]] = []  # user, item taken, cursor
        self.times = 0

    def step(self) -> None:
        self.times += 1
        engine, rng, n = self._engine, self._rng, self.times
        user, item = f"u{rng.randrange(20)}", rng.choice(self._items)
        outcomes, cursor = engine.observe_each(
            [
                {"user": f"new{n}", "item": f"stub{n}", "type": "view"},
                {"user": user, "type": "nothing"},
                {"user": user, "item": rng.choice(self._items), "type": "view", "time": 1e9 + n},
                {"user": user, "item": item, "type": "purchase"},
            ]
        )
        assert [one.status for one in outcomes] == ["new", "rejected", "new", "new"]
        self.told.append((user, item, cursor))
        if n % 3 == 0:
            engine.put_items_each([{"id": f"put{n}", "title": f"Put {n}", "categories": [f"c{n}"]}])
        if n % 5 == 0:
            engine.undo(str(outcomes[0].event))
        if n % 7 == 0:
            engine.put_items([{"id": "comes and goes", "title": "Comes"}])
            engine.remove_item("comes and goes")
        if n % 11 == 0:
            engine.put_user("ghost", {"n": n})
            engine.observe("ghost", item, "like")
            engine.forget("ghost")
        if n % 20 == 0:
            engine.observe_many(
                {"user": f"b{k}", "item": item, "type": "view", "time": 1.3e9 + k}
                for k in range(BULK)
            )


class Reader:
    """Whatever can be asked, and after each question whether the latest event is known."""

    def __init__(self, engine: Engine, writer: Writer, number: int) -> None:
        self._engine = engine
        self._writer = writer
        self._rng = random.Random(number)
        self._number = number
        self.checked = 0

    def step(self) -> None:
        self.know(*self._writer.told[-1])
        asking = list(self.questions(*self._rng.choice(self._writer.told[-5:])))
        ask = asking[self._number % len(asking)]
        self._number += 1
        with suppress(UnknownIdError):  # removed or erased a moment ago
            ask()

    def know(self, user: str, item: str, cursor: str) -> None:
        slate = self._engine.recommend(user, 1_000, after=cursor)
        assert int(slate.state_cursor) >= int(cursor)
        assert item not in [place.item for place in slate.items]
        self.checked += 1

    def questions(self, user: str, item: str, cursor: str) -> Iterator[Callable[[], object]]:
        engine, some = self._engine, self._rng.randrange(50)
        yield lambda: engine.recommend(user, reasons=True, after=cursor)
        yield lambda: engine.recommend_each([Wanted(user), Wanted("moon"), Wanted(user, 0)])
        yield lambda: engine.explain(user, item)
        yield lambda: engine.item("comes and goes")
        yield lambda: engine.items()
        yield lambda: engine.facts()
        yield lambda: engine.search_items("pu", limit=5)
        yield lambda: engine.search_items("", f"c{some}")
        yield lambda: engine.categories()
        yield lambda: engine.popular()
        yield lambda: engine.similar(item)
        yield lambda: engine.rank(user, [item, "moon"], reasons=True)
        yield lambda: engine.session([{"item": item, "type": "like"}])
        yield lambda: engine.profile(user)
        yield lambda: engine.timeline(user)
        yield lambda: engine.export_user("ghost")
        yield lambda: engine.user(user)
        yield lambda: engine.users()
        yield lambda: engine.recommend("ghost")
        yield lambda: engine.strays([user])
        yield lambda: engine.quality()


def together(works: Sequence[Callable[[], None]], lasts_s: float) -> list[BaseException]:
    """Each of `works` in a thread of its own, again and again; what went wrong."""
    errors: list[BaseException] = []
    ends_s = time.monotonic() + lasts_s

    def go_on(work: Callable[[], None]) -> None:
        try:
            while time.monotonic() < ends_s:
                work()
        except BaseException as error:  # noqa: BLE001 - told to the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=go_on, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.parametrize("learned", [False, True])
def test_readers_and_a_writer_do_not_disturb_each_other(
    trained: Callable[[], Path], tmp_path: Path, often: None, learned: bool
) -> None:
    path = trained() if learned else tmp_path / "shop.db"
    config = EngineConfig(strategy=DROP, memory=MemoryConfig(users=8), after_wait_s=5.0)
    with Engine.open(path, config) as engine:
        if not learned:
            engine.put_items({"id": f"i{n}", "title": f"Item {n}"} for n in range(300))
        writer = Writer(engine, [item.id for item in engine.items()][:300])
        readers = [Reader(engine, writer, 5 * number) for number in range(READERS)]
        writer.step()  # what is counted once is counted before
        works = [writer.step, *(reader.step for reader in readers)]
        assert together(works, LASTS_S) == []
        assert writer.times >= 5
        assert min(reader.checked for reader in readers) >= 2
        assert engine.strays([user for user, _, _ in engine.users(1_000)]) == []
        _, total = engine.search_items("put", limit=1_000)
        assert total == writer.times // 3


@pytest.fixture
def often() -> Iterator[None]:
    """Threads are switched fifty times as often as usual."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(usual_s / 50)
    yield
    sys.setswitchinterval(usual_s)
