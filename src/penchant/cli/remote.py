"""A database that a server has open: what commands ask of the engine, asked of the server."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from penchant.client import Client, ProblemError, answers
from penchant.core.contracts import Receipt
from penchant.core.errors import ConfigError, InvalidRequestError, UnknownIdError
from penchant.core.events import Event
from penchant.core.ids import ArtifactId, EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.core.slates import Reason, Recommended, Slate

FOLLOWED: Final = 100
"""Places down to which an item's reason is looked for."""
PAGE: Final = 1_000
"""Rows that are asked for at once."""
PATIENCE_S: Final = 60.0


def server_of(db: Path) -> str | None:
    """Address of the server that has `db` open; None: none says so.

    `<db>.server` stays behind where a server was killed. It counts only if its process is the one
    that holds the lock now.
    """
    db = db.resolve()  # as the server did when it opened a link
    try:
        told = json.loads(Path(f"{db}.server").read_text(encoding="utf-8"))
        holder = Path(f"{db}.lock").read_text(encoding="utf-8").strip()
        url, pid = str(told["url"]), str(told["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if pid == holder else None


class Remote:
    """The part of the engine that commands use, over HTTP, with the key of `PENCHANT_KEY`."""

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self._server = Client(url, timeout_s=PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    def recommend(
        self,
        user: str,
        n: int = 10,
        *,
        exclude: Iterable[str] = (),
        categories: Iterable[str] = (),
        repeats: bool = True,
        diversity: float = 0.0,
        reasons: bool = False,
        next: str | None = None,
        after: str | None = None,
    ) -> Slate:
        """A slate for `user`."""
        with _as_ours():
            found = self._server.recommend(
                user,
                n,
                exclude=exclude,
                categories=categories,
                repeats=repeats,
                diversity=diversity,
                reasons=reasons,
                next=next,
                after=after,
            )
        return Slate(
            found.id,
            UserId(user),
            [_place(place) for place in found.items],
            str(found.state_cursor),
            found.next,
            None if found.artifact is None else ArtifactId(found.artifact),
            found.now_s,
        )

    def explain(self, user: str, item: str, n: int = 10) -> Sequence[Reason]:
        """Why `item` stands where it does among the first `n`, or further down, as on the file."""
        places = list(self.recommend(user, n, reasons=True).items)
        if n < FOLLOWED and all(place.item != item for place in places):
            with suppress(InvalidRequestError):  # its slates may have to be shorter
                places = list(self.recommend(user, FOLLOWED, reasons=True).items)
        return next((place.reasons for place in places if place.item == item), [])

    def profile(self, user: str) -> dict[str, Any]:
        """What the user wants, as JSON takes it."""
        with _as_ours():
            found: dict[str, Any] = msgspec.to_builtins(self._server.interests(user))
        return found

    def history(self, user: str) -> Sequence[Event]:
        """The user's events, oldest first."""
        found: dict[str, Event] = {}
        with _as_ours():
            while True:
                page = self._server.history(user, PAGE, len(found))
                before = len(found)
                found |= {one.id: _event(one) for one in page.events}
                if len(found) >= page.total or len(found) == before:
                    return list(found.values())[::-1]

    def undo(self, event: str) -> bool:
        """Take one event back; False: no such event."""
        try:
            with _as_ours():
                self._server.undo(event)
        except UnknownIdError:
            return False
        return True

    def forget(self, user: str) -> Receipt:
        """Erase the user; the receipt says what remains."""
        with _as_ours():
            found = self._server.forget(user)
        artifacts = [ArtifactId(one) for one in found.artifacts]
        return Receipt(UserId(user), found.events, found.states, artifacts, found.remains)

    def events(self) -> Iterator[Event]:
        """Every event, user by user, each user's oldest first."""
        with _as_ours():
            for user in self._users():
                yield from map(_event, self._server.export(user).events)

    def items(self) -> Iterator[Item]:
        """The catalogue without what was removed from it."""
        with _as_ours():
            for item in self._ids():
                found = self._server.item(item)
                yield Item(
                    ItemId(found.id),
                    found.title,
                    tuple(found.categories),
                    found.description,
                    found.attributes,
                    found.available,
                    found.expires_s,
                )

    def item(self, item: str) -> Item:
        """One item, or `UnknownIdError`."""
        with _as_ours():
            found = self._server.item(item)
        return Item(ItemId(found.id), found.title, tuple(found.categories))

    def facts(self) -> dict[str, Any]:
        """The log in numbers."""
        with _as_ours():
            return dict(self._server.overview().facts)

    @property
    def artifact(self) -> ArtifactId | None:
        """The published model in use."""
        with _as_ours():
            found = self._server.about().artifact
        return None if found is None else ArtifactId(found)

    def _users(self) -> Iterator[str]:
        """Everybody, though events that come meanwhile move users from page to page: looked
        through again until a look finds nobody new."""
        known: set[str] = set()
        looked, found = -1, 0
        while looked != found:
            looked = len(known)
            offset = 0
            while page := self._server.users(PAGE, offset).users:
                fresh = [one.user for one in page if one.user not in known]
                known.update(fresh)
                yield from fresh
                offset += len(page)
            found = len(known)

    def _ids(self) -> list[str]:
        """Every item, though what is taken meanwhile moves items as `_users` says of users."""
        ids: dict[str, None] = {}
        looked = -1
        while looked != len(ids):
            looked, offset = len(ids), 0
            while page := self._server.search("", limit=PAGE, offset=offset).items:
                ids |= dict.fromkeys(one.id for one in page)
                offset += len(page)
        return list(ids)


@contextmanager
def _as_ours() -> Iterator[None]:
    """What the server refuses, as the engine would have refused it."""
    try:
        yield
    except ProblemError as error:
        if error.status == 404:
            raise UnknownIdError(error.detail) from None
        if error.status in (401, 403):
            raise ConfigError(
                f"the server that has the database open says: {error.detail}; "
                "PENCHANT_KEY has to be a key that may do this (`penchant keys add`)"
            ) from None
        if error.status in (422, 503) and error.slug != "unavailable":
            raise InvalidRequestError(error.detail) from None
        raise


def _place(place: answers.Place) -> Recommended:
    return Recommended(
        ItemId(place.item),
        place.title,
        tuple(place.categories),
        place.score,
        place.source,
        place.parts,
        [_reason(reason) for reason in place.reasons],
        place.propensity,
    )


def _reason(found: answers.Reason) -> Reason:
    return Reason(
        [EventId(one) for one in found.events],
        [None if one is None else ItemId(one) for one in found.items],
        found.titles,
        found.rank,
        found.rank_without,
    )


def _event(found: answers.Event) -> Event:
    return Event(
        UserId(found.user),
        found.type,
        found.time_s,
        None if found.item is None else ItemId(found.item),
        found.value,
        EventId(found.id),
        found.words,
        found.context,
        tuple(found.flags),
    )
