"""Problems: what goes wrong at the edge, as RFC 9457 tells it."""

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from starlette.responses import Response

from penchant.core.errors import (
    InvalidEventError,
    InvalidItemError,
    InvalidRequestError,
    NotYetVisibleError,
    PenchantError,
    ShapeError,
    StorageError,
    StorageFullError,
    UnknownIdError,
)

PAGE: Final = "/docs/problems"
MEDIA: Final = "application/problem+json"


class Problem(NamedTuple):
    """One kind of problem."""

    status: int
    title: str
    advice: str
    """What the caller can do."""


PROBLEMS: Final[Mapping[str, Problem]] = {
    "invalid-json": Problem(
        400, "The body is not JSON", "Send UTF-8 encoded JSON; detail names the place."
    ),
    "bad-request": Problem(400, "This is not HTTP", "Speak HTTP/1.1; the connection is closed."),
    "unauthorized": Problem(
        401,
        "A key is needed",
        "Send `Authorization: Bearer <key>` or `X-API-Key: <key>` with a key that `penchant keys "
        "add` printed, and that is neither revoked nor past its time.",
    ),
    "forbidden": Problem(
        403,
        "This is not allowed",
        "Use a key of the role that detail names; without keys, call from this machine by the "
        "address that the server printed, or list the name under `hosts` of [serving].",
    ),
    "not-found": Problem(
        404, "There is no such thing", "Check the id, which is case-sensitive, and the path."
    ),
    "method-not-allowed": Problem(
        405, "The path has no such method", "The header Allow lists those that it has."
    ),
    "timeout": Problem(408, "The body did not come in time", "Send it at once, or in parts."),
    "too-large": Problem(
        413, "The request is too large", "Send fewer rows at a time; detail names the limit."
    ),
    "invalid-request": Problem(
        422, "The request makes no sense", "Detail names the field, its value and what is allowed."
    ),
    "rate-limited": Problem(
        429, "Too many requests", "Wait for the seconds that the header Retry-After says."
    ),
    "head-too-large": Problem(
        431, "The head of the request is too large", "Send shorter headers and a shorter address."
    ),
    "internal": Problem(
        500,
        "The server has failed",
        "Report it with the request_id, which is in the server's log beside the cause.",
    ),
    "not-yet-visible": Problem(
        503, "The events of `after` are not there yet", "Try again; or leave `after` out."
    ),
    "unavailable": Problem(
        503,
        "The server cannot answer now",
        "Try again after the seconds that the header Retry-After says: it stops, or has more in "
        "work than `max_requests` or `max_streams` of [serving] allow.",
    ),
    "storage-full": Problem(
        507,
        "The disk is full",
        "Free some space where the database is and send again: nothing of this was stored.",
    ),
}
"""Every problem by the slug that ends its type."""

CHANGED: Final[tuple[tuple[type[Exception], str], ...]] = (
    (NotYetVisibleError, "not-yet-visible"),
    (StorageFullError, "storage-full"),
    (StorageError, "unavailable"),
    (UnknownIdError, "not-found"),
    (InvalidEventError, "invalid-request"),
    (InvalidItemError, "invalid-request"),
    (InvalidRequestError, "invalid-request"),
    (ShapeError, "invalid-request"),
)
"""The problem that each error becomes; the first that fits."""

_HIDDEN: Final[Mapping[type[Exception], str]] = {
    StorageFullError: "the disk, a quota or a size limit is full; nothing of this call was stored; "
    "free some space where the database is and send it again",
    StorageError: "the database cannot be read or written now; nothing of this call was stored; "
    "the server's log has the cause",
}
"""What a caller is told instead of the words of an error that names files; its kind by CHANGED."""


class RefusedError(PenchantError):
    """A request that is answered with a problem."""

    def __init__(self, slug: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.slug = slug
        self.headers = dict(headers or {})


def refused(error: Exception) -> RefusedError:
    """The problem that `error` is to its caller.

    What we did not foresee says nothing of itself, and what names files says nothing of them.
    """
    if isinstance(error, RefusedError):
        return error
    for kind, slug in CHANGED:
        if isinstance(error, kind):
            wait_s = getattr(error, "retry_after_s", 1.0)
            again = {"Retry-After": str(max(1, math.ceil(wait_s)))}
            says = _HIDDEN.get(kind) or str(error)
            return RefusedError(slug, says, again if PROBLEMS[slug].status == 503 else None)
    return RefusedError("internal", "an error that nobody foresaw; the server's log has the cause")


def problem(error: RefusedError, path: str, request_id: str) -> Response:
    """The answer."""
    kind = PROBLEMS[error.slug]
    body = {
        "type": f"{PAGE}#{error.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": str(error).encode(errors="replace").decode(),
        "instance": path,
        "request_id": request_id,
    }
    return Response(msgspec.json.encode(body), kind.status, error.headers, MEDIA)
