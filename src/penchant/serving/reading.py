"""Reading: work of the engine on a lane, its result as JSON, and how long each part took."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, NamedTuple

import msgspec
from starlette.responses import Response

from penchant.serving.lanes import Lane
from penchant.serving.metrics import Metrics

ENCODER: Final = msgspec.json.Encoder()


class Encoded(NamedTuple):
    """A result as JSON, and the seconds of making that."""

    body: bytes
    took_s: float


class Reader:
    """Answers with what a piece of work gives."""

    def __init__(self, lane: Lane, metrics: Metrics) -> None:
        self._lane = lane
        self._metrics = metrics

    async def json(self, work: Callable[[], Any]) -> Response:
        """Its result as JSON; what is no finite number becomes null."""
        (body, encode_s), wait_s, work_s = await self._lane.run(lambda: _encoded(work))
        return self.response(body, wait_s, work_s, encode_s)

    def response(self, body: bytes, wait_s: float, work_s: float, encode_s: float) -> Response:
        """JSON as an answer that says how long each part took; `work_s` has `encode_s` in it."""
        engine_s = work_s - encode_s
        self._metrics.stage("read_wait", wait_s)
        self._metrics.stage("read", engine_s)
        self._metrics.stage("encode", encode_s)
        timing = (
            f"wait;dur={wait_s * 1e3:.2f}, engine;dur={engine_s * 1e3:.2f}, "
            f"encode;dur={encode_s * 1e3:.2f}"
        )
        return Response(body, headers={"Server-Timing": timing}, media_type="application/json")

    async def value(self, work: Callable[[], Any]) -> Any:
        """Its result as it is."""
        value, wait_s, work_s = await self._lane.run(work)
        self._metrics.stage("read_wait", wait_s)
        self._metrics.stage("read", work_s)
        return value


def _encoded(work: Callable[[], Any]) -> Encoded:
    found = work()
    began = perf_counter()
    body = ENCODER.encode(found)
    return Encoded(body, perf_counter() - began)
