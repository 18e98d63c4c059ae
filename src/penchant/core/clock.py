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
    """The log's own time: its newest event's time, plus the wall time since that came in.

    Of an empty log it is the wall's.
    """

    def __init__(self, newest_s: float | None = None) -> None:
        self._reached = _reached(newest_s)
        self._before: tuple[float, float] | None = None

    def now_s(self) -> float:
        """Seconds on the log's clock."""
        reached = self._reached  # one look: another thread may set it meanwhile
        if reached is None:
            return time.time()
        newest_s, since_s = reached
        return newest_s + time.monotonic() - since_s

    def reach(self, newest_s: float) -> None:
        """The log has got an event of `newest_s`; time never runs backwards."""
        if self._reached is None or newest_s > self.now_s():
            self._before, self._reached = self._reached, _reached(newest_s)

    def set_by(self, time_s: float) -> bool:
        """Whether an event of `time_s` is the one that set it."""
        return self._reached is not None and self._reached[0] == time_s

    def turn_back(self, newest_s: float | None) -> None:
        """The event that set it is gone, and `newest_s` is that of the newest left; None: none is.

        It goes on as if that event had not come, as far as it knows.
        """
        reached, before = self._reached, self._before
        self._before = None
        if newest_s is None or reached is None:
            self._reached = None
        elif newest_s < reached[0]:
            known = before is not None and before[0] <= newest_s
            self._reached = before if known else (newest_s, reached[1])
            self.reach(newest_s)


def _reached(newest_s: float | None) -> tuple[float, float] | None:
    """A time of the log, and when on the machine's own clock it was reached."""
    return None if newest_s is None else (newest_s, time.monotonic())


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
