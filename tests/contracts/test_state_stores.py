"""Every StateStore keeps the same promises."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penchant.core.contracts import Head, StateStore, Stored
from penchant.core.events import Event
from penchant.core.ids import ArtifactId, Cursor, EventId, UserId
from penchant.storage import Database, MemoryStates, SqlStates, open_database

ANN = UserId("ann")
BOB = UserId("bob")


def stored(cursor: int, payload: bytes = b"\x00state", artifact: str | None = "a1") -> Stored:
    name = None if artifact is None else ArtifactId(artifact)
    return Stored(name, Head(Cursor(cursor), 0), payload)


@contextmanager
def database_where_both_are_known(folder: Path) -> Iterator[Database]:
    with open_database(folder / "log.db", flush_every_s=0.01) as database:
        database.log.append([Event(user, "view", 1.0, id=EventId(user)) for user in (ANN, BOB)])
        yield database


@contextmanager
def memory(_: Path) -> Iterator[StateStore]:
    yield MemoryStates()


@contextmanager
def sql(folder: Path) -> Iterator[StateStore]:
    with database_where_both_are_known(folder) as database:
        yield SqlStates(database.log._readers, database.log._writer)


@contextmanager
def write_behind(folder: Path) -> Iterator[StateStore]:
    with database_where_both_are_known(folder) as database:
        yield database.states


STORES: dict[str, Callable] = {"memory": memory, "sql": sql, "write_behind": write_behind}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path):
    with STORES[request.param](tmp_path) as opened:
        yield opened


def test_a_stranger_has_no_state(store: StateStore) -> None:
    assert store.read(ANN) is None
    store.forget(ANN)
    assert store.read(UserId("nobody")) is None


def test_a_state_comes_back_as_it_was_written(store: StateStore) -> None:
    assert store.write(ANN, stored(1), None)
    assert store.read(ANN) == stored(1)
    assert store.write(ANN, stored(2, b"", artifact=None), Head(Cursor(1), 0))
    assert store.read(ANN) == stored(2, b"", artifact=None)
    assert store.read(BOB) is None


def test_whoever_expects_another_head_is_told_and_changes_nothing(store: StateStore) -> None:
    assert not store.write(ANN, stored(1), Head(Cursor(1), 0))
    assert store.read(ANN) is None
    assert store.write(ANN, stored(1), None)
    assert not store.write(ANN, stored(2), None)
    assert not store.write(ANN, stored(2), Head(Cursor(1), 1))
    assert store.read(ANN) == stored(1)


def test_forgetting_leaves_the_others(store: StateStore) -> None:
    store.write(ANN, stored(1), None)
    store.write(BOB, stored(2), None)
    store.forget(ANN)
    assert store.read(ANN) is None
    assert store.read(BOB) == stored(2)
    assert store.write(ANN, stored(3), None)


def test_of_many_writers_with_one_expectation_one_wins(store: StateStore) -> None:
    won: list[int] = []

    def compete(number: int) -> None:
        if store.write(ANN, stored(number), None):
            won.append(number)

    threads = [threading.Thread(target=compete, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read(ANN) == stored(won[0])
