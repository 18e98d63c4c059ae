"""Connections that read: as many as there are, and nobody is turned away."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.util import queue

from penchant.storage.connections import Readers


def test_who_comes_when_every_connection_is_in_use_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    real = queue.Queue.get

    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        if block:
            waits.append(timeout)
        return real(self, block, timeout)

    monkeypatch.setattr(queue.Queue, "get", get)
    readers = Readers(tmp_path / "x.db")

    def read() -> None:
        with readers.reading():
            pass

    with ExitStack() as held:
        for _ in range(64):
            held.enter_context(readers.reading())
        late = threading.Thread(target=read)
        late.start()
        while not waits:
            time.sleep(0.01)
    late.join(10)
    assert waits == [None]
    readers.close()
