"""kill -9 in the middle of a stream of 10,000 real events, twenty times."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.ids import UserId
from penchant.engine.engine import Engine
from penchant.ingest.datasets import open_dataset

KILLS = 20
EVENTS = 10_000
NOW_S = 1_500_000_000.0

STREAM = """
import json, sys
from penchant.engine.engine import Engine

path, events, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
lines = open(events).read().splitlines()
with Engine.open(path) as engine:
    print("open", flush=True)
    at, turn = max(0, first - 30), first  # what was under way is sent again
    while at < len(lines):
        size = (1, 3, 1, 40, 8)[turn % 5]
        batch = [json.loads(line) for line in lines[at : at + size]]
        seen = engine.observe_many(batch)
        engine.recommend(batch[0]["user"], after=seen[-1].cursor)
        at, turn = at + size, turn + 1
        print(" ".join([str(at), *(one.event for one in seen)]), flush=True)
"""


def write_stream(path: Path) -> list[str]:
    """The events after those of the trained database, as JSON lines with ids of their own."""
    batches = open_dataset("movietweetings").events(5_000)
    next(batches)
    events = [event for _ in range(2) for event in next(batches)]
    lines = [
        {
            "id": event.id,
            "user": event.user,
            "item": event.item,
            "type": event.type,
            "value": event.value,
            "time": event.time_s,
        }
        for event in events[:EVENTS]
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return [str(event.id) for event in events[:EVENTS]]


@pytest.mark.slow
@pytest.mark.timeout(900)  # 21 processes one after another: minutes where others work beside them
def test_every_acknowledged_event_is_there_once_and_every_state_is_a_fresh_fold(
    trained: Callable[[], Path], tmp_path: Path
) -> None:
    path, stream = trained(), tmp_path / "stream.jsonl"
    sent, rng = write_stream(stream), random.Random(20)
    kills = sorted(rng.randrange(EVENTS // 50, EVENTS * 19 // 20) for _ in range(KILLS))
    told: set[str] = set()
    at = killed = 0
    for kill_at in [*kills, None]:
        process = subprocess.Popen(
            [sys.executable, "-c", STREAM, str(path), str(stream), str(at)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        for line in process.stdout:
            if line.endswith("\n"):
                reached, *ids = line.split()
                at = int(reached)
                told.update(ids)
            if kill_at is not None and at >= kill_at and process.poll() is None:
                time.sleep(rng.uniform(0.0, 0.02))  # anywhere in the work on the next batch
                process.kill()
        code = process.wait()
        process.stdout.close()
        killed += code == -9
        assert code == (0 if kill_at is None else -9)
    assert killed == KILLS
    assert told == set(sent)
    with Engine.open(path, clock=ManualClock(NOW_S)) as engine:
        stored = Counter(str(event.id) for event in engine.events())
        assert set(stored.values()) == {1}
        assert len(stored) == 5_000 + EVENTS
        assert told <= stored.keys()
        users = [user for user, _, _ in engine.users(100_000)]
        memory = engine._memory
        for user in users:
            _, events = memory.histories.events(UserId(user))
            features = memory.histories.features(memory.stages, events)
            for name, model in memory.stages.models.items():
                fresh = model.read(model.fold(model.start(), features), NOW_S)
                served = model.read(memory.user(UserId(user)).states[name], NOW_S)
                np.testing.assert_allclose(served.directions, fresh.directions, atol=1e-5)
