"""However events came in, and whatever was taken back: the log alone decides what is served."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.clock import ManualClock
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.signals import SHIPPED, Signal
from penchant.engine.config import EngineConfig
from penchant.engine.engine import BULK, Engine
from penchant.strategy.rules import StrategyConfig

DAY_S = 86_400.0
BEGIN_S = 1_362_819_516.0  # the trained database ends here
NOW_S = BEGIN_S + 12 * DAY_S
SIGNALS = {**SHIPPED, "vote": Signal(weight=2.0, threshold=3.0)}
CONFIG = EngineConfig(signals=SIGNALS, strategy=StrategyConfig(repeats="keep"))
KINDS = ("view", "like", "vote", "dismiss", "search", "return", "impression")
PUT = [Item(ItemId(f"put{n}"), f"Put {n}", ("one", "two")[n % 2 : n % 2 + 1]) for n in range(4)]


@contextmanager
def opened(path: Path) -> Iterator[Engine]:
    clock = ManualClock(BEGIN_S + 2 * DAY_S)
    with Engine.open(path, CONFIG, clock) as engine:
        engine.put_items(PUT)  # amid the events: before some first meetings, after others
        clock.set(NOW_S)
        yield engine


@dataclass(frozen=True)
class Draw:
    """One event of a random stream: who, what, how; `late` days before its place."""

    user: int
    item: int
    kind: str
    value: int
    gap_s: int
    late_days: int


draws = st.lists(
    st.builds(
        Draw,
        user=st.integers(0, 3),
        item=st.integers(0, 8),
        kind=st.sampled_from(KINDS),
        value=st.integers(0, 6),
        gap_s=st.integers(1, 40_000),
        late_days=st.sampled_from([0, 0, 0, 0, 1, 4]),
    ),
    min_size=1,
    max_size=25,
)


def stream(drawn: Sequence[Draw], prefix: str = "") -> list[Event]:
    """Events in the order they come in; no two at one time, so that order is never by arrival."""
    events, at_s = [], BEGIN_S + 5 * DAY_S
    for n, draw in enumerate(drawn):
        at_s += draw.gap_s + 1
        item = ItemId(f"put{draw.item}" if draw.item < 4 else f"{prefix}stub{draw.item}")
        events.append(
            Event(
                UserId(f"{prefix}u{draw.user}"),
                draw.kind,
                at_s - draw.late_days * DAY_S + n / 1000,
                None if draw.kind == "search" else item,
                float(draw.value) if draw.kind == "vote" else None,
                EventId(f"{prefix}e{n}"),
            )
        )
    return events


def picture(engine: Engine, users: Sequence[str]) -> Mapping[str, Any]:
    """All that a slate may depend on, by id: readings, and every source on every item."""
    memory = engine._memory
    memory.count_if_due()
    names = [item.id for item in engine.items()]
    seen: dict[str, Any] = {}
    for user in users:
        reading = memory.user(UserId(user)).reading(memory.stages.models, NOW_S)
        seen[f"{user} recent"] = [
            (names[e.row] if e.row >= 0 else None, e.type, e.weight, e.value, e.time_s)
            for e in reading.recent
        ]
        seen[f"{user} taken"] = {names[row]: taken for row, taken in reading.taken.items()}
        seen[f"{user} dismissed"] = {names[row] for row in reading.dismissed}
        for model, interests in reading.interests.items():
            seen[f"{user} wants by {model}"] = interests.directions
        for name, source in memory.stages.sources.items():
            scores = source.score(reading, slice(None))
            seen[f"{user} scored by {name}"] = dict(zip(names, scores.tolist(), strict=True))
    return seen


def assert_alike(one: Mapping[str, Any], two: Mapping[str, Any]) -> None:
    """Equal within 1e-5; an item that only `one` ever met is no matter."""
    assert one.keys() == two.keys()
    for name, wanted in two.items():
        found = one[name]
        if isinstance(wanted, np.ndarray):
            np.testing.assert_allclose(found, wanted, atol=1e-5, err_msg=name)
        elif " scored by " in name:
            common = [found[item] for item in wanted]
            np.testing.assert_allclose(common, [*wanted.values()], 5e-6, 5e-6, err_msg=name)
        else:
            assert found == wanted, name


def users_of(events: Sequence[Event]) -> list[str]:
    return sorted({event.user for event in events})


def in_parts(events: Sequence[Event], sizes: Sequence[int]) -> Iterator[Sequence[Event]]:
    at = 0
    for size in [*sizes, len(events)]:
        if events[at : at + size]:
            yield events[at : at + size]
        at += size


def undoing(
    saw: Engine, never: Engine, events: Sequence[Event], gone: set[int], at_once: bool
) -> None:
    """`saw` takes in everything and undoes `gone`; `never` sees only the rest."""
    for n, event in enumerate(events):
        saw.observe_many([event])
        if n in gone and at_once:
            assert saw.undo(str(event.id))
        if n % 7 == 3:
            saw.recommend(event.user)  # reading between changes nothing
    if not at_once:
        for n in sorted(gone, reverse=True):
            assert saw.undo(str(events[n].id))
    left = [event for n, event in enumerate(events) if n not in gone]
    if left:
        never.observe_many(left)
    users = users_of(events)
    assert_alike(picture(saw, users), picture(never, users))
    assert saw.strays(users) == []


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(drawn=draws, gone=st.sets(st.integers(0, 24), max_size=10), at_once=st.booleans())
def test_what_was_undone_was_never_seen(drawn: list[Draw], gone: set[int], at_once: bool) -> None:
    events = stream(drawn)
    with (
        TemporaryDirectory() as name,
        opened(Path(name) / "saw.db") as saw,
        opened(Path(name) / "never.db") as never,
    ):
        undoing(saw, never, events, gone & set(range(len(events))), at_once)


@pytest.mark.slow
def test_what_was_undone_was_never_seen_by_a_trained_engine_either(
    trained: Callable[[], Path],
) -> None:
    """One pair of engines for all streams: whatever is left over would show in the next."""
    prefixes = count()

    with opened(trained()) as saw, opened(trained()) as never:

        @settings(max_examples=20, deadline=None)
        @given(drawn=draws, gone=st.sets(st.integers(0, 24), max_size=10), at_once=st.booleans())
        def law(drawn: list[Draw], gone: set[int], at_once: bool) -> None:
            events = stream(drawn, f"{next(prefixes)}-")
            undoing(saw, never, events, gone & set(range(len(events))), at_once)

        law()


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(drawn=draws, order=st.randoms(use_true_random=False), sizes=st.lists(st.integers(1, 9)))
def test_events_in_any_order_are_as_those_in_order(
    drawn: list[Draw], order: Any, sizes: list[int]
) -> None:
    events = stream(drawn)
    mixed = list(events)
    order.shuffle(mixed)
    with (
        TemporaryDirectory() as name,
        opened(Path(name) / "mixed.db") as late,
        opened(Path(name) / "sorted.db") as tidy,
    ):
        for part in in_parts(mixed, sizes):
            late.observe_many(part)
        for event in sorted(events, key=lambda e: e.time_s):
            tidy.observe_many([event])
        users = users_of(events)
        assert_alike(picture(late, users), picture(tidy, users))
        assert_alike(picture(tidy, users), picture(late, users))
        assert late.strays(users) == tidy.strays(users) == []


def crowd(n: int, seed: int) -> list[Event]:
    rng = np.random.default_rng(seed)
    drawn = [
        Draw(
            int(rng.integers(0, 12)),
            int(rng.integers(0, 30)),
            str(rng.choice(KINDS)),
            int(rng.integers(0, 7)),
            int(rng.integers(1, 400)),
            int(rng.choice([0, 0, 0, 0, 0, 0, 2])),
        )
        for _ in range(n)
    ]
    return stream(drawn)


def slates(engine: Engine, users: Sequence[str]) -> list[Any]:
    asked = [*users, "a stranger"]
    every = [engine.recommend(user, 15) for user in asked]
    return [[(place.item, place.score, place.source) for place in one.items] for one in every]


@pytest.mark.slow
@pytest.mark.parametrize("learned", [False, True])
def test_one_by_one_in_batches_or_in_bulk_is_all_one(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    paths = [trained() if learned else tmp_path / f"{n}.db" for n in range(3)]
    events = crowd(BULK + 40, seed=4)
    sizes = np.random.default_rng(1).integers(1, 90, 40).tolist()
    users = users_of(events)
    pictures, served = [], []
    for path, parts in zip(
        paths,
        ([[e] for e in events[:BULK]] + [events[BULK:]], in_parts(events, sizes), [events]),
        strict=True,
    ):
        with opened(path) as engine:
            for part in parts:
                engine.observe_many(part)
            assert engine.strays(users) == []
            pictures.append(picture(engine, users))
            served.append(slates(engine, users))
    for one in pictures[1:]:
        assert_alike(one, pictures[0])
        assert_alike(pictures[0], one)
    assert served[1] == served[0]
    assert served[2] == served[0]


@pytest.mark.slow
@pytest.mark.parametrize("learned", [False, True])
def test_a_restart_changes_no_slate_and_every_state_is_a_fresh_fold(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    path, events = trained() if learned else tmp_path / "films.db", crowd(150, seed=9)
    users = users_of(events)
    with opened(path) as engine:
        for part in in_parts(events, [1, 1, 1, 20, 1, 50]):
            engine.observe_many(part)
        for event in events[::17]:
            engine.undo(str(event.id))
        before, seen = slates(engine, users), picture(engine, users)
        for user in map(UserId, users):
            assert engine._memory.user(user).head == engine._database.log.head(user)
    with Engine.open(path, CONFIG, ManualClock(NOW_S)) as again:
        assert slates(again, users) == before
        assert_alike(picture(again, users), seen)
        memory = again._memory
        for user in users:
            _, own = memory.histories.events(UserId(user))
            features = memory.histories.features(memory.stages, own)
            for name, model in memory.stages.models.items():
                fresh = model.read(model.fold(model.start(), features), NOW_S)
                served = model.read(memory.user(UserId(user)).states[name], NOW_S)
                np.testing.assert_allclose(served.directions, fresh.directions, atol=1e-5)


@pytest.mark.slow
def test_forgetting_someone_leaves_others_as_if_they_had_never_been(
    trained: Callable[[], Path], tmp_path: Path
) -> None:
    for learned in (False, True):
        one, two = ((trained() if learned else tmp_path / f"{n}.db") for n in range(2))
        events = crowd(120, seed=5)
        users = [user for user in users_of(events) if user != "u3"]
        with opened(one) as saw, opened(two) as never:
            saw.observe_many(events)
            saw.forget("u3")
            never.observe_many([event for event in events if event.user != "u3"])
            assert_alike(picture(saw, [*users, "u3"]), picture(never, [*users, "u3"]))


def test_undoing_an_event_from_tomorrow_brings_back_what_its_window_had_pushed_out(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "films.db") as engine:
        engine.observe("ann", "put1", time=NOW_S - 2 * 3600)
        before = picture(engine, ["ann"])
        ahead = engine.observe("bob", "put2", time=NOW_S + 0.9 * DAY_S + 12 * 3600 - 3600)
        assert engine.undo(ahead.event)
        assert_alike(picture(engine, ["ann"]), before)


def test_an_item_is_as_old_as_the_first_event_that_is_left(tmp_path: Path) -> None:
    with opened(tmp_path / "films.db") as engine:
        first = engine.observe("ann", "stub", time=NOW_S - 9 * DAY_S)
        engine.observe("bob", "stub", time=NOW_S - 1 * DAY_S)
        row = engine._memory.shelf.row_of(ItemId("stub"))
        assert engine._memory.live.added_s[row] == NOW_S - 9 * DAY_S
        engine.undo(first.event)
        assert engine._memory.live.added_s[row] == NOW_S - 1 * DAY_S
    with Engine.open(tmp_path / "films.db", CONFIG) as engine:
        engine.recommend("ann")
        assert engine._memory.live.added_s[row] == NOW_S - 1 * DAY_S


def test_new_items_of_one_batch_have_a_date_each(tmp_path: Path) -> None:
    with opened(tmp_path / "films.db") as engine:
        engine.observe_many(
            [
                {"user": "ann", "item": "old", "type": "view", "time": NOW_S - 8 * DAY_S},
                {"user": "ann", "item": "new", "type": "view", "time": NOW_S - 1 * DAY_S},
            ]
        )
        memory = engine._memory
        rows = [memory.shelf.row_of(ItemId(name)) for name in ("old", "new")]
        assert memory.live.added_s[rows].tolist() == [NOW_S - 8 * DAY_S, NOW_S - 1 * DAY_S]
