"""What the engine does not do yet."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from penchant.core.errors import PenchantError
from penchant.core.items import Item
from penchant.engine.engine import Engine


class One(NamedTuple):
    event: str | None
    status: str
    error: str | None


def observe_each(engine: Engine) -> Callable[[Sequence[Any]], tuple[list[One], str]]:
    if hasattr(engine, "observe_each"):
        return engine.observe_each

    def each(rows: Sequence[Any]) -> tuple[list[One], str]:
        found, cursor = [], "0"
        for row in rows:
            try:
                done = engine.observe_many([row])[0]
                found.append(One(done.event, done.status, None))
                cursor = done.cursor
            except PenchantError as error:
                found.append(One(None, "rejected", str(error)))
        return found, cursor

    return each


def search_items(engine: Engine) -> Callable[..., tuple[Sequence[Item], int]]:
    if hasattr(engine, "search_items"):
        return engine.search_items

    def search(q: str, category: str | None, limit: int, offset: int) -> tuple[list[Item], int]:
        words = q.lower().split()
        found = [
            item
            for item in engine.items()
            if (category is None or category in item.categories)
            and all(w in (item.title or "").lower() for w in words)
        ]
        return found[offset : offset + limit], len(found)

    return search
