"""Overview: the server and its engine in numbers, for programs and for the page."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic, time
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from penchant import __version__
from penchant.core.slates import LANGUAGES
from penchant.engine.engine import Engine
from penchant.serving import schemas
from penchant.serving.metrics import Metrics
from penchant.serving.reading import Reader
from penchant.serving.routes import Route, json

FACTS_FOR_S: Final = 2.0
"""Seconds for which the counts of the log are told again: to count takes as long as it is."""
QUALITY_FOR_S: Final = 60.0
"""The same for the report of its quality."""

SHARE: Final = 20.0
"""What was counted is told again for at least as many times as long as counting took."""


class Surroundings(NamedTuple):
    """What the overview needs to know of the server."""

    metrics: Metrics
    memory_mib: Callable[[], float]
    began: float
    freshness_target_ms: float
    auth: Callable[[], bool]


class OverviewRoutes:
    """`/about`, `/overview`, `/metrics`."""

    def __init__(
        self, engine: Engine, reads: Reader, reports: Reader, around: Surroundings
    ) -> None:
        self._engine = engine
        self._reads = reads
        self._reports = reports
        self._around = around
        self._facts = _Kept(engine.facts, FACTS_FOR_S)
        self._quality = _Kept(engine.quality, QUALITY_FOR_S)

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (
            Route("GET /about", self.about, role="read", answer=schemas.About),
            Route("GET /overview", self.overview, role="read", answer=schemas.Overview),
            Route("GET /metrics", self.metrics, role="read", answer=str, media="text/plain"),
        )

    async def about(self, _: Request) -> Response:
        """What this server is

        Its version, the event types that it takes and what each is worth, its placements, whose
        time it is, and whether it needs keys.
        """
        return json(_about(self._engine, self._around.auth()))

    async def overview(self, _: Request) -> Response:
        """The server in numbers

        The log and the model, how good the data are, events and slates of each of the last 300
        seconds, percentiles of the latest requests, memory, and what was refused.
        """
        return await self._reports.json(
            lambda: _overview(self._facts(), self._quality(), self._around)
        )

    async def metrics(self, _: Request) -> Response:
        """Metrics for Prometheus"""
        text = await self._reads.value(self._around.metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


class _Kept:
    """What a call gave, told again for some seconds; used by one thread."""

    def __init__(self, call: Callable[[], Mapping[str, Any]], for_s: float) -> None:
        self._call = call
        self._for_s = for_s
        self._until = 0.0
        self._value: Mapping[str, Any] = {}

    def __call__(self) -> Mapping[str, Any]:
        began = monotonic()
        if began >= self._until:
            self._value = self._call()
            ended = monotonic()
            self._until = ended + max(self._for_s, SHARE * (ended - began))
        return self._value


def _about(engine: Engine, auth: bool) -> dict[str, Any]:
    config = engine.config
    return {
        "version": __version__,
        "signals": {name: signal.model_dump() for name, signal in config.signals.items()},
        "placements": sorted(config.placements),
        "clock": config.clock,
        "now_s": engine.now_s(),
        "artifact": engine.artifact,
        "languages": LANGUAGES,
        "auth": auth,
    }


def _overview(
    facts: Mapping[str, Any], quality: Mapping[str, Any], around: Surroundings
) -> dict[str, Any]:
    metrics, now_s = around.metrics, time()
    told = ("events", "users", "items", "oldest_s", "newest_s", "types", "flags")
    return {
        "facts": {name: facts[name] for name in told},
        "artifact": facts["artifact"],
        "card": facts["card"],
        "artifacts": facts["artifacts"],
        "quality": quality,
        "rates": {
            "step_s": 1,
            "now_s": now_s,
            "events": metrics.event_rates.latest(now_s),
            "slates": metrics.slate_rates.latest(now_s),
        },
        "latency_ms": metrics.latency_ms(),
        "memory_mib": around.memory_mib(),
        "uptime_s": monotonic() - around.began,
        "freshness_target_ms": around.freshness_target_ms,
        "drops": metrics.drops,
    }
