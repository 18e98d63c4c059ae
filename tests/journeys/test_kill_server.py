"""kill -9 of the server under load: what it acknowledged is there once, whoever sent it again.

`PENCHANT_KILLS` says how often; five times unless told otherwise. `pytest -s` shows the figures.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from penchant.client import Client, Retries, UnreachableError
from penchant.client.answers import EventOutcomes
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.ingest.datasets import open_dataset

KILLS = int(os.environ.get("PENCHANT_KILLS", "5"))
BEFORE = 5_000
BETWEEN = 150
CLIENTS = 4
PATIENCE_S = 120.0
"""A busy machine starts a server slowly."""
TWICE = Retries(tries=2, first_wait_s=0.05)
Row = dict[str, Any]


@dataclass
class Told:
    """What the server has acknowledged, and what it took to hear of it."""

    statuses: dict[str, str] = field(default_factory=dict)
    unanswered: int = 0
    slates: int = 0


class Servers:
    """One server after another on one database and one port."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._port = "0"
        self.url = ""
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if "PENCHANT_" not in name}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "penchant", "serve", "--json", "--clock", "log"),
                *("--db", str(self._path), "--port", self._port),
            ],
            cwd=self._path.parent,
            env=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        assert said["pid"] == self.process.pid
        self.url = said["url"]
        self._port = self.url.rpartition(":")[2]
        return self.process

    def end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def stream(size: int) -> list[Row]:
    """The events after those of the trained database, with ids that the client made."""
    batches = open_dataset("movietweetings").events(5_000)
    next(batches)
    events = next(batches)
    while len(events) < size:
        events = [*events, *next(batches)]
    return [
        {
            "id": str(event.id),
            "user": event.user,
            "item": event.item,
            "type": event.type,
            "value": event.value,
            "time": event.time_s,
        }
        for event in events[:size]
    ]


def send(url: str, rows: list[Row], told: Told, ended: threading.Event) -> None:
    """Send all rows, again and again where no answer comes, and ask for slates that know them."""

    def until_answered(ask: Callable[[], EventOutcomes | None]) -> EventOutcomes | None:
        while not ended.is_set():
            try:
                return ask()
            except UnreachableError:
                told.unanswered += 1
                time.sleep(0.05)
        raise InterruptedError

    at = turn = 0
    with Client(url, retries=TWICE, timeout_s=PATIENCE_S) as penchant:
        while at < len(rows):
            batch = rows[at : at + (1, 3, 1, 8)[turn % 4]]
            answer = until_answered(lambda batch=batch: penchant.observe_many(batch))  # type: ignore[misc]
            assert answer is not None
            for row, outcome in zip(batch, answer.results, strict=True):
                assert outcome.event_id == row["id"], outcome
                told.statuses[row["id"]] = outcome.status
            if turn % 8 == 0:  # of the server that took them, or of the one after it
                user, after = batch[0]["user"], answer.cursor
                until_answered(lambda: penchant.recommend(user, 3, after=after) and None)  # noqa: B023
                told.slates += 1
            at, turn = at + len(batch), turn + 1


@contextmanager
def load(url: str, rows: list[Row]) -> Iterator[tuple[list[Told], list[Future[None]]]]:
    """Clients that send while a block runs; each has every fourth row."""
    ended = threading.Event()
    tolds = [Told() for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        try:
            yield (
                tolds,
                [
                    pool.submit(send, url, rows[first::CLIENTS], told, ended)
                    for first, told in enumerate(tolds)
                ],
            )
        finally:
            ended.set()


@pytest.mark.slow
def test_what_a_killed_server_acknowledged_is_there_once_however_often_it_is_sent(
    trained: Callable[[], Path],
) -> None:
    path, rng = trained(), random.Random(20)
    rows = stream(BETWEEN * (KILLS + 1))
    kills = sorted(rng.randrange(BETWEEN // 4, len(rows) - BETWEEN // 2) for _ in range(KILLS))
    servers = Servers(path)
    began = time.monotonic()
    try:
        with load(servers.url, rows) as (tolds, sending):
            for kill_at in kills:
                reached = sum(len(told.statuses) for told in tolds)
                kill_at = max(kill_at, reached + 1)  # each has taken something in
                deadline = time.monotonic() + PATIENCE_S
                while sum(len(told.statuses) for told in tolds) < kill_at:
                    for one in sending:
                        assert not one.done() or one.exception() is None, one.exception()
                    assert time.monotonic() < deadline
                    time.sleep(0.002)
                time.sleep(rng.uniform(0.0, 0.02))  # anywhere in the work on what comes next
                assert servers.end(signal.SIGKILL) == -signal.SIGKILL
                servers.start()
            for one in sending:
                one.result(PATIENCE_S)
    finally:
        code = servers.end(signal.SIGTERM)
    assert code == 0

    statuses = {event: status for told in tolds for event, status in told.statuses.items()}
    seconds, calls = time.monotonic() - began, sum(told.unanswered for told in tolds)
    sys.stdout.write(
        f"{KILLS} kills in {seconds:.0f} s, {len(rows):,} events acknowledged "
        f"{dict(Counter(statuses.values()))}, {calls:,} calls without an answer, "
        f"{sum(told.slates for told in tolds)} slates after a cursor\n"
    )
    assert statuses.keys() == {row["id"] for row in rows}
    assert set(statuses.values()) <= {"new", "duplicate"}
    with Engine.open(path, EngineConfig(clock="log")) as engine:
        stored = Counter(str(event.id) for event in engine.events())
        assert set(stored.values()) == {1}
        assert len(stored) == BEFORE + len(rows)
        assert statuses.keys() <= stored.keys()
        users = [user for user, _, _ in engine.users(100_000)]
        assert {row["user"] for row in rows} <= set(users)
        assert not engine.strays(users)
