"""What is tried again, when, and how often: step by step, without a network."""

import pytest

from penchant.client.problems import UnreachableError
from penchant.client.retries import RETRIES, Answered, Retries, attempts
from penchant.client.steps import Lost, Reply, Request, Send, Wait

REQUEST = Request("POST", "/events", b"{}")
GOOD = Reply(200, {}, b"{}")
NO_ANSWER = Lost("the line was cut", sent=True)
NO_LINE = Lost("connection refused", sent=False)


def told(*answers: Reply | Lost, retries: Retries = RETRIES) -> tuple[list[object], Answered]:
    """The steps of a call that meets these answers, and its end."""
    plan, steps, given = attempts(REQUEST, retries, lambda: 1.0), [], iter(answers)
    got = None
    while True:
        try:
            step = plan.send(got)
        except StopIteration as end:
            return steps, end.value
        steps.append(step)
        got = next(given) if isinstance(step, Send) else None


def test_a_good_answer_is_the_end() -> None:
    assert told(GOOD) == ([Send(REQUEST)], Answered(GOOD, resent=False))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 500, 507])
def test_what_another_try_would_not_change_is_the_end(status: int) -> None:
    steps, end = told(Reply(status, {}, b""))
    assert (len(steps), end.reply.status) == (1, status)


def test_waits_double_and_the_same_request_is_sent_again() -> None:
    steps, end = told(NO_LINE, NO_ANSWER, Reply(502, {}, b""), GOOD)
    assert steps == [
        Send(REQUEST),
        Wait(0.2),
        Send(REQUEST),
        Wait(0.4),
        Send(REQUEST),
        Wait(0.8),
        Send(REQUEST),
    ]
    assert end.reply is GOOD


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_how_long(status: int) -> None:
    steps, end = told(Reply(status, {"retry-after": "7"}, b""), GOOD)
    assert steps[1] == Wait(7.0)
    assert end.reply is GOOD


def test_a_server_that_asks_for_too_much_is_not_waited_for() -> None:
    busy = Reply(503, {"retry-after": "3600"}, b"")
    assert told(busy) == ([Send(REQUEST)], Answered(busy, resent=False))


def test_a_date_is_not_read_and_the_own_pause_holds() -> None:
    dated = Reply(503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"")
    assert told(dated, GOOD)[0][1] == Wait(0.2)


def test_the_last_refusal_is_the_answer() -> None:
    busy = Reply(503, {}, b"")
    steps, end = told(busy, busy, retries=Retries(tries=2))
    assert len(steps) == 3
    assert end.reply is busy


def test_when_every_try_is_lost_the_error_says_so() -> None:
    with pytest.raises(UnreachableError, match=r"POST /events got no answer in 2 tries: conn"):
        told(NO_LINE, NO_LINE, retries=Retries(tries=2))


@pytest.mark.parametrize(
    ("before", "resent"),
    [
        (NO_LINE, False),
        (NO_ANSWER, True),
        (Reply(504, {}, b""), True),
        (Reply(429, {}, b""), False),
        (Reply(503, {}, b""), False),
    ],
)
def test_it_is_known_whether_the_server_may_have_had_it_before(
    before: Reply | Lost, resent: bool
) -> None:
    assert told(before, GOOD)[1].resent is resent
