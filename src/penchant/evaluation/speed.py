"""How fast it is: event to slate, one step, slates per second, bytes and memory, in one process."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from penchant.core.clock import ManualClock
from penchant.core.contracts import EventFeatures
from penchant.engine.engine import Engine
from penchant.engine.learned import load_learned
from penchant.engine.stages import topic_model
from penchant.interests.models import serve

NOW_S: Final = 1_750_000_000.0
"""When the measured events begin; what is generated lies in the 60 days before."""
USERS: Final = 400
TYPES: Final = ("view", "click", "cart", "purchase", "rating")
PLACES: Final = 10
STEPS: Final = 5_000
SYNCS: Final = 200
PAGE: Final = bytes(4096)

ONE_CORE: Final = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Vectors are short: with a second thread on two busy cores, a slate of 100,000 items took 17 ms
instead of 6, because BLAS threads wait for each other (2026)."""

Measured = dict[str, Any]


def measure(path: Path, n_items: int, n_events: int, seed: int = 0) -> Measured:
    """The figures of a database that `generated.build` made with `n_items` items.

    A process of its own serves it, so that memory is that of serving: neither training libraries
    nor the making of the database count. It computes on one core, as the budgets are meant, unless
    the environment says otherwise.
    """
    command = [sys.executable, "-m", "penchant.evaluation.speed"]
    arguments = [str(path), str(n_items), str(n_events), str(seed)]
    environ = {**ONE_CORE, **os.environ}
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True, env=environ)
    return msgspec.json.decode(done.stdout, type=Measured)


def served(path: Path, n_items: int, n_events: int, seed: int) -> Measured:
    """Open the database and measure; every event is durable before its slate is asked for."""
    clock = ManualClock(NOW_S)
    rng = np.random.default_rng(seed)
    began = time.perf_counter()
    with Engine.open(path, clock=clock) as engine:
        open_s = time.perf_counter() - began
        figures: Measured = {"items": n_items, "users": USERS, "open_s": round(open_s, 2)}
        figures |= _event_to_slate(engine, clock, n_items, n_events, rng)
        figures |= _slates(engine, n_events, rng)
        figures["peak_mib"] = round(peak_mib())
        artifact = engine.artifact
    folder = Path(f"{path}.artifacts") / str(artifact)
    return figures | _models(folder, rng) | {"fsync_ms": spread_ms(_syncs(path.parent))}


def _event_to_slate(
    engine: Engine, clock: ManualClock, n_items: int, n_events: int, rng: np.random.Generator
) -> Measured:
    """One event, then the slate that knows it, for users drawn at random.

    A user's first event finds nothing of them in memory, only their state and their history on
    disk, as after a restart: it is among all, and apart.
    """
    users = rng.integers(0, USERS, n_events).tolist()
    rows = drawn_items(n_items, n_events, rng).tolist()
    met: set[int] = set()
    observed, shown, first = [], [], []
    for number, (user, row) in enumerate(zip(users, rows, strict=True)):
        clock.set(NOW_S + 5.0 * number)
        began = time.perf_counter()
        seen = engine.observe(f"u{user}", f"i{row}", TYPES[number % len(TYPES)])
        durable = time.perf_counter()
        engine.recommend(f"u{user}", PLACES, after=seen.cursor)
        observed.append(durable - began)
        shown.append(time.perf_counter() - durable)
        first.append(user not in met)
        met.add(user)
    whole, fresh = np.add(observed, shown), np.array(first)
    return {
        "events": n_events,
        "event_to_slate_ms": spread_ms(whole),
        "observe_ms": spread_ms(observed),
        "recommend_ms": spread_ms(shown),
        "first_of_user_ms": spread_ms(whole[fresh]),
        "later_of_user_ms": spread_ms(whole[~fresh]),
    }


def _slates(engine: Engine, count: int, rng: np.random.Generator) -> Measured:
    """Reads alone, one after another."""
    users = rng.integers(0, USERS, count).tolist()
    times = [timed(partial(engine.recommend, f"u{user}", PLACES)) for user in users]
    return {"slates_per_s": round(len(times) / sum(times)), "slate_ms": spread_ms(times)}


def _models(folder: Path, rng: np.random.Generator) -> Measured:
    """The models alone: one step of the default, and what a user's states weigh."""
    learned = load_learned(folder)
    recurrent, topics = serve(learned.model, learned.sizes, learned.weights), topic_model(learned)
    rows = rng.integers(0, len(learned.vectors), STEPS)
    events = [
        EventFeatures(int(row), learned.vectors[row], 1, 1.0, 0.0, NOW_S + 60.0 * n)
        for n, row in enumerate(rows)
    ]
    state, times = recurrent.start(), []
    for event in events:
        began = time.perf_counter()
        state = recurrent.step(state, event)
        times.append(time.perf_counter() - began)
    each = {
        "recurrent": recurrent.dump(state),
        "topic_average": topics.dump(topics.fold(topics.start(), events[:100])),
    }
    return {
        "step_ms": spread_ms(times),
        "state_bytes": len(each["recurrent"]),
        "state_bytes_all_models": len(msgspec.msgpack.encode(each)),
    }


def _syncs(folder: Path) -> list[float]:
    """What the disk itself takes to make one page durable."""
    with (folder / "sync").open("wb", buffering=0) as file:

        def page() -> None:
            file.write(PAGE)
            os.fsync(file.fileno())

        return [timed(page) for _ in range(SYNCS)]


def timed(what: Callable[[], object]) -> float:
    """Seconds that `what` takes."""
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def spread_ms(seconds: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds.

    >>> spread_ms([0.001, 0.002, 0.003])
    {'p50': 2.0, 'p99': 2.98}
    """
    if not len(seconds):
        return {}
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4)}


def peak_mib() -> float:
    """Most memory that this process has held at one time, in MiB."""
    status = Path("/proc/self/status")  # ru_maxrss of a new process begins at that of its parent
    if status.exists():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def drawn_items(n_items: int, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows drawn with a chance of about 1 / rank, as popularity falls in most catalogues."""
    return np.asarray(n_items ** rng.random(count), np.intp) - 1


if __name__ == "__main__":
    _path, *_numbers = sys.argv[1:]
    sys.stdout.write(msgspec.json.encode(served(Path(_path), *map(int, _numbers))).decode())
