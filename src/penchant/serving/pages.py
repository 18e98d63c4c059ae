"""Pages: the live page, the API's own documentation, and what each problem means."""

import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from penchant.serving.problems import PAGE, PROBLEMS

STATIC: Final = Path(__file__).parent / "static"


def page_routes(openapi: Callable[[], bytes]) -> Sequence[BaseRoute]:
    """Everything that a browser shows; all of it comes from here."""

    async def index(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def docs(_: Request) -> Response:
        return FileResponse(STATIC / "docs.html")

    async def problems(_: Request) -> Response:
        return HTMLResponse(problems_page())

    async def described(_: Request) -> Response:
        return Response(openapi(), media_type="application/json")

    return (
        Route("/", index),
        Route("/docs", docs),
        Route(PAGE, problems),
        Route("/openapi.json", described),
        Mount("/static", StaticFiles(directory=STATIC)),
    )


def problems_page() -> str:
    """Every problem by its slug: the address that a problem's type is."""
    rows = "".join(
        f'<tr id="{slug}"><th scope="row"><code>{slug}</code></th><td>{kind.status}</td>'
        f"<td>{_marked(kind.title)}</td><td>{_marked(kind.advice)}</td></tr>"
        for slug, kind in PROBLEMS.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Problems - Penchant</title>'
        '<link rel="icon" href="/static/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/static/docs.css"></head><body><main><h1>Problems</h1>'
        "<p>Errors are told as RFC 9457 has it; <code>type</code> leads to one of these lines.</p>"
        "<table><thead><tr><th>slug</th><th>status</th><th>title</th><th>what to do</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></main></body></html>"
    )


def _marked(text: str) -> str:
    """As HTML.

    >>> _marked("Send `a < b`")
    'Send <code>a &lt; b</code>'
    """
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))
