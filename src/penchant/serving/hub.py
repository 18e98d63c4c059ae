"""Hub: who waits for what: streams for their user's events, readers for a cursor."""

import asyncio
from collections.abc import Callable, Iterable

from penchant.core.errors import InvalidRequestError, NotYetVisibleError


class Watch:
    """One stream's eye on one user."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.erased = False
        self.closed = False


class Hub:
    """Wakes the streams of users whose slate may have moved; used on the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._watches: dict[str, set[Watch]] = {}
        self.open = 0
        self.closed = False

    def full(self) -> bool:
        """Whether no further stream may open."""
        return self.closed or self.open >= self._most

    def join(self, user: str) -> Watch:
        """Watch a user."""
        watch = Watch()
        self._watches.setdefault(user, set()).add(watch)
        self.open += 1
        return watch

    def leave(self, user: str, watch: Watch) -> None:
        """Watch no more."""
        left = self._watches[user]
        left.discard(watch)
        if not left:
            del self._watches[user]
        self.open -= 1

    def moved(self, users: Iterable[str]) -> None:
        """Events of these have come in."""
        for user in users:
            for watch in self._watches.get(user, ()):
                watch.woken.set()

    def moved_all(self) -> None:
        """Something has changed that may concern everybody: an undo, the catalogue."""
        self.moved(self._watches)

    def erased(self, user: str) -> None:
        """The user was forgotten: their streams say so and end."""
        for watch in self._watches.get(user, ()):
            watch.erased = True
            watch.woken.set()

    def close(self) -> None:
        """The server stops: every stream ends."""
        self.closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.closed = True
                watch.woken.set()


class Visible:
    """How far the log is folded, and who waits for more of it.

    `folded` asks the engine, which others than the server may tell of events.
    """

    def __init__(self, folded: Callable[[], int], within_s: float) -> None:
        self._folded = folded
        self._within_s = within_s
        self._waiting: set[tuple[int, asyncio.Future[None]]] = set()

    def reach(self, cursor: int) -> None:
        """Everything up to `cursor` is known to the next slate."""
        for wanted, done in list(self._waiting):
            if wanted <= cursor and not done.done():
                done.set_result(None)

    async def wait(self, after: str | None) -> None:
        """Until the events up to `after` are known, or raise `NotYetVisibleError`."""
        if after is None:
            return
        try:
            wanted = int(after)
        except ValueError:
            raise InvalidRequestError(
                f"after is {after!r}; allowed is a cursor that POST /events gave back"
            ) from None
        if wanted <= self._folded():
            return
        waiter = (wanted, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        try:
            async with asyncio.timeout(self._within_s):
                await waiter[1]
        except TimeoutError:
            if wanted <= self._folded():
                return
            raise NotYetVisibleError(wanted, self._within_s) from None
        finally:
            self._waiting.discard(waiter)
