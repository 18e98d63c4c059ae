"""A real server on a real database, in a thread: a shop that sells tea."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from penchant.core.clock import ManualClock
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.serving.app import App
from penchant.serving.config import ServingConfig
from penchant.serving.server import Server, listen, run, server_of, url_of

NOW_S = 1_714_600_000.0
ITEMS = (
    {"id": "tea", "title": "Green Tea", "categories": ["Drinks"]},
    {"id": "pot", "title": "Tea Pot", "categories": ["Ware"]},
    {"id": "cup", "title": "Cup of Glass", "categories": ["Ware"], "description": "thin"},
    {"id": "mate", "title": "绿茶 Mate", "categories": ["Drinks"]},
    {"id": "a/b c", "title": "Odd Id", "categories": []},
)
EVENTS = tuple(
    {"user": user, "item": item, "type": "view", "time": NOW_S - 3_600 + n, "id": f"{user}-{n}"}
    for n, (user, item) in enumerate(
        [("ann", "tea"), ("ann", "pot"), ("bob", "tea"), ("bob", "cup"), ("eve", "pot")]
    )
)


@dataclass
class Shop:
    """A server that runs."""

    url: str
    engine: Engine
    app: App
    server: Server
    thread: threading.Thread
    http: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET that must succeed."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """The same of a POST."""
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def slate(self, user: str, **query: Any) -> list[str]:
        """The items of a user's slate."""
        return [p["item"] for p in self.get(f"/users/{user}/recommendations", **query)["items"]]

    def stop(self) -> None:
        """As a signal would."""
        self.server.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()


Opens = Callable[..., Shop]


def filled(path: Path) -> Path:
    """A database of the shop."""
    with Engine.open(path, clock=ManualClock(NOW_S)) as engine:
        engine.put_items(ITEMS)
        engine.observe_many(EVENTS)
    return path


@contextmanager
def running(path: Path, **settings: Any) -> Iterator[Shop]:
    """The shop's server while a block runs."""
    config = ServingConfig(port=0, **settings)
    up = threading.Event()
    with (
        Engine.open(path, EngineConfig(after_wait_s=0.2), ManualClock(NOW_S)) as engine,
        App(engine, config) as app,
        listen(config.host, config.port) as bound,
    ):
        server = server_of(app, config, up.set, app.stop)
        thread = threading.Thread(target=run, args=(server, bound))
        thread.start()
        assert up.wait(10)
        with httpx.Client(base_url=url_of(bound), timeout=10) as http:
            shop = Shop(url_of(bound), engine, app, server, thread, http)
            try:
                yield shop
            finally:
                http.close()
                shop.stop()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One server for the tests of a module; each uses people of its own."""
    with running(filled(tmp_path_factory.mktemp("shop") / "shop.db")) as one:
        yield one


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """Starts servers with settings of the test's own."""
    opened = []
    numbers = iter(range(100))

    def start(**settings: Any) -> Shop:
        context = running(filled(tmp_path / f"shop-{next(numbers)}.db"), **settings)
        opened.append(context)
        return context.__enter__()

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def problem(answer: httpx.Response, status: int, slug: str) -> str:
    """The detail of a problem, which must be one as documented."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told.keys() == {"type", "title", "status", "detail", "instance", "request_id"}
    assert told["type"] == f"/docs/problems#{slug}"
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    detail = told["detail"]
    assert isinstance(detail, str)
    return detail
