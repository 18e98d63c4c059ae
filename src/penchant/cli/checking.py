"""What `penchant demo --check` measures: slates that follow events, and how good they are."""

import json
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.cli.films import Films, with_others
from penchant.client import Client
from penchant.core.clock import ManualClock
from penchant.core.ids import UserId
from penchant.engine.engine import Engine
from penchant.engine.learned import load_learned
from penchant.evaluation.speed import spread_ms
from penchant.evaluation.successive import evaluate_learned


def feed(
    engine: Engine, clock: ManualClock, films: Films, followed: Collection[UserId], places: int
) -> dict[str, Any]:
    """The later events of the users followed, in time order, a slate read after each.

    Everybody else's events go in between, so that trends are those of the moment. A slate has
    changed when it differs from the one read just before the event, at the same moment.
    """
    times, changed = [], 0
    for others, event in with_others(films.later, set(followed)):
        clock.set(event.time_s)
        engine.observe_many(others)
        before = engine.recommend(event.user, places)
        began = time.perf_counter()
        seen = engine.observe(
            event.user, event.item, event.type, value=event.value, time=event.time_s, id=event.id
        )
        after = engine.recommend(event.user, places, after=seen.cursor)
        times.append(time.perf_counter() - began)
        changed += [place.item for place in before.items] != [place.item for place in after.items]
    return {
        "events": len(times),
        "event_to_slate_ms": spread_ms(times),
        "slates_changed": changed,
    }


def over_http(db: Path, films: Films, followed: Collection[UserId], places: int) -> dict[str, Any]:
    """The same events of as many strangers, over HTTP: milliseconds from event to slate.

    A server of its own has the database, which nobody may have open; it is ended at the end.
    """
    times = []
    with _served(db) as url, Client(url) as client:
        for event in (event for event in films.later if event.user in followed):
            guest = f"guest-{event.user}"
            began = time.perf_counter()
            seen = client.observe(
                guest, event.item, event.type, value=event.value, time=event.time_s
            )
            client.recommend(guest, places, after=seen.cursor)
            times.append(time.perf_counter() - began)
    return {"http_event_to_slate_ms": spread_ms(times)}


@contextmanager
def _served(db: Path) -> Iterator[str]:
    """The address of a server over `db` that lives as long as the context."""
    command = [sys.executable, "-m", "penchant", "serve", "--db", str(db)]
    options = ["--port", "0", "--clock", "log", "--json"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


def judge(engine: Engine, films: Films) -> dict[str, float]:
    """NDCG@10 of every row over all later events, by the artifact in use as it was published."""
    learned = load_learned(
        engine.path.with_name(f"{engine.path.name}.artifacts") / str(engine.artifact)
    )
    return evaluate_learned(learned, films.data.columns, films.cut_s, engine.config.signals)
