"""The wire: slow callers, half-closed sockets, heads without end, and a stop that loses nothing."""

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from tests.serving.conftest import Opens, Shop, problem

from penchant.core.errors import ConfigError
from penchant.serving.config import loopback
from penchant.serving.server import listen, url_of

EVENT = b'{"user": "ann", "item": "tea", "type": "view"}'


def connected(shop: Shop) -> socket.socket:
    host, port = shop.url.removeprefix("http://").split(":")
    made = socket.create_connection((host, int(port)), timeout=10)
    made.settimeout(10)
    return made


def everything(wire: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    try:
        while part := wire.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def told(answer: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def post(length: int) -> bytes:
    return b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % length


def test_a_body_that_does_not_come_is_answered_408(opens: Opens) -> None:
    shop = opens(body_timeout_s=0.3)
    with connected(shop) as wire:
        wire.sendall(post(len(EVENT)) + EVENT[:10])
        status, problem = told(everything(wire))
    assert status == 408
    assert problem["type"] == "/docs/problems#timeout"
    assert problem["detail"] == "the body was not complete after 0.3 s"


def test_a_connection_without_a_complete_head_is_closed(opens: Opens) -> None:
    shop = opens(header_timeout_s=0.3)
    for begun in (b"", b"GET /about HTTP/1.1\r\nHost: 127"):
        with connected(shop) as wire:
            began = time.monotonic()
            wire.sendall(begun)
            assert everything(wire) == b""
            assert 0.2 < time.monotonic() - began < 3


def test_a_head_that_begins_after_an_answer_must_end_too(opens: Opens) -> None:
    shop = opens(header_timeout_s=0.3)
    with connected(shop) as wire:
        wire.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in wire.recv(65_536)
        wire.sendall(b"GET /health/live HT")
        assert everything(wire) == b""


@pytest.mark.slow
def test_an_idle_connection_is_closed_after_its_time(opens: Opens) -> None:
    shop = opens(keep_alive_s=1.0)
    with connected(shop) as wire:
        wire.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in everything(wire)


def connected_with_little_room(shop: Shop) -> socket.socket:
    """A connection whose receiver takes little that is not read."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    wire.settimeout(10)
    wire.connect(("127.0.0.1", int(shop.url.rpartition(":")[2])))
    return wire


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


LONG: Final = 4_000_000
ASKED: Final = b"GET /users/ann/interests HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["kept open", "closing"])
def test_a_caller_who_does_not_read_the_answer_is_cut_off(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    shop = opens(keep_alive_s=0.3)
    monkeypatch.setattr(shop.engine, "profile", lambda _: "a" * LONG)
    open_now = shop.server.server_state.connections
    with connected_with_little_room(shop) as wire:
        wire.sendall(ASKED + more + b"\r\n")
        wait_until(lambda: len(open_now) == 1)
        wait_until(lambda: len(open_now) == 0)
        assert len(everything(wire)) < LONG


def test_a_caller_who_reads_slowly_gets_the_whole_answer(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opens(keep_alive_s=1.0)
    monkeypatch.setattr(shop.engine, "profile", lambda _: "a" * LONG)
    with connected_with_little_room(shop) as wire:
        wire.sendall(ASKED + b"Connection: close\r\n\r\n")
        found, began = b"", time.monotonic()
        while part := wire.recv(32_768):
            found += part
            time.sleep(0.02)
        assert time.monotonic() - began > 2.0
    assert found.partition(b"\r\n\r\n")[2] == b'"%b"' % (b"a" * LONG)


def test_a_stream_that_is_not_read_is_cut_off_and_one_that_is_read_goes_on(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opens(keep_alive_s=1.0)
    monkeypatch.setattr("penchant.serving.stream.event", lambda _: b"a" * LONG + b"\n\n")
    asked = b"GET /users/ann/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with connected_with_little_room(shop) as idle, connected(shop) as reading:
        for wire in (idle, reading):
            wire.sendall(asked)
        found = 0
        while found < LONG:
            found += len(reading.recv(65_536))
        wait_until(lambda: shop.app._hub.open == 1)
        time.sleep(1.2)
        assert shop.http.delete("/items/cup").status_code == 200
        while found < 2 * LONG:
            found += len(reading.recv(65_536))
        assert len(everything(idle)) < LONG


def test_a_head_without_end_is_answered_431(opens: Opens) -> None:
    shop = opens(max_head_bytes=1_024)
    with connected(shop) as wire:
        wire.sendall(b"GET /about HTTP/1.1\r\nX-Long: " + b"a" * 4_096)
        status, problem = told(everything(wire))
    assert status == 431
    assert problem["type"] == "/docs/problems#head-too-large"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /about HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 60_000,
        b"GET /about HTTP/1.1\r\nHost: 127.0.0.1" + b"\r\nX-Many: aaaaaaaa" * 3_000,
        b"GET /about?" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: 127.0.0.1",
    ],
    ids=["one long header", "many headers", "a long address"],
)
def test_a_head_that_comes_whole_and_too_large_is_answered_431(opens: Opens, head: bytes) -> None:
    shop = opens(max_head_bytes=1_024)
    with connected(shop) as wire:
        wire.sendall(head + b"\r\n\r\n")
        status, problem = told(everything(wire))
    assert status == 431
    assert problem["type"] == "/docs/problems#head-too-large"
    assert problem["detail"] == "allowed are 1,024 bytes"


def test_heads_that_come_together_are_each_measured_alone(opens: Opens) -> None:
    shop = opens(max_head_bytes=1_024)
    asked = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 800 + b"\r\n\r\n"
    with connected(shop) as wire:
        wire.sendall(asked * 3)
        found = b""
        while found.count(b'"ok"') < 3:
            found += wire.recv(65_536)
    assert found.count(b"200 OK") == 3


def test_what_is_no_http_is_answered_400(shop: Shop) -> None:
    for nonsense in (b"\x16\x03\x01 hello\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"):
        with connected(shop) as wire:
            wire.sendall(nonsense)
            status, problem = told(everything(wire))
        assert status == 400
        assert problem["type"] == "/docs/problems#bad-request"


def test_a_caller_who_has_closed_their_half_is_still_answered(shop: Shop) -> None:
    with connected(shop) as wire:
        wire.sendall(post(len(EVENT)) + EVENT)
        wire.shutdown(socket.SHUT_WR)
        status, answer = told(everything(wire))
    assert status == 200
    assert answer["results"][0]["status"] == "new"


def test_a_caller_who_goes_in_the_middle_of_a_body_leaves_nothing(shop: Shop) -> None:
    with connected(shop) as wire:
        wire.sendall(post(500) + b'{"user": "gone", ')
    with connected(shop) as wire:
        wire.sendall(post(500) + b'{"user": "gone", ')
        wire.shutdown(socket.SHUT_WR)
        everything(wire)
    assert shop.get("/users/gone/history")["total"] == 0


def test_a_body_that_goes_on_after_its_answer_is_cut_off(opens: Opens) -> None:
    shop = opens(max_body_bytes=1_024, body_timeout_s=0.3)
    with connected(shop) as wire:
        wire.sendall(b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        wire.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
        answer, ended = b"", False
        for _ in range(100):
            try:
                wire.sendall(b"800\r\n" + b" " * 2_048 + b"\r\n")
            except OSError:
                ended = True
                break
            time.sleep(0.02)
        try:
            answer = wire.recv(65_536)
        except OSError:
            answer = b""
        assert ended
    assert answer == b"" or b"413" in answer


def test_requests_of_one_connection_are_answered_in_their_order(shop: Shop) -> None:
    asked = b"".join(
        b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: pipe-%d\r\n\r\n" % n
        for n in range(3)
    )
    with connected(shop) as wire:
        wire.sendall(asked)
        found = b""
        while found.count(b'"ok"') < 3:
            found += wire.recv(65_536)
    places = [found.index(b"pipe-%d" % n) for n in range(3)]
    assert places == sorted(places)


def test_more_connections_than_may_be_open_are_closed_as_they_come(opens: Opens) -> None:
    shop = opens(max_connections=3)
    idle = [connected(shop) for _ in range(3)]
    time.sleep(0.1)
    with connected(shop) as wire:
        wire.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert everything(wire) == b""
    for one in idle:
        one.close()
    time.sleep(0.1)
    assert shop.http.get("/health/live").status_code == 200


@pytest.mark.slow
def test_a_thousand_idle_connections_keep_nobody_from_an_answer(shop: Shop) -> None:
    idle = [connected(shop) for _ in range(1_000)]
    try:
        assert shop.post("/events", json.loads(EVENT))["results"][0]["status"] == "new"
        assert shop.slate("ann")
    finally:
        for one in idle:
            one.close()


def test_a_stop_loses_no_event_that_was_acknowledged(opens: Opens) -> None:
    shop = opens()
    acknowledged: list[str] = []
    refused: list[int] = []

    def keep_sending(n: int) -> None:
        with httpx.Client(base_url=shop.url, timeout=10) as http:
            for k in range(10_000):
                name = f"stop-{n}-{k}"
                row = {"user": f"stop-{n}", "item": "tea", "type": "view", "id": name}
                try:
                    answer = http.post("/events", json=row)
                except httpx.HTTPError:
                    return
                if answer.status_code != 200:
                    refused.append(answer.status_code)
                    return
                assert answer.json()["results"][0]["status"] == "new"
                acknowledged.append(name)

    senders = [threading.Thread(target=keep_sending, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    while len(acknowledged) < 20:
        time.sleep(0.01)
    began = time.monotonic()
    shop.stop()
    assert time.monotonic() - began < 5
    for sender in senders:
        sender.join(10)
    assert len(acknowledged) >= 20
    assert set(refused) <= {503}
    shop.app.close()
    stored = {str(e.id) for n in range(4) for e in shop.engine.history(f"stop-{n}")}
    assert set(acknowledged) <= stored


@pytest.mark.slow
def test_a_caller_who_never_reads_does_not_keep_it_from_stopping(opens: Opens) -> None:
    shop = opens(stop_within_s=1.0, alive_every_s=0.001)
    with connected(shop) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
        asked = b"GET /users/ann/stream?n=500 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        wire.sendall(asked * 20)
        wire.sendall(b"GET /users/ann/recommendations?n=500 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(2.0)
        began = time.monotonic()
        shop.stop()
        assert time.monotonic() - began < 4


def test_while_it_stops_it_says_so(opens: Opens) -> None:
    shop = opens()
    assert shop.get("/health/ready") == {"status": "ready", "checks": {"log": True, "engine": True}}
    shop.app.stop()
    ready = shop.http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
    answer = shop.http.get("/about")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the server stops"
    assert answer.headers["retry-after"] == "1"
    assert shop.http.get("/health/live").json() == {"status": "ok"}


def test_when_nothing_is_written_any_more_it_is_not_ready(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise MemoryError

    shop = opens()
    monkeypatch.setattr("penchant.storage.writer.truncate_wal", fail)
    monkeypatch.setattr("penchant.storage.writer.CHECKPOINT_BYTES", 0)  # due though others wait
    shop.engine._database.log._writer._checkpoint_at = 0
    event = {"user": "ann", "item": "tea", "type": "view"}
    assert shop.post("/events", event)["results"][0]["status"] == "new"
    problem(shop.http.post("/events", json=event), 503, "unavailable")
    ready = shop.http.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json() == {"status": "failing", "checks": {"log": False, "engine": True}}
    assert shop.http.get("/users/ann/recommendations").status_code == 200


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1 cannot be listened on"):
            listen("127.0.0.1", port)
        assert url_of(bound) == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "a" * 64, "."])
def test_a_host_that_is_not_here_is_no_matter_of_the_port(host: str) -> None:
    with pytest.raises(ConfigError, match=r"is no address to listen on here: .*--host"):
        listen(host, 0)


def test_only_loopback_needs_no_key() -> None:
    assert [loopback(host) for host in ("::1", "127.0.0.2", "10.0.0.1", "shop.example")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_head_cut_after_a_large_body_is_measured_alone(opens: Opens) -> None:
    shop = opens(max_head_bytes=1_024)
    row = b'{"user": "pip", "item": "tea", "type": "view", "words": "%b"}' % (b"x" * 4_000)
    one = b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(row) + row
    two = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with connected(shop) as wire:
        wire.sendall(one + two[:20])
        time.sleep(0.1)
        wire.sendall(two[20:])
        assert everything(wire).count(b"HTTP/1.1 200 OK") == 2
    with connected(shop) as wire:
        wire.sendall(one + b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 900)
        time.sleep(0.1)
        wire.sendall(b"a" * 4_000)
        assert b"HTTP/1.1 431" in everything(wire)
