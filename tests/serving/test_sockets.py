"""Bodies whose ends cannot be known: refused, and nothing of them is stored."""

import socket

import pytest
from tests.serving.conftest import Shop

EVENT = b'{"user": "smuggler", "item": "tea", "type": "view"}'
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
WAIT_S = 30.0


def sent(shop: Shop, rest: bytes) -> bytes:
    """What comes back for a POST of events, until the connection ends."""
    address = ("127.0.0.1", int(shop.url.rpartition(":")[2]))
    found = b""
    with socket.create_connection(address, timeout=WAIT_S) as wire:
        wire.sendall(b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\n" + rest)
        while part := wire.recv(65_536):
            found += part
    return found


@pytest.mark.parametrize(
    "rest",
    [
        CHUNKED + b"\r\nzz\r\nhello\r\n",
        CHUNKED + b"\r\n" + CHUNK + b"zz\r\n",
        CHUNKED + b"Content-Length: 5\r\n\r\n" + CHUNK + b"0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + EVENT,
        b"Content-Length: -1\r\n\r\n" + EVENT,
    ],
    ids=["no size", "no size after a chunk", "both lengths", "two lengths", "a negative length"],
)
def test_a_body_without_a_certain_end_is_answered_400_and_not_stored(
    shop: Shop, rest: bytes
) -> None:
    before = shop.get("/overview")["facts"]["events"]
    answer = sent(shop, rest)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"/docs/problems#bad-request" in answer
    assert shop.get("/overview")["facts"]["events"] == before
    assert shop.get("/users/smuggler/history")["total"] == 0
