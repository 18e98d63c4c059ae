"""Metrics: what the server measures of itself, for Prometheus and for the overview."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any, Final

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

FINE: Final = (
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02,
    0.025, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
"""Edges in seconds, close together around the 20 ms in which an event becomes visible."""
COARSE: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
SECONDS: Final = 300
"""Seconds of which the overview shows the rates."""
SAMPLES: Final = 2_000
"""Latest latencies that the overview's percentiles are of."""


class Rates:
    """How many in each of the latest seconds."""

    def __init__(self) -> None:
        self._counts = [0] * SECONDS
        self._last = int(time())

    def add(self, now_s: float, count: int = 1) -> None:
        """That many, now."""
        self._move(int(now_s))
        self._counts[self._last % SECONDS] += count

    def latest(self, now_s: float) -> list[int]:
        """Oldest first; the second that is under way is the last."""
        self._move(int(now_s))
        first = (self._last + 1) % SECONDS
        return self._counts[first:] + self._counts[:first]

    def _move(self, second: int) -> None:
        for gone in range(max(self._last + 1, second - SECONDS + 1), second + 1):
            self._counts[gone % SECONDS] = 0
        self._last = max(self._last, second)


class Metrics:
    """Everything that is counted, in a registry of its own."""

    def __init__(self, freshness_target_ms: float) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        ProcessCollector(registry=self.registry)
        self._visible = Histogram(
            "penchant_event_visible_seconds",
            "From the arrival of a request with events until slates know them",
            buckets=FINE,
            **own,
        )
        self._requests = Histogram(
            "penchant_request_seconds",
            "From the arrival of a request to the end of its answer",
            ("route", "method", "status"),
            buckets=COARSE,
            **own,
        )
        stages = Histogram(
            "penchant_stage_seconds",
            "Parts of the way: waiting for a thread, the engine's work, encoding",
            ("stage",),
            buckets=COARSE,
            **own,
        )
        self._stages = {name: stages.labels(name) for name in STAGES}
        self._events = Counter(
            "penchant_events_total", "Events by what became of them", ("status",), **own
        )
        self._rejected = Counter(
            "penchant_rejected_total", "Rows and requests that were refused", ("reason",), **own
        )
        self._slates = Counter(
            "penchant_slates_total", "Slates made, by placement", ("placement",), **own
        )
        target = Gauge(
            "penchant_freshness_target_seconds", "What event_visible is held to at p99", **own
        )
        target.set(freshness_target_ms / 1e3)
        self._own = own
        self.drops: dict[str, int] = {}
        self.event_rates, self.slate_rates = Rates(), Rates()
        self._recent = {"event_visible": _ring(), "slate": _ring()}
        self._children: dict[tuple[str, str, int], Any] = {}

    def watch(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Gauges by name, with what they say and where their value comes from."""
        for name, (says, value) in gauges.items():
            Gauge(name, says, **self._own).set_function(value)

    def took_in(self, statuses: Sequence[str], took_s: float) -> None:
        """The rows of one request got in, or not, `took_s` after it arrived."""
        counts: dict[str, int] = {}
        for status in statuses:
            counts[status] = counts.get(status, 0) + 1
        for status, count in counts.items():
            self._events.labels(status).inc(count)
        new = counts.get("new", 0)
        if new:
            self._visible.observe(took_s)
            self._recent["event_visible"].append(took_s)
            self.event_rates.add(time(), new)

    def refused(self, reason: str, count: int = 1) -> None:
        """Rows or a request were refused for `reason`, one of few words."""
        self._rejected.labels(reason).inc(count)
        self.drops[reason] = self.drops.get(reason, 0) + count

    def made_slate(self, placement: str, took_s: float) -> None:
        """A slate was made, `took_s` after it was asked for."""
        self._slates.labels(placement).inc()
        self._recent["slate"].append(took_s)
        self.slate_rates.add(time())

    def stage(self, name: str, took_s: float) -> None:
        """One part of the way."""
        self._stages[name].observe(took_s)

    def answered(self, route: str, method: str, status: int, took_s: float) -> None:
        """A request was answered."""
        key = (route, method, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(route, method, str(status))
        child.observe(took_s)

    def latency_ms(self) -> dict[str, dict[str, float | None]]:
        """Percentiles of the latest."""
        return {name: _percentiles(list(ring)) for name, ring in self._recent.items()}

    def text(self) -> bytes:
        """For Prometheus."""
        return generate_latest(self.registry)


STAGES: Final = ("write_wait", "write", "read_wait", "read", "encode")


def _ring() -> deque[float]:
    return deque(maxlen=SAMPLES)


def _percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50": None, "p99": None}
    p50, p99 = np.percentile(seconds, (50, 99)) * 1e3
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
