"""Load on `penchant serve` from another process: latencies, errors, memory, and what it bears.

    python benchmarks/load.py load --items 100000 --seconds 600 --events 200 --slates 100
    python benchmarks/load.py search --items 10000,100000 --seconds 10
    python benchmarks/load.py one-client --items 10000,100000 --pairs 500

Each makes a generated database (`penchant.evaluation.generated`) in a temporary folder, serves it
by a process of its own on 127.0.0.1, and prints one JSON object.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop
from callers import Caller

STOP_S = 60.0
GRACE_S = 2.0
"""Requests that were due are sent so much after the end; those that wait longer never are."""
LIMIT_MS = 60.0
"""What the 99th percentile of a slate may be while `search` goes on."""
GROWTH = 1.25
BISECTIONS = 2
KEPT_UP = 0.95
"""Share of the slates asked for that must be answered in time for a rate to count."""

Figures = dict[str, Any]


@dataclass
class Seen:
    """Seconds of every request by its kind, from when it was due and from when it was sent."""

    due: dict[str, list[float]] = field(default_factory=lambda: {"events": [], "slates": []})
    sent: dict[str, list[float]] = field(default_factory=lambda: {"events": [], "slates": []})


@dataclass
class Arrivals:
    """A Poisson process of events and slates: when the next one is due, and what it is."""

    events_per_s: float
    slates_per_s: float
    seed: int

    def __iter__(self) -> Iterator[tuple[float, str]]:
        rng, both, at = random.Random(self.seed), self.events_per_s + self.slates_per_s, 0.0
        while True:
            at += rng.expovariate(both)
            yield at, "events" if rng.random() < self.events_per_s / both else "slates"


async def poisson(callers: Sequence[Caller], arrivals: Arrivals, seconds: float) -> Seen:
    """Requests as they are due, whoever of the callers is free; late ones wait, and it shows."""
    seen, due, began = Seen(), iter(arrivals), time.perf_counter()

    async def work(caller: Caller) -> None:
        while True:
            after_s, kind = next(due)  # they ask in turn for what is due next
            if after_s >= seconds or time.perf_counter() > began + seconds + GRACE_S:
                return
            at = began + after_s
            if (wait_s := at - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            sent = time.perf_counter()
            good = await (caller.event() if kind == "events" else caller.slate())
            if good:
                ended = time.perf_counter()
                seen.due[kind].append(ended - at)
                seen.sent[kind].append(ended - sent)

    await asyncio.gather(*(work(caller) for caller in callers))
    return seen


def spread(seconds: Sequence[float]) -> Figures:
    """Percentiles in milliseconds."""
    if not seconds:
        return {"count": 0}
    p50, p95, p99 = (round(float(x) * 1e3, 2) for x in np.percentile(seconds, [50, 95, 99]))
    longest = round(max(seconds) * 1e3, 2)
    return {"count": len(seconds), "p50": p50, "p95": p95, "p99": p99, "max": longest}


def visible(before: str, after: str) -> Figures:
    """What the server itself saw from an event's arrival until slates knew it, by its histogram."""
    name = "penchant_event_visible_seconds_bucket"
    counted = []
    for line in after.splitlines():
        if line.startswith(name):
            label, _, count = line.rpartition(" ")
            older = next((x for x in before.splitlines() if x.startswith(label + " ")), "0 0")
            edge = float(label.partition('le="')[2].partition('"')[0])
            counted.append((edge, float(count) - float(older.rpartition(" ")[2])))
    total = counted[-1][1] if counted else 0.0
    if not total:
        return {"count": 0}
    told: Figures = {"count": int(total)}
    for share in (50, 95, 99):
        edge = next(edge for edge, below in counted if below >= total * share / 100)
        told[f"p{share}_at_most"] = round(edge * 1e3, 2)
    return told


async def memory(pid: int, every_s: float) -> list[tuple[float, float]]:
    """Seconds since it began and MiB resident, until it is cancelled; it fills what it returns."""
    process, began, samples = psutil.Process(pid), time.perf_counter(), list[tuple[float, float]]()
    try:
        while True:
            taken_s = round(time.perf_counter() - began, 1)
            samples.append((taken_s, round(process.memory_info().rss / 2**20, 1)))
            await asyncio.sleep(every_s)
    except asyncio.CancelledError:
        return samples


def drift(samples: Sequence[tuple[float, float]]) -> Figures:
    """How far memory has moved in the last half: from its first sample to its last, and at most."""
    last = [mib for _, mib in samples[len(samples) // 2 :]]
    return {
        "rss_mib": samples,
        "drift_last_half": round(last[-1] / last[0] - 1, 4),
        "spread_last_half": round((max(last) - min(last)) / last[0], 4),
    }


@dataclass(frozen=True)
class Server:
    """A server that runs: where, as which process, over how many items."""

    url: str
    pid: int
    n_items: int
    users: int

    def cpu_s(self) -> float:
        """Processor seconds that it has taken."""
        taken = psutil.Process(self.pid).cpu_times()
        return float(taken.user + taken.system)

    def callers(self, count: int, seed: int) -> list[Caller]:
        """Clients, each with a connection of its own."""
        return [Caller(self.url, self.n_items, self.users, 1000 * seed + n) for n in range(count)]


async def load(server: Server, asked: argparse.Namespace) -> Figures:
    """Events and slates at the given rates for the given time."""
    callers, watch = server.callers(asked.clients, asked.seed), server.callers(1, 0)[0]
    arrivals = Arrivals(asked.events, asked.slates, asked.seed)
    await poisson(callers, arrivals, min(3.0, asked.seconds))  # connections, and users in memory
    for caller in callers:
        caller.errors.clear()
    before, cpu_s = await watch.text("/metrics"), server.cpu_s()
    measured = asyncio.create_task(memory(server.pid, min(10.0, asked.seconds / 20)))
    began = time.perf_counter()
    seen = await poisson(callers, arrivals, asked.seconds)
    took_s, cpu_s = time.perf_counter() - began, server.cpu_s() - cpu_s
    measured.cancel()
    told = {
        "asked_per_s": {"events": asked.events, "slates": asked.slates},
        "per_s": {kind: round(len(each) / took_s, 1) for kind, each in seen.due.items()},
        "events_ms": spread(seen.due["events"]),
        "slates_ms": spread(seen.due["slates"]),
        "event_visible_ms": visible(before, await watch.text("/metrics")),
        "errors": sum(len(caller.errors) for caller in callers),
        "first_errors": [error for caller in callers for error in caller.errors][:5],
        "server_cpu_share": round(cpu_s / took_s, 2),
        **drift(await measured),
    }
    for caller in (*callers, watch):
        caller.close()
    return told


async def search(server: Server, asked: argparse.Namespace) -> Figures:
    """The highest rate of slates that keeps up with a 99th percentile below the limit.

    Slates are due in a Poisson process; each client sends its next when it is due and it has the
    answer to the one before. Latency counts from sending.
    """
    callers = server.callers(asked.clients, asked.seed)
    steps: list[Figures] = []
    bore_per_s = {0.0: 0.0}

    async def bears(rate: float) -> bool:
        return await bore(rate) or await bore(rate)  # a machine may be busy with something else

    async def bore(rate: float) -> bool:
        cpu_s, began = server.cpu_s(), time.perf_counter()
        seen = await poisson(callers, Arrivals(0.0, rate, asked.seed + len(steps)), asked.seconds)
        took_s = time.perf_counter() - began
        step: Figures = {
            "asked_per_s": round(rate, 1),
            "per_s": round(len(seen.sent["slates"]) / took_s, 1),
        }
        step |= {"slates_ms": spread(seen.sent["slates"]), "due_ms": spread(seen.due["slates"])}
        step["server_cpu_ms"] = round((server.cpu_s() - cpu_s) / len(seen.sent["slates"]) * 1e3, 2)
        steps.append(step)
        if step["slates_ms"]["p99"] >= LIMIT_MS or step["per_s"] < KEPT_UP * rate:
            return False
        bore_per_s[rate] = step["per_s"]
        return True

    await poisson(callers, Arrivals(0.0, asked.slates, 0), min(3.0, asked.seconds))
    low, high = 0.0, asked.slates
    while await bears(high):
        low, high = high, high * GROWTH
    while not low and high > 1:  # it began too high
        half = high / 2
        low, high = (half, high) if await bears(half) else (low, half)
    for _ in range(BISECTIONS if low else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if await bears(middle) else (low, middle)
    errors = [error for caller in callers for error in caller.errors]
    for caller in callers:
        caller.close()
    return {
        "slates_per_s": bore_per_s[low],
        "limit_ms": LIMIT_MS,
        "steps": steps,
        "errors": len(errors),
        "first_errors": errors[:5],
    }


async def one_client(server: Server, asked: argparse.Namespace) -> Figures:
    """An event, then the slate that knows it, one pair after another."""
    (caller,) = server.callers(1, asked.seed)
    rng, whole, events, slates = random.Random(asked.seed), [], [], []
    for pair in range(-asked.warm, asked.pairs):
        user, began = f"u{rng.randrange(server.users)}", time.perf_counter()
        cursor = await caller.event(user)
        durable = time.perf_counter()
        good = cursor is not None and await caller.slate(user, cursor)
        ended = time.perf_counter()
        if good and pair >= 0:
            whole.append(ended - began)
            events.append(durable - began)
            slates.append(ended - durable)
    caller.close()
    return {
        "http_event_to_slate_ms": spread(whole),
        "event_ms": spread(events),
        "slate_ms": spread(slates),
        "errors": len(caller.errors),
        "first_errors": caller.errors[:5],
    }


@contextmanager
def served(path: Path, n_items: int, users: int) -> Iterator[Server]:
    """A server over `path` that ends with the block."""
    command = [sys.executable, "-m", "penchant", "serve", "--json", "--clock", "log"]
    command += ["--host", "127.0.0.1", "--port", "0", "--db", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            yield Server(said["url"], said["pid"], n_items, users)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def made(folder: Path, n_items: int, users: int) -> Path:
    """A generated database in `folder`, made by a process that takes its libraries with it."""
    path = folder / f"generated-{n_items}.db"
    if not path.exists():
        building = "from penchant.evaluation.generated import build; import pathlib, sys; "
        building += "build(pathlib.Path(sys.argv[1]), int(sys.argv[2]), users=int(sys.argv[3]))"
        subprocess.run(
            [sys.executable, "-c", building, str(path), str(n_items), str(users)], check=True
        )
    return path


Mode = Callable[[Server, argparse.Namespace], Coroutine[Any, Any, Figures]]
MODES: dict[str, Mode] = {"load": load, "search": search, "one-client": one_client}


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modes", nargs="+", choices=MODES, help="one after another")
    parser.add_argument("--items", type=_numbers, default=[10_000], help="sizes, as 10000,100000")
    parser.add_argument("--seconds", type=float, default=30.0, help="of load, or of each step")
    parser.add_argument("--events", type=float, default=200.0, help="events a second")
    parser.add_argument("--slates", type=float, default=100.0, help="slates a second, at first")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--users", type=int, default=400, help="that the server knows")
    parser.add_argument("--pairs", type=int, default=500, help="of one client")
    parser.add_argument("--warm", type=int, default=50, help="pairs before those that count")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where generated databases are kept")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Measure, and print one JSON object."""
    asked = arguments()
    told: Figures = {"vectors": "generated", "cores": psutil.cpu_count()}
    told |= {"clients": asked.clients, "seed": asked.seed}
    with tempfile.TemporaryDirectory() as scratch:
        for n_items in asked.items:
            path = made(asked.folder or Path(scratch), n_items, asked.users)
            figures: Figures = {"load_average": round(psutil.getloadavg()[0], 2)}
            with served(path, n_items, asked.users) as server:
                for mode in asked.modes:
                    figures[mode] = uvloop.run(MODES[mode](server, asked))
            told[f"{n_items} items"] = figures
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
