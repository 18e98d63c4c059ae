"""Timing: work that encodes what it found, and says how long that took."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import msgspec

ENCODER: Final = msgspec.json.Encoder()


def encoded(work: Callable[[], Any]) -> Callable[[], tuple[bytes, float]]:
    """`work`, with its result as JSON and the seconds of making that; NaN becomes null."""

    def both() -> tuple[bytes, float]:
        found = work()
        began = perf_counter()
        body = ENCODER.encode(found)
        return body, perf_counter() - began

    return both
