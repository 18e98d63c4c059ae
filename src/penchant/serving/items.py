"""Items: the catalogue, written, read and searched."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.errors import InvalidItemError
from penchant.core.items import Item
from penchant.engine.engine import Engine
from penchant.ingest.wire import ITEM_FIELDS, id_text, is_missing
from penchant.serving import schemas
from penchant.serving.bodies import Bodies
from penchant.serving.intake import Intake
from penchant.serving.problems import RefusedError
from penchant.serving.reading import Reader
from penchant.serving.routes import Route, id_of, json, many_of, query_of
from penchant.serving.slates import told

IDS: Final = frozenset(key for key, field in ITEM_FIELDS.items() if field == "id")
"""What an item's id may be called in a body."""


class ItemRoutes:
    """`/items` and `/categories`."""

    def __init__(
        self,
        engine: Engine,
        reads: Reader,
        intake: Intake,
        bodies: Bodies,
        changed: Callable[[], None],
        most: int,
    ) -> None:
        self._engine = engine
        self._reads = reads
        self._intake = intake
        self._bodies = bodies
        self._changed = changed
        self._most = most

    def routes(self) -> Sequence[Route]:
        """All of them."""
        return (*self._reading(), *self._writing())

    def _reading(self) -> Sequence[Route]:
        return (
            Route(
                "GET /items",
                self.search,
                role="read",
                query=schemas.ItemsQuery,
                answer=schemas.ItemList,
            ),
            Route(
                "GET /items/{item}",
                self.get,
                role="read",
                answer=schemas.Item,
                problems=("not-found",),
            ),
            Route(
                "GET /items/{item}/similar",
                self.similar,
                role="read",
                query=schemas.SimilarQuery,
                answer=schemas.Similar,
                problems=("not-found",),
            ),
            Route("GET /categories", self.categories, role="read", answer=schemas.CategoryList),
        )

    def _writing(self) -> Sequence[Route]:
        return (
            Route(
                "PUT /items/{item}",
                self.put,
                role="write",
                body=schemas.ItemGiven,
                answer=schemas.ItemPut,
                problems=("storage-full",),
            ),
            Route(
                "PUT /items",
                self.put_many,
                role="write",
                body=list[schemas.ItemRow],
                answer=schemas.ItemOutcomes,
                problems=("storage-full",),
            ),
            Route(
                "DELETE /items/{item}",
                self.remove,
                role="admin",
                answer=schemas.ItemRemoved,
                problems=("not-found", "storage-full"),
            ),
        )

    async def search(self, request: Request) -> Response:
        """Search items

        `q` are beginnings of words of the title, in any order, of any case and language. Best
        first: titles that begin with `q`, then by how often they were taken.
        """
        asked = query_of(request, schemas.ItemsQuery)

        def found() -> dict[str, Any]:
            given = (asked.q, asked.category, asked.limit, asked.offset)
            items, total = self._engine.search_items(*given)
            return {"items": list(map(_listed, items)), "total": total}

        return await self._reads.json(found)

    async def get(self, request: Request) -> Response:
        """Read an item"""
        item = id_of(request, "item")
        return await self._reads.json(lambda: _shown(self._engine.item(item)))

    async def similar(self, request: Request) -> Response:
        """Items like an item

        Those that the same people take, then those whose trained vectors are near.
        """
        item, asked = id_of(request, "item"), query_of(request, schemas.SimilarQuery)

        def found() -> dict[str, Any]:
            pairs = self._engine.similar(item, asked.n)
            return {"item": item, "items": [{**told(i), "score": score} for i, score in pairs]}

        return await self._reads.json(found)

    async def categories(self, _: Request) -> Response:
        """Categories, and how many items each has"""

        def found() -> dict[str, Any]:
            pairs = self._engine.categories()
            return {"categories": [{"name": name, "items": count} for name, count in pairs]}

        return await self._reads.json(found)

    async def put(self, request: Request) -> Response:
        """Add or replace an item

        Recommendable with the next slate. A field that has no meaning of its own becomes an
        attribute.
        """
        item, body = id_of(request, "item"), await self._bodies.json(request)
        if not isinstance(body, Mapping):
            raise RefusedError("invalid-request", "the body is no object; allowed is an item")
        for key in IDS.intersection(body):
            given = body[key]
            if not is_missing(given) and id_text(key, given, InvalidItemError) != item:
                raise RefusedError(
                    "invalid-request",
                    f"{key} is {given!r} in the body and {item!r} in the path",
                )
        rest = {key: value for key, value in body.items() if key not in IDS}
        rows = [{"id": item, **rest}]
        (outcome,) = (await self._intake.run(lambda: self._engine.put_items_each(rows))).value
        if outcome.error is not None:
            raise RefusedError("invalid-request", outcome.error)
        self._changed()
        return json({"item": outcome.item, "status": outcome.status})

    async def put_many(self, request: Request) -> Response:
        """Add or replace items

        What is good is stored; what is not comes back as `rejected` with a sentence.
        """
        rows = many_of(await self._bodies.json(request), self._most)
        outcomes = (await self._intake.run(lambda: self._engine.put_items_each(rows))).value
        self._changed()
        return json({"results": [outcome._asdict() for outcome in outcomes]})

    async def remove(self, request: Request) -> Response:
        """Remove an item

        From every slate and search, and its words are gone. Its events stay: they are what its
        users did. Putting it again brings it back.
        """
        item = id_of(request, "item")
        await self._intake.run(lambda: self._engine.remove_item(item))
        self._changed()
        return json({"item": item, "removed": True})


def _shown(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "categories": item.categories,
        "description": item.description,
        "attributes": item.attributes,
        "available": item.available,
        "expires_s": item.expires_s,
    }


def _listed(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "categories": item.categories,
        "available": item.available,
    }
