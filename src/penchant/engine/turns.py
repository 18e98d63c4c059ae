"""Turns: one thread at a time moves or reads what memory holds; who writes goes first."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

NOBODY: Final = 0
"""The number of no thread."""


class Turns:
    """A lock that readers cannot keep a writer from: it waits for one of them at most.

    A plain lock goes to whoever asks first after it is let go, which is most often a reader who has
    just had it. Whoever has the turn may take it again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._owner = NOBODY
        self._writers = 0
        """That wait."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Have a turn when nobody has one and no writer waits."""
        me = threading.get_ident()
        if self._owner == me:
            yield
            return
        with self._changed:
            while self._owner != NOBODY or self._writers:
                self._changed.wait()
            self._owner = me
        try:
            yield
        finally:
            self._let_go()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have the next turn."""
        me = threading.get_ident()
        if self._owner == me:
            yield
            return
        with self._changed:
            self._writers += 1
            try:
                while self._owner != NOBODY:
                    self._changed.wait()
                self._owner = me
            finally:
                self._writers -= 1
        try:
            yield
        finally:
            self._let_go()

    def wait_until(self, reached: Callable[[], bool], wait_s: float) -> bool:
        """Wait outside any turn until a writer's turn has made `reached` true; False: too long."""
        if reached():
            return True
        with self._changed:
            return self._changed.wait_for(reached, wait_s)

    def _let_go(self) -> None:
        with self._changed:
            self._owner = NOBODY
            self._changed.notify_all()
