from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.event import listen

import penchant.storage.log as log_module
from penchant.core.contracts import Head
from penchant.core.errors import EventTimeError, InvalidEventError
from penchant.core.events import Event
from penchant.core.ids import START, EventId, ItemId, UserId
from penchant.storage import Database, open_database

ANN = UserId("ann")
BOB = UserId("bob")


def event(
    name: str, user: UserId = ANN, time_s: float = 10.0, item: str | None = "tea", **rest
) -> Event:
    item_id = None if item is None else ItemId(item)
    return Event(user=user, type="view", time_s=time_s, item=item_id, id=EventId(name), **rest)


@pytest.fixture
def database(tmp_path: Path):
    with open_database(tmp_path / "log.db") as opened:
        yield opened


def history(database: Database, user: UserId) -> Sequence[Event]:
    return database.log.history(user)[1]


def test_an_event_comes_back_as_it_was_given(database: Database) -> None:
    told = Event(
        user=ANN,
        type="search",
        time_s=12.5,
        item=None,
        value=-0.25,
        id=EventId("e1"),
        words="绿茶 🍵",
        context={"place": "home", "page": 3, "share": 0.5, "mobile": True},
        flags=("future", "bot"),
    )
    database.log.append([told])
    assert database.log.get(EventId("e1")) == told
    assert history(database, ANN) == [told]


def test_a_stranger_stands_at_the_beginning(database: Database) -> None:
    assert database.log.head(ANN) == Head(START, 0)
    assert database.log.history(ANN) == (Head(START, 0), [])
    assert database.log.get(EventId("nothing")) is None
    assert list(database.log.scan()) == []


def test_the_second_of_two_equal_ids_is_known(database: Database) -> None:
    first = database.log.append([event("a"), event("a", time_s=11.0), event("b")])
    assert (first.ids, first.new, first.undone) == (["a", "a", "b"], [1, 0, 1], [0, 0, 0])
    again = database.log.append([event("b"), event("c")])
    assert (again.new, again.cursor) == ([False, True], 3)
    assert [each.id for each in history(database, ANN)] == ["a", "b", "c"]
    assert database.log.head(ANN) == Head(3, 0)


def test_nothing_appended_is_an_answer_too(database: Database) -> None:
    database.log.append([event("a")])
    nothing = database.log.append([])
    assert (nothing.ids, nothing.new, nothing.cursor) == ([], [], 1)


def test_an_event_older_than_the_users_newest_is_late_and_moves_the_revision(
    database: Database,
) -> None:
    done = database.log.append(
        [event("a", time_s=10), event("b", time_s=9), event("c", BOB, time_s=1)]
    )
    assert done.late == [False, True, False]
    assert database.log.append([event("d", time_s=10)]).late == [False]  # a tie is not late
    assert database.log.append([event("e", time_s=3)]).late == [True]
    assert database.log.append([event("e", time_s=3)]).late == [False]  # not stored again
    assert database.log.head(ANN) == Head(5, 2)
    assert database.log.head(BOB) == Head(3, 0)


def test_history_is_in_fold_order(database: Database) -> None:
    database.log.append(
        [event("a", time_s=2), event("b", time_s=1), event("c", time_s=2), event("d", BOB)]
    )
    assert [each.id for each in history(database, ANN)] == ["b", "a", "c"]


def test_a_scan_crosses_its_chunks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = log_module._CHUNK
    events = [event(f"e{n}", time_s=float(n // 4_000)) for n in range(2 * chunk + 5)]
    database.log.append(events)
    assert [each.id for _, each in database.log.scan()] == [each.id for each in events]
    assert [cursor for cursor, _ in database.log.scan(after=2 * chunk)] == [
        2 * chunk + n for n in range(1, 6)
    ]
    assert list(database.log.scan_since(1.0)) == [each for each in events if each.time_s >= 1.0]


def test_scan_since_is_in_fold_order(database: Database) -> None:
    database.log.append(
        [
            event("a", time_s=5),
            event("b", BOB, time_s=3),
            event("c", time_s=5),
            event("d", time_s=4),
        ]
    )
    assert [each.id for each in database.log.scan_since(4.0)] == ["d", "a", "c"]
    assert [each.id for each in database.log.scan_since(-1e9)] == ["b", "d", "a", "c"]
    assert list(database.log.scan_since(5.5)) == []


def test_a_scan_holds_no_connection_while_it_waits(database: Database) -> None:
    database.log.append([event("a"), event("b")])
    scan = database.log.scan()
    next(scan)
    assert database.erase(BOB).remains == []  # an open snapshot would keep the wal from emptying


def test_undo_takes_the_event_out_and_a_resend_is_refused(database: Database) -> None:
    database.log.append([event("a"), event("b", time_s=20)])
    assert database.log.remove(EventId("b")) == ANN
    assert database.log.head(ANN) == Head(2, 1)
    assert [each.id for each in history(database, ANN)] == ["a"]
    again = database.log.append([event("b", time_s=20), event("c", time_s=15)])
    assert (again.new, again.undone) == ([False, True], [True, False])
    assert again.late == [False, False]  # the newest left is of time 10
    assert database.log.remove(EventId("b")) is None


def test_a_cursor_is_never_used_twice(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with open_database(path) as database:
        database.log.append([event("a"), event("b")])
        database.log.remove(EventId("b"))
        assert database.log.cursor() == 2
    with open_database(path) as database:
        assert database.log.append([event("c")]).cursor == 3
        assert [cursor for cursor, _ in database.log.scan()] == [1, 3]


def test_users_are_listed_with_their_counts(database: Database) -> None:
    database.log.append(
        [event("a"), event("b", BOB, 5), event("c", BOB, 7), event("d", UserId("x"))]
    )
    database.log.remove(EventId("d"))
    assert database.log.users() == [(BOB, 2, 7.0), (ANN, 1, 10.0)]
    assert database.log.users(limit=1, offset=1) == [(ANN, 1, 10.0)]


def test_totals_count_events_users_items_flags_and_types(database: Database) -> None:
    empty = database.log.totals()
    assert empty == (0, 0, 0, None, None, {}, {})
    database.log.append(
        [
            event("a", time_s=3, flags=("bot", "flood")),
            event("b", BOB, 8, flags=("bot",)),
            replace(event("c", item=None), type="search"),
        ]
    )
    totals = database.log.totals()
    assert totals == (3, 2, 1, 3.0, 10.0, {"bot": 2, "flood": 1}, {"view": 2, "search": 1})


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Event(user=ANN, type="view", time_s=1.0), InvalidEventError),
        (event("x", time_s=float("nan")), EventTimeError),
        (event("x", value=float("inf")), InvalidEventError),
        (event("x", context={"share": float("nan")}), InvalidEventError),
        (event("x", context={"coupon": None}), InvalidEventError),
        (event("x", words="\ud800"), InvalidEventError),
        (event("\ud800"), InvalidEventError),
    ],
)
def test_what_could_not_be_read_back_is_refused_with_its_whole_batch(
    database: Database, bad: Event, error: type[Exception]
) -> None:
    with pytest.raises(error):
        database.log.append([event("good"), bad])
    assert list(database.log.scan()) == []
    assert database.log.append([event("good")]).new == [True]


EVENTS = st.lists(
    st.builds(
        Event,
        user=st.sampled_from([ANN, BOB, UserId("")]),
        type=st.sampled_from(["view", "like"]),
        time_s=st.integers(0, 9).map(float),
        item=st.none() | st.sampled_from([ItemId("tea"), ItemId("cup")]),
        value=st.none() | st.floats(-5, 5),
        id=st.integers(0, 12).map(lambda n: EventId(f"id{n}")),
        words=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        context=st.dictionaries(st.text("abc"), st.integers(-9, 9) | st.booleans() | st.just("x")),
        flags=st.sampled_from([(), ("bot",), ("bot", "future")]),
    ),
    max_size=20,
)


@settings(max_examples=15, deadline=None)
@given(events=EVENTS, cuts=st.lists(st.integers(0, 20), max_size=3))
def test_however_often_and_in_whatever_pieces_events_arrive_each_is_stored_once(
    events: Sequence[Event], cuts: Sequence[int]
) -> None:
    expected: dict[str, Event] = {}
    for each in events:
        expected.setdefault(str(each.id), each)
    with TemporaryDirectory() as folder, open_database(Path(folder) / "log.db") as database:
        for cut in cuts:
            database.log.append(events[:cut])
        done = database.log.append(events)
        assert done.cursor == len(expected)
        assert not any(database.log.append(events).new)
        stored = [each for _, each in database.log.scan()]
        assert stored == list(expected.values())
        for user in (ANN, BOB):
            own = sorted((e for e in stored if e.user == user), key=lambda e: e.time_s)
            assert history(database, user) == own


@settings(max_examples=15, deadline=None)
@given(events=EVENTS, undone=st.sets(st.integers(0, 12)))
def test_after_undo_the_log_is_as_if_it_had_never_seen_the_event(
    events: Sequence[Event], undone: set[int]
) -> None:
    gone = {f"id{n}" for n in undone}
    with (
        TemporaryDirectory() as folder,
        open_database(Path(folder) / "a.db") as a,
        open_database(Path(folder) / "b.db") as b,
    ):
        a.log.append(events)
        for each in gone:
            a.log.remove(EventId(each))
        b.log.append([each for each in events if each.id not in gone])
        assert [each for _, each in a.log.scan()] == [each for _, each in b.log.scan()]
        assert sorted(a.log.users()) == sorted(b.log.users())
        assert a.log.totals()._replace(items=0) == b.log.totals()._replace(items=0)
        assert a.log.append(events).undone == [each.id in gone for each in events]
        late = event("late", time_s=4.0)  # what counts as late is the same, too
        assert a.log.append([late]).late == b.log.append([late]).late


def test_a_check_reads_one_row_and_sorts_none(database: Database) -> None:
    database.log.append([event(str(n), UserId(f"user-{n}")) for n in range(9)])
    engine = database.log._readers._engine
    asked: list[tuple[str, Sequence[object]]] = []
    listen(
        engine, "before_cursor_execute", lambda _c, _u, text, given, *_: asked.append((text, given))
    )
    database.log.check()
    ((text, given),) = [one for one in asked if one[0] != "BEGIN"]
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(text, given).all()
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).all()
    assert len(rows) == 1
    assert not any("TEMP B-TREE" in row[-1] for row in plan)
