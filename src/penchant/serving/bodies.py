"""Bodies: what a request carries, read within a size and a time."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from penchant.serving.problems import RefusedError


class Bodies:
    """Reads bodies."""

    def __init__(self, most_bytes: int, within_s: float) -> None:
        self._most = most_bytes
        self._within_s = within_s

    async def json(self, request: Request) -> Any:
        """The JSON that the body is."""
        raw = await self.read(request)
        try:
            return msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            what = str(error) if raw else "it is empty"
            raise RefusedError("invalid-json", f"the body is not JSON: {what}") from None
        except RecursionError:
            raise RefusedError("invalid-json", "the body is nested too deeply") from None

    async def read(self, request: Request) -> bytes:
        """The body as it came."""
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            raise self._too_large(f"{int(length):,}")
        try:
            async with asyncio.timeout(self._within_s):
                return await self._collect(request)
        except TimeoutError:
            raise RefusedError(
                "timeout",
                f"the body was not complete after {self._within_s:g} s",
                {"Connection": "close"},
            ) from None

    async def _collect(self, request: Request) -> bytes:
        parts, size, more = [], 0, True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part = message.get("body", b"")
            parts.append(part)
            size += len(part)
            if size > self._most:
                raise self._too_large("more than that")
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_large(self, found: str) -> RefusedError:
        return RefusedError(
            "too-large", f"the body may have at most {self._most:,} bytes, and has {found}"
        )
