"""Items: the catalogue, searched."""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from penchant.core.items import Item
from penchant.serving import schemas
from penchant.serving.lanes import Lane
from penchant.serving.routes import Route, query_of, timed_json
from penchant.serving.timing import encoded


def item_routes(reads: Lane, search: Callable[..., tuple[Sequence[Item], int]]) -> Sequence[Route]:
    """`/items`."""

    async def search_items(request: Request) -> Response:
        """Search items

        `q` are beginnings of words of the title, in any order, of any case and language. Best
        first: titles that start with `q`, then by how often they were taken.
        """
        asked = query_of(request, schemas.ItemsQuery)

        def found() -> dict[str, Any]:
            items, total = search(asked.q, asked.category, asked.limit, asked.offset)
            return {"items": [listed(item) for item in items], "total": total}

        return timed_json(await reads.run(encoded(found)))

    return (
        Route(
            "GET",
            "/items",
            search_items,
            tag="items",
            query=schemas.ItemsQuery,
            answer=schemas.ItemList,
        ),
    )


def listed(item: Item) -> dict[str, Any]:
    """As a list shows it."""
    return {
        "id": item.id,
        "title": item.title,
        "categories": item.categories,
        "available": item.available,
    }
