"""`penchant serve` as a process: one line, a note of where it is, and an end on a signal."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.slow


@contextmanager
def started(db: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    clean = {name: value for name, value in os.environ.items() if "PENCHANT_" not in name}
    with subprocess.Popen(
        [sys.executable, "-m", "penchant", "serve", "--db", str(db), "--port", "0", *options],
        cwd=db.parent,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.fixture
def db(run: Run, small: Path) -> Path:
    run("ingest", small)
    return small.parent / "penchant.db"


@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_leaves_a_note_and_ends_with_0(
    db: Path, signalled: signal.Signals
) -> None:
    note = Path(f"{db}.server")
    with started(db, "--json") as process:
        told = json.loads(first_line(process))
        assert told["pid"] == process.pid
        assert json.loads(note.read_text()) == {"url": told["url"], "pid": process.pid}
        row = {"user": "zoe", "item": "m1", "type": "view", "id": "z-1"}
        assert httpx.post(f"{told['url']}/events", json=row).status_code == 200
        began = time.monotonic()
        process.send_signal(signalled)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert time.monotonic() - began < 10
        assert out == ""
        assert "Traceback" not in err
        assert "zoe" not in err
    assert not note.exists()
    with started(db, "--json") as process:
        url = json.loads(first_line(process))["url"]
        assert httpx.get(f"{url}/users/zoe/history").json()["events"][0]["id"] == "z-1"
        process.terminate()
        process.wait(20)


def test_for_people_it_prints_its_address_and_warns_of_old_data(db: Path) -> None:
    with started(db) as process:
        assert first_line(process).startswith("http://127.0.0.1:")
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert "days ago" in err
    assert "--clock log" in err


def test_a_key_that_is_made_while_it_runs_closes_it_within_a_second(db: Path, run: Run) -> None:
    with started(db, "--json", "--clock", "log") as process:
        url = json.loads(first_line(process))["url"]
        assert httpx.get(f"{url}/about").status_code == 200
        key = run("keys", "add", "shop", "--db", db).stdout.strip()
        time.sleep(1.2)
        assert httpx.get(f"{url}/about").status_code == 401
        assert httpx.get(f"{url}/about", headers={"X-API-Key": key}).status_code == 200
        process.terminate()
        process.wait(20)


def test_the_doctor_looks_at_a_running_server(db: Path, ask: Ask) -> None:
    with started(db, "--json") as process:
        url = json.loads(first_line(process))["url"]
        httpx.post(f"{url}/events", json={"user": "zoe", "item": "m1", "type": "view"})
        told = ask("doctor", "--url", url)
        assert told["fine"] is True
        names = [check["name"] for check in told["checks"]]
        assert names == [
            "server", "freshness", "rejects", "failures", "queues", "artifact", "memory",
        ]  # fmt: skip
        process.terminate()
        process.wait(20)
    told = ask("doctor", "--url", url, code=1)
    assert "nothing answers at" in told["checks"][0]["says"]
