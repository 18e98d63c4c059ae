"""Retries: what is tried again, when, and how often."""

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from penchant.client.problems import ProblemError, UnreachableError, problem_of
from penchant.client.steps import Lost, Plan, Reply, Request, Send, Wait

PASSING: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses that another try may change. 500 is none of them: a bug does not pass."""

BETWEEN: Final = frozenset({502, 504})
"""Those of a proxy that does not know what became of the request; the others say: nothing."""


class Retries(NamedTuple):
    """How often a call is tried, and how long it waits in between."""

    tries: int = 5
    """The first one included; 1: never again."""
    first_wait_s: float = 0.2
    """Before the second try; twice as long before each further one, up to 10 s."""
    most_wait_s: float = 30.0
    """A server that asks with Retry-After for more than that is not waited for."""

    def pause(self, tried: int, chance: float) -> float:
        """Seconds after `tried` tries: half of it certain, the rest by chance from 0 to 1, so that
        clients who were cut off together do not come back together.

        >>> [Retries().pause(tried, 1.0) for tried in (1, 2, 3, 9)]
        [0.2, 0.4, 0.8, 10.0]
        >>> Retries().pause(1, 0.0)
        0.1
        """
        return min(self.first_wait_s * 2.0 ** (tried - 1), 10.0) * (0.5 + 0.5 * chance)


RETRIES: Final = Retries()
"""Some 3 s in all: what a server needs to start again."""


class Answered(NamedTuple):
    """A reply, and whether the server may have got the request before it."""

    reply: Reply
    resent: bool


def attempts(
    request: Request, retries: Retries, chance: Callable[[], float] = random.random
) -> Plan[Answered]:
    """Send until there is an answer that another try would not change."""
    resent = False
    for tried in range(1, max(1, retries.tries) + 1):
        got: Reply | Lost = yield Send(request)
        pause = retries.pause(tried, chance())
        if isinstance(got, Reply):
            asked = retry_after(got)
            if got.status not in PASSING or asked > retries.most_wait_s:
                return Answered(got, resent)
            pause = max(pause, asked)
        last = tried >= retries.tries
        if last and isinstance(got, Reply):
            return Answered(got, resent)
        resent = resent or (got.sent if isinstance(got, Lost) else got.status in BETWEEN)
        if not last:
            yield Wait(pause)
    assert isinstance(got, Lost)
    raise unreachable(request, got, retries.tries)


def unreachable(request: Request, lost: Lost, tries: int) -> UnreachableError:
    """What is said when every try was lost."""
    times = "1 try" if tries <= 1 else f"{tries} tries"
    return UnreachableError(
        f"{request.method} {request.path} got no answer in {times}: {lost.why}; "
        "is `penchant serve` running there?"
    )


def refused(request: Request, reply: Reply) -> ProblemError:
    """The problem that `reply` is."""
    return problem_of(reply.status, reply.body, request.path)


def retry_after(reply: Reply) -> float:
    """Seconds that the server asks to wait; 0: it does not say.

    >>> retry_after(Reply(429, {"retry-after": "2"}, b""))
    2.0
    """
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0  # a date: our server sends none, and its clock may not be ours
