"""What a call may come to instead of an answer."""

from typing import Final

import msgspec

from penchant.core.errors import PenchantError

SHOWN: Final = 200
"""Characters of a strange answer that an error shows."""


class ClientError(PenchantError):
    """Root of what goes wrong between this program and the server."""


class UnreachableError(ClientError):
    """No answer came, however often it was tried."""


class ProblemError(ClientError):
    """The server refused (RFC 9457): `detail` says what, which value, what is allowed."""

    def __init__(
        self, status: int, type: str, title: str, detail: str, instance: str, request_id: str
    ) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status: Final = status
        self.type: Final = type
        self.title: Final = title
        self.detail: Final = detail
        self.instance: Final = instance
        self.request_id: Final = request_id

    @property
    def slug(self) -> str:
        """The kind of problem, as documented: `not-found`, `rate-limited` ..."""
        return self.type.rpartition("#")[2]


class Problem(msgspec.Struct, frozen=True):
    """A problem on the wire; what stands between us and the server may leave things out."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    instance: str = ""
    request_id: str = ""


def problem_of(status: int, body: bytes, path: str) -> ProblemError:
    """The problem that an answer is, whoever wrote it."""
    try:
        found = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = Problem()
    told = "" if found.title else body[:SHOWN].decode("utf-8", "replace").strip()
    return ProblemError(
        status,
        found.type,
        found.title or "this is no answer of Penchant",
        found.detail or told,
        found.instance or path,
        found.request_id,
    )
