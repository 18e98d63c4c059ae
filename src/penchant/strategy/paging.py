"""The next page: an opaque token that remembers what was shown, for one user."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final

from penchant.core.errors import InvalidRequestError
from penchant.core.ids import UserId

MAX_CHARACTERS: Final = 6000
"""Longest token: with its address it stays below the 8 KB that servers accept in a request line."""
CHECK_BYTES: Final = 8
GAPS: Final = b"\x01"
"""First byte of rows told as the distances between them: at best a byte each."""
BITS: Final = b"\x02"
"""First byte of rows told as one bit for each row of the catalogue, up to the last one shown."""
ROWS: Final = 2**31
"""No catalogue has as many rows."""
ALLOWED: Final = "allowed is what `next` held in the page before, for the same user, unchanged"


def encode(user: UserId, shown: Iterable[int]) -> str:
    """The token of `user` after the item rows `shown`; equal sets give equal tokens.

    The checksum finds damage and mix-ups; it is no secret, for a token opens nothing.

    >>> sorted(decode(UserId("ann"), encode(UserId("ann"), [7, 300, 5])))
    [5, 7, 300]
    """
    rows = sorted(set(shown))
    payload = GAPS + b"".join(_varint(gap) for gap in _gaps(rows))
    size = rows[-1] // 8 + 1 if rows else 0
    if 1 + size < len(payload):  # so a catalogue of 35,000 items can be paged to its end
        payload = BITS + _bits(rows, size)
    token = base64.urlsafe_b64encode(_check(user, payload) + payload).decode().rstrip("=")
    if len(token) > MAX_CHARACTERS:
        raise InvalidRequestError(
            f"{len(rows)} items were shown, which makes `next` {len(token)} characters long; "
            f"allowed are {MAX_CHARACTERS}: begin again without `next`, or ask for more at once"
        )
    return token


def decode(user: UserId, token: str) -> frozenset[int]:
    """The rows shown to `user` before; a token changed, cut or of somebody else is refused."""
    if len(token) > MAX_CHARACTERS:
        raise InvalidRequestError(
            f"`next` has {len(token)} characters; at most {MAX_CHARACTERS} are possible: {ALLOWED}"
        )
    data = _bytes(token)
    check, payload = data[:CHECK_BYTES], data[CHECK_BYTES:]
    if check != _check(user, payload):
        raise InvalidRequestError(f"`next` is {_short(token)}, which was not given here; {ALLOWED}")
    if payload[:1] not in (GAPS, BITS):
        raise InvalidRequestError(
            f"`next` is of version {payload[0] if payload else 'none'}; allowed are 1 and 2: "
            "begin again without `next`"
        )
    rows = frozenset((_rows if payload[:1] == GAPS else _set_bits)(payload[1:]))
    if max(rows, default=0) >= ROWS:
        raise InvalidRequestError(f"`next` is {_short(token)}, which was not given here; {ALLOWED}")
    return rows


def _bytes(token: str) -> bytes:
    """The bytes of a token, which has one spelling only."""
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as why:
        raise InvalidRequestError(f"`next` is {_short(token)}, no token; {ALLOWED}") from why
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != token:
        raise InvalidRequestError(f"`next` is {_short(token)}, no token; {ALLOWED}")
    return data


def _check(user: UserId, payload: bytes) -> bytes:
    name = user.encode("utf-8", "surrogatepass")
    size = len(name).to_bytes(8, "big")  # so that user and payload cannot be shifted
    return blake2b(size + name + payload, digest_size=CHECK_BYTES).digest()


def _gaps(rows: list[int]) -> Iterator[int]:
    """From ascending rows to the distances between them, which are small."""
    if rows and rows[0] < 0:
        raise InvalidRequestError(f"row {rows[0]} was shown; rows are 0 or more")
    last = 0
    for row in rows:
        yield row - last
        last = row


def _varint(number: int) -> bytes:
    """Seven bits per byte, lowest first; the top bit says that more follow (LEB128)."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _rows(data: bytes) -> Iterator[int]:
    row = number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            row += number
            yield row
            number = shift = 0


def _bits(rows: list[int], size: int) -> bytes:
    """A bit for each row, the lowest of a byte first."""
    out = bytearray(size)
    for row in rows:
        out[row >> 3] |= 1 << (row & 7)
    return bytes(out)


def _set_bits(data: bytes) -> Iterator[int]:
    return (8 * at + bit for at, byte in enumerate(data) for bit in range(8) if byte >> bit & 1)


def _short(token: str) -> str:
    return repr(token if len(token) <= 40 else token[:37] + "...")
