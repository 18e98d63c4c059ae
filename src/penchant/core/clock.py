"""The only way to ask the time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the time; below the engine, time is an argument."""

    def now_s(self) -> float:
        """Unix seconds, UTC."""
        ...


class SystemClock:
    """The wall clock."""

    def now_s(self) -> float:
        """Unix seconds, UTC."""
        return time.time()


class LogClock:
    """The log's own time: its newest event's time plus the wall time since opening."""

    def __init__(self, newest_s: float) -> None:
        self._newest_s = newest_s
        self._opened_s = time.monotonic()

    def now_s(self) -> float:
        """Seconds on the log's clock."""
        return self._newest_s + time.monotonic() - self._opened_s


class ManualClock:
    """A clock that stands still until it is set: replays and tests."""

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        """The time it was last set to."""
        return self._now_s

    def set(self, now_s: float) -> None:
        """Move to `now_s`."""
        self._now_s = now_s
