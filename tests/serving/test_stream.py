"""Streams: a new slate when an event has moved it, and nothing when nothing moved."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Queue
from typing import Any

import httpx
import pytest
from tests.serving.conftest import Opens, Shop, problem

from penchant.serving.keys import add_key, keys_path, revoke_key


class Follower:
    """Reads a stream in a thread."""

    def __init__(self, answer: httpx.Response) -> None:
        self.blocks: Queue[str | None] = Queue()
        self.thread = threading.Thread(target=self._read, args=(answer,))
        self.thread.start()

    def _read(self, answer: httpx.Response) -> None:
        block: list[str] = []
        try:
            for line in answer.iter_lines():
                if line:
                    block.append(line)
                else:
                    self.blocks.put("\n".join(block))
                    block = []
        except httpx.HTTPError:
            pass
        self.blocks.put(None)

    def next(self, within_s: float = 5.0) -> str | None:
        return self.blocks.get(timeout=within_s)

    def slate(self) -> dict[str, Any]:
        block = self.next()
        assert block is not None
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        assert fields["event"] == "slate"
        slate = json.loads(fields["data"])
        assert fields["id"] == slate["state_cursor"]
        return slate

    def is_silent(self, for_s: float = 0.4) -> bool:
        try:
            self.next(for_s)
        except Empty:
            return True
        return False


@contextmanager
def following(shop: Shop, user: str, key: str = "", **query: Any) -> Iterator[Follower]:
    with (
        httpx.Client(base_url=shop.url, timeout=10, headers={"X-API-Key": key}) as http,
        http.stream("GET", f"/users/{user}/stream", params=query) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        follower = Follower(answer)
        yield follower
        with suppress(OSError):  # the server may have been first
            answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        follower.thread.join(10)


def items(slate: dict[str, Any]) -> list[str]:
    return [place["item"] for place in slate["items"]]


def test_a_stream_begins_with_a_slate_and_has_the_next_when_an_event_moves_it(shop: Shop) -> None:
    with following(shop, "mia", repeats="false") as stream:
        first = stream.slate()
        assert "tea" in items(first)
        event = {"user": "mia", "item": "tea", "type": "view", "id": "mia-1"}
        cursor = shop.post("/events", event)["cursor"]
        second = stream.slate()
        assert second["state_cursor"] == cursor
        assert "tea" not in items(second)
        shop.http.delete("/events/mia-1")
        assert items(stream.slate()) == items(first)


def test_an_event_under_two_names_of_its_user_is_answered_and_moves_that_user(shop: Shop) -> None:
    with following(shop, "noa") as stream:
        first = stream.slate()
        event = {"user_id": "noa", "user": " ", "item": "tea", "type": "view", "id": "noa-1"}
        assert shop.post("/events", event)["results"][0]["status"] == "new"
        assert stream.slate()["state_cursor"] != first["state_cursor"]


def test_nothing_is_sent_where_nothing_moved(shop: Shop) -> None:
    with following(shop, "leo") as stream:
        stream.slate()
        shop.post("/events", {"user": "somebody-else", "type": "search", "words": "x"})
        shop.post("/events", {"user": "leo", "type": "search", "words": "x", "id": "leo-1"})
        shop.post("/events", {"user": "leo", "type": "search", "words": "x", "id": "leo-1"})
        assert stream.is_silent()


def test_a_removed_item_leaves_the_streams_at_once(opens: Opens) -> None:
    shop = opens()
    with following(shop, "leo") as stream:
        assert "cup" in items(stream.slate())
        shop.http.delete("/items/cup")
        assert "cup" not in items(stream.slate())


def test_a_stream_ends_when_its_user_is_forgotten(shop: Shop) -> None:
    shop.post("/events", {"user": "max", "item": "tea", "type": "view"})
    with following(shop, "max") as stream:
        stream.slate()
        shop.http.delete("/users/max")
        assert stream.next() == "event: erased\ndata: {}"
        assert stream.next() is None


def test_a_silent_stream_is_kept_open_by_comments(opens: Opens) -> None:
    shop = opens(alive_every_s=0.1)
    with following(shop, "leo") as stream:
        stream.slate()
        assert stream.next() == ": alive"
        assert stream.next() == ": alive"


def test_streams_end_when_the_server_stops(opens: Opens) -> None:
    shop = opens()
    with following(shop, "leo") as stream:
        stream.slate()
        began = time.monotonic()
        shop.stop()
        assert stream.next() is None
        assert time.monotonic() - began < 3


def test_a_stream_of_a_revoked_key_ends_instead_of_showing_the_next_slate(opens: Opens) -> None:
    shop = opens()
    path, now_s = keys_path(shop.engine.path), time.time()
    kept, gone = (add_key(path, name, "write", now_s) for name in ("kept", "gone"))
    shop.app.keys._looked = 0.0  # the second until the file is looked at again is over
    with (
        following(shop, "leo", kept, repeats="false") as going_on,
        following(shop, "leo", gone, repeats="false") as stream,
    ):
        assert items(going_on.slate()) == items(stream.slate())
        revoke_key(path, "gone", time.time())
        shop.app.keys._looked = 0.0
        event = {"user": "leo", "item": "tea", "type": "view"}
        shop.http.post("/events", json=event, headers={"X-API-Key": kept})
        assert stream.next() is None
        assert "tea" not in items(going_on.slate())


def test_a_silent_stream_of_a_revoked_key_ends(opens: Opens) -> None:
    shop = opens(alive_every_s=0.1)
    path = keys_path(shop.engine.path)
    key = add_key(path, "gone", "read", time.time())
    shop.app.keys._looked = 0.0
    with following(shop, "leo", key) as stream:
        stream.slate()
        assert stream.next() == ": alive"
        revoke_key(path, "gone", time.time())
        while stream.next(3.0) is not None:
            pass
    assert shop.app._hub.open == 0


def test_no_more_streams_open_than_may(opens: Opens) -> None:
    shop = opens(max_streams=1)
    with following(shop, "leo") as stream:
        stream.slate()
        answer = shop.http.get("/users/ann/stream")
        assert "1 streams are open" in problem(answer, 503, "unavailable")
    deadline = time.monotonic() + 5
    while shop.app._hub.open and time.monotonic() < deadline:
        time.sleep(0.02)
    with following(shop, "ann") as stream:
        assert stream.slate()["user"] == "ann"


def test_a_stream_that_makes_no_sense_is_a_problem(shop: Shop) -> None:
    problem(shop.http.get("/users/ann/stream?n=0"), 422, "invalid-request")
    problem(shop.http.get("/users/ann/stream?placement=x"), 422, "invalid-request")
    assert shop.app._hub.open == 0


@pytest.mark.slow
def test_fifty_streams_each_see_their_own_user_move(opens: Opens) -> None:
    shop = opens()
    names = [f"watcher-{n}" for n in range(50)]
    contexts = [following(shop, name, repeats="false") for name in names]
    streams = [context.__enter__() for context in contexts]
    for stream in streams:
        stream.slate()
    shop.post("/events", [{"user": name, "item": "pot", "type": "view"} for name in names[:25]])
    for stream in streams[:25]:
        assert "pot" not in items(stream.slate())
    assert all(stream.is_silent(0.05) for stream in streams[25:])
    for context in contexts:
        context.__exit__(None, None, None)
