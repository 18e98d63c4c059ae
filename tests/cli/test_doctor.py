"""`penchant doctor` finds what is wrong and says what to do."""

import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.cli.doctor import ROOM
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def wrong(told: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["says"] for check in told["checks"] if not check["fine"]}


def test_a_sound_database_passes_every_check(run: Run, ask: Ask, small: Path) -> None:
    run("ingest", small)
    told = ask("doctor")
    assert told["fine"] is True
    names = [check["name"] for check in told["checks"]]
    assert names == ["settings", "disk", "database", "log", "catalogue", "artifact", "states"]
    assert "WRONG" not in run("doctor").stdout


def test_a_missing_database_and_a_wrong_setting_are_found(
    run: Run, ask: Ask, tmp_path: Path
) -> None:
    assert "does not exist" in wrong(ask("doctor", code=1))["database"]
    (tmp_path / "penchant.toml").write_text('clock = "sundial"\n')
    assert "'sundial' is not allowed" in wrong(ask("doctor", code=1))["settings"]
    assert "WRONG" in run("doctor", code=1).stdout


def test_a_type_without_signal_is_found(run: Run, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "penchant.toml").write_text("[signals.tap]\nweight = 1.0\n")
    (tmp_path / "e.csv").write_text("user,item,type,time\n1,a,tap,5\n")
    run("ingest", "e.csv")
    (tmp_path / "penchant.toml").unlink()
    says = wrong(ask("doctor", code=1))["database"]
    assert "events of type tap, which no Signal describes; add [signals.tap]" in says


def test_a_locked_database_is_found_with_the_pid(ask: Ask, tmp_path: Path) -> None:
    with Engine.open(tmp_path / "penchant.db"):
        assert "is in use by process" in wrong(ask("doctor", code=1))["database"]


def test_counts_that_do_not_agree_are_found(run: Run, ask: Ask, small: Path) -> None:
    run("ingest", small)
    with sqlite3.connect("penchant.db") as connection:
        connection.execute("UPDATE users SET events = 7 WHERE user_id = 'ann'")
    connection.close()
    says = wrong(ask("doctor", code=1))["log"]
    assert "6 events" in says
    assert "10 by user" in says


def test_a_file_from_the_future_is_found(run: Run, ask: Ask, small: Path) -> None:
    run("ingest", small)
    with sqlite3.connect("penchant.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "has schema 9999" in wrong(ask("doctor", code=1))["database"]


def test_a_disk_that_is_nearly_full_is_found(
    run: Run, ask: Ask, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("ingest", small)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(ROOM, 1, ROOM - 1))
    assert "keep at least 100 MiB free" in wrong(ask("doctor", code=1))["disk"]


@pytest.mark.slow
def test_a_damaged_artifact_is_found_by_name_and_the_log_is_untouched(
    run: Run, ask: Ask, trained: Callable[[], Path]
) -> None:
    db = trained()
    assert ask("doctor", "--db", db)["fine"] is True
    (weights,) = db.parent.glob("*.artifacts/*/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-9] + b"\0" * 9)
    says = wrong(ask("doctor", "--db", db, code=1))["database"]
    assert "weights.safetensors is damaged" in says
    assert "train again" in says
    told = ask("recommend", "1", "--db", db, code=1)["error"]
    assert told == says
    weights.unlink()
    assert "it is missing" in ask("recommend", "1", "--db", db, code=1)["error"]
    (db.parent / "films.db.artifacts" / "current").unlink()
    assert ask("recommend", "1", "--db", db)["artifact"] is None


@pytest.mark.slow
def test_a_state_that_is_not_what_the_log_gives_is_found(
    run: Run, ask: Ask, trained: Callable[[], Path]
) -> None:
    db, config = trained(), EngineConfig(clock="log")
    with Engine.open(db, config) as engine:
        one, other = (user for user, _, _ in engine.users(limit=2))
        for user in (one, other):
            engine.observe(user, "0133093", "rating", time=engine.now_s())
    with sqlite3.connect(db) as connection:
        uids = [
            connection.execute("SELECT uid FROM users WHERE user_id = ?", (user,)).fetchone()[0]
            for user in (one, other)
        ]
        (payload,) = connection.execute(
            "SELECT payload FROM states WHERE uid = ?", (uids[0],)
        ).fetchone()
        connection.execute("UPDATE states SET payload = ? WHERE uid = ?", (payload, uids[1]))
    connection.close()
    says = wrong(ask("doctor", "--db", db, code=1))["states"]
    assert says.startswith("1 of 20 differ from a fresh fold of the log")
