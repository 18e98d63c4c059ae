"""Server-sent events: from bytes as they come to messages."""

from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_BYTES: Final = 16 * 2**20
"""A message that is longer is none."""


class Message(NamedTuple):
    """One event of a stream."""

    type: str
    id: str
    data: str


class Messages:
    """Takes bytes, gives the messages that are whole.

    >>> stream = Messages()
    >>> list(stream.take(b": alive\\n\\nid: 7\\nevent: sl"))
    []
    >>> list(stream.take(b"ate\\ndata: {}\\n\\nda"))
    [Message(type='slate', id='7', data='{}')]
    """

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[Message]:
        """Messages that end in `data`."""
        *blocks, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._rest) > MOST_BYTES:
            raise ValueError(f"a message of the stream is longer than {MOST_BYTES:,} bytes")
        for block in blocks:
            message = _message(block.decode("utf-8", "replace"))
            if message is not None:
                yield message


def _message(block: str) -> Message | None:
    found: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        found.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in found:
        return None  # a comment
    return Message(
        found.get("event", ["message"])[-1], found.get("id", [""])[-1], "\n".join(found["data"])
    )
