import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from penchant.core.ids import EventId
from penchant.storage import open_database

APPEND = """
import sys, threading
from pathlib import Path
from penchant.core.events import Event
from penchant.storage import open_database

path, round_number = Path(sys.argv[1]), sys.argv[2]
database = open_database(path, flush_every_s=0.01)
say = threading.Lock()

def live(thread):
    for n in range(100_000):
        name = f"{round_number}-{thread}-{n}"
        event = Event(f"user{thread}", "view", float(n), f"item{n % 50}", id=name)
        redelivered = Event(f"user{thread}", "view", 0.0, id=f"{round_number}-0-{n // 2}")
        database.log.append([event, redelivered] if thread else [event])
        if n % 10 == 9:
            database.log.remove(name)
        with say:
            print(("-" if n % 10 == 9 else "+") + name, flush=True)

for thread in range(3):
    threading.Thread(target=live, args=(thread,)).start()
"""


@pytest.mark.slow
def test_after_kill_minus_nine_what_was_acknowledged_is_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    rng = random.Random(11)
    told: list[str] = []
    for round_number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), str(round_number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()
        time.sleep(rng.uniform(0.05, 0.6))
        process.kill()
        rest = (first + process.stdout.read()).splitlines(keepends=True)
        process.wait()
        process.stdout.close()
        told += [line.strip() for line in rest if line.endswith("\n")]
        with open_database(path) as database:
            rows = [event.id for _, event in database.log.scan()]
            check = database.log._writer.run_alone(
                lambda c: c.execute("PRAGMA integrity_check").fetchall()
            )
            counted = sum(count.events for count in database.log.users())
            assert check == [("ok",)]
            assert len(rows) == len(set(rows)) == counted
            assert {line[1:] for line in told if line[0] == "+"} <= set(rows)
            for line in told:
                if line[0] == "-":
                    assert database.log.get(EventId(line[1:])) is None
    assert len(told) > 40
