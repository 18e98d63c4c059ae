"""While a server has the database open, commands ask the server: a real one, with real keys."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.cli.remote import server_of
from penchant.client import Client
from penchant.core.clock import ManualClock
from penchant.engine.engine import Engine
from penchant.ingest.datasets import open_dataset
from penchant.serving.keys import keys_path

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def db(trained: Callable[[], Path]) -> Path:
    return trained()


@pytest.fixture
def served(db: Path, serve: Callable[..., AbstractContextManager[str]], run: Run) -> Iterator[str]:
    """The address of the server that has `db` open."""
    with serve(db) as url:
        yield url


def write(db: Path, url: str, pid: int, holder: int) -> None:
    Path(f"{db}.server").write_text(json.dumps({"url": url, "pid": pid}))
    Path(f"{db}.lock").write_text(f"{holder}\n")


def test_a_server_counts_only_if_it_holds_the_lock(tmp_path: Path) -> None:
    db = tmp_path / "films.db"
    assert server_of(db) is None
    write(db, "http://here:1", 7, holder=7)
    assert server_of(db) == "http://here:1"
    write(db, "http://here:1", 7, holder=8)
    assert server_of(db) is None
    Path(f"{db}.server").write_text('{"url"')
    assert server_of(db) is None


def test_a_server_is_found_through_a_link_to_its_database(tmp_path: Path) -> None:
    db, link = tmp_path / "films.db", tmp_path / "link.db"
    link.symlink_to(db)
    write(db, "http://here:1", 7, holder=7)
    assert server_of(link) == "http://here:1"
    assert keys_path(link) == Path(f"{db.resolve()}.keys.json")


def test_where_no_server_is_named_the_lock_is_the_error(run: Run, db: Path) -> None:
    with Engine.open(db, clock=ManualClock(0.0)):
        told = run("undo", "any", "--db", db, code=1).stderr
    assert f"is in use by process {os.getpid()}" in told


@pytest.mark.slow
def test_what_is_read_from_the_server_is_what_the_file_says(
    ask: Ask, db: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = busiest(db)
    film = ask("recommend", user, "--db", db, "--clock", "log", "-n", 3)["items"][2]["item"]

    def read() -> list[Any]:
        slate = ask("recommend", user, "--db", db, "--reasons", "-n", 3, "--no-repeats")
        page = ask("recommend", user, "--db", db, "-n", 2, "--next", slate["next"])
        wants = ask("interests", user, "--db", db)
        why = ask("explain", user, film, "--db", db, "-n", 3)
        return [
            [(place["item"], place["title"], place["source"]) for place in slate["items"]],
            [[why["sentence"] for why in place["reasons"]] for place in slate["items"]],
            [place["item"] for place in page["items"]],
            (slate["user"], slate["artifact"], slate["state_cursor"]),
            (wants["events"], wants["artifact"]),
            [(one["label"], one["topic"], one["evidence"]) for one in wants["interests"]],
            (why["title"], [one["sentence"] for one in why["reasons"]]),
        ]

    monkeypatch.setenv("PENCHANT_CLOCK", "log")
    alone = read()
    with serve(db):
        assert read() == alone
        deep = ask("recommend", user, "--db", db, "-n", 40, "--reasons")["items"]
        (far, told) = [(one["item"], one["reasons"]) for one in deep[10:] if one["reasons"]][-1]
        why = ask("explain", user, far, "--db", db)["reasons"]
        assert why[0]["rank"] == told[0]["rank"] > 10


@pytest.mark.slow
def test_what_is_written_goes_through_the_server(run: Run, ask: Ask, db: Path, served: str) -> None:
    with Client(served) as server:
        seen = server.observe("eve", "0113277", "rating", value=9)
        assert ask("undo", seen.event, "--db", db) == {"event": seen.event, "undone": True}
        assert server.history("eve").total == 0
        assert "no event has the id 'never'" in run("undo", "never", "--db", db, code=1).stderr
        server.observe("eve", "0113277", "view")
        asked = run("forget", "eve", "--db", db, typed="y\n")
        assert "Erase eve and 1 events for good?" in asked.stderr
        assert "eve: 1 events" in asked.stdout
        assert server.history("eve").total == 0
    assert "no user has the id 'eve'" in run("forget", "eve", "--db", db, "--yes", code=1).stderr


@pytest.mark.slow
def test_everything_is_exported_through_the_server(ask: Ask, db: Path, served: str) -> None:
    told = ask("export", "--db", db, "--to", "events.jsonl", "--items", "items.jsonl")
    assert told["events"] == 5_000
    lines = Path("events.jsonl").read_text(encoding="utf-8").splitlines()
    events = {event["event_id"]: event for event in map(json.loads, lines)}
    first = next(open_dataset("movietweetings").events(5_000))
    assert events.keys() == {event.id for event in first}
    assert all(
        (found["user_id"], found["item_id"], found["value"], found["timestamp"])
        == (event.user, event.item, event.value, event.time_s)
        for event in first
        if (found := events[event.id])
    )
    with Client(served) as server:
        assert told["items"] == server.search("").total


@pytest.mark.slow
def test_doctor_asks_the_server_that_has_the_file_open(ask: Ask, db: Path, served: str) -> None:
    told = ask("doctor", "--db", db)
    says = {check["name"]: check["says"] for check in told["checks"]}
    assert told["fine"] is True
    assert says["database"] == f"{served} has it open"
    assert says["server"] == f"{served} is ready"


@pytest.mark.slow
def test_what_makes_no_sense_is_the_same_error(run: Run, db: Path, served: str) -> None:
    told = run("recommend", "ann", "--db", db, "--diversity", 3, "--clock", "log", code=1).stderr
    assert f"note: {served} has" in told
    assert "error: diversity" in told
    assert "no item has the id 'none'" in run("explain", "ann", "none", "--db", db, code=1).stderr


@pytest.mark.slow
def test_a_key_comes_from_the_environment(
    run: Run, ask: Ask, db: Path, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ask("keys", "add", "shop", "--role", "write", "--db", db)["key"]
    with serve(db):
        assert "PENCHANT_KEY has to be" in run("recommend", "ann", "--db", db, code=1).stderr
        monkeypatch.setenv("PENCHANT_KEY", key)
        assert ask("recommend", "ann", "--db", db)["user"] == "ann"
        told = run("forget", "ann", "--db", db, "--yes", code=1).stderr
        assert "PENCHANT_KEY has to be" in told


@pytest.mark.slow
def test_after_the_server_was_killed_the_file_is_opened_again(
    ask: Ask, db: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "penchant", "serve", "--db", str(db), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert Path(f"{db}.server").exists()
    assert ask("recommend", "ann", "--db", db)["user"] == "ann"


def busiest(db: Path) -> str:
    with Engine.open(db, clock=ManualClock(0.0)) as engine:
        return str(engine.users(1)[0][0])
