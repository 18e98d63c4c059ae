"""Limits: how many requests one caller may send, by a bucket that fills again."""

from collections import OrderedDict
from typing import Final

CALLERS: Final = 10_000
"""Callers remembered; whoever has been away longest is forgotten first, with a full bucket."""


class Buckets:
    """A bucket for each caller: `burst` requests at once, then `rate` a second."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str, now: float) -> float:
        """Take one out; 0, or the seconds until there is one.

        >>> buckets = Buckets(rate=2.0, burst=1)
        >>> [buckets.wait_s("ann", now) for now in (0.0, 0.1, 0.5)]
        [0.0, 0.4, 0.0]
        """
        if self._rate <= 0:
            return 0.0
        left, since = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1.0
        self._left[caller] = (left - 1.0 if allowed else left, now)
        if len(self._left) > CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self._rate
