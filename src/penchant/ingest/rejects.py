"""Lines that could not be read: kept beside the data, readable again, erasable by user."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

import msgspec

from penchant.core.errors import InvalidDataError

SUFFIX: Final = ".rejected.jsonl"


class Rejected(NamedTuple):
    """One line of a file that is no event and no item."""

    line: int
    """Of the file, from 1; the header of a CSV is line 1."""
    reason: str
    """A sentence: what is wrong, which value, what is allowed."""
    text: str
    """The line as it stood."""
    kind: str = "malformed"
    """The reason in one word, for counting: `no_user`, `no_time`, `unknown_type`..."""


def rejected_path(target: Path) -> Path:
    """Where the rejected lines of what is read into `target` go."""
    return target.with_name(target.name + SUFFIX)


def count_kinds(rejected: Iterable[Rejected]) -> Counter[str]:
    """How many of each kind."""
    return Counter(one.kind for one in rejected)


def keep(path: Path, rejected: Iterable[Rejected], source: str = "") -> int:
    """Append `rejected` to `path`, with the name of their source; how many there were."""
    said = named(source)
    lines = [msgspec.json.encode({"source": said, **one._asdict()}) + b"\n" for one in rejected]
    if lines:
        with path.open("ab+") as file:
            if _torn(file):  # a process was killed here: what it left stays a line of its own
                file.write(b"\n")
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
    return len(lines)


def named(source: str) -> str:
    """A source as it is kept: a file's name may be any bytes."""
    return source.encode("utf-8", "backslashreplace").decode()


def read_back(path: Path) -> Iterator[Rejected]:
    """Everything kept in `path`, oldest first; nothing where there is no such file."""
    return (one for _, one in read_sources(path))


def read_sources(path: Path) -> Iterator[tuple[str, Rejected]]:
    """The same, each with the source that it was kept under.

    What is left of a line that was never written whole is passed over.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            found = _rejected(line, f"{path.name}, line {number}")
            if found is not None:
                yield found


def scrub(path: Path, user: str) -> int:
    """Rewrite `path` without the lines that mention `user`; how many went.

    A line mentions an id in its text or its reason, where no letter or digit touches it, so that
    erasing user 12 leaves user 123 alone. A line that was not UTF-8 is read as GB18030 and as
    Latin-1 too. One that was not written whole goes too if its bytes mention it.
    """
    if not path.exists():
        return 0
    beside = path.with_name(path.name + ".scrubbing")
    gone = 0
    with path.open("rb") as file, beside.open("wb") as rest:
        for line in file:
            if _mentions(line, user):
                gone += 1
            else:
                rest.write(line)
        rest.flush()
        os.fsync(rest.fileno())
    if gone:
        os.replace(beside, path)
    else:
        beside.unlink()
    return gone


def _torn(file: IO[bytes]) -> bool:
    """Whether the file, open for appending, ends inside a line."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _rejected(line: bytes, where: str) -> tuple[str, Rejected] | None:
    """One line of the file of rejects, and its source; None: it was not written whole."""
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    try:
        told = msgspec.convert(found, dict[str, str | int])
        return str(told["source"]), Rejected(
            int(told["line"]), str(told["reason"]), str(told["text"]), str(told["kind"])
        )
    except (msgspec.ValidationError, KeyError):
        raise InvalidDataError(
            f"{where} is no rejected line: {line[:80]!r}; allowed are the lines written here"
        ) from None


def _mentions(line: bytes, user: str) -> bool:
    """Whether any reading of what was rejected, or of why, contains `user` as a word of its own."""
    in_csv = user.replace('"', '""')
    pattern = re.compile(rf"(?<!\w)(?:{re.escape(user)}|{re.escape(in_csv)})(?!\w)")
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        torn = line.decode("utf-8", "backslashreplace")
        found = {"text": torn, "reason": re.sub(r"\\(.)", r"\1", torn)}  # as it is, and unescaped
    said = (str(found.get(key, "")) for key in ("text", "reason"))
    texts = (text for one in said for text in (one, *_recoded(one)))
    return any(pattern.search(text) for one in texts for text in _readings(one, depth=2))


def _recoded(text: str) -> list[str]:
    """A line that was not UTF-8, kept with escapes for bytes, as GB18030 and as Latin-1 read it."""
    if r"\x" not in text:
        return []
    kept = text.encode("utf-8", "replace")
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), kept)
    return [raw.decode(encoding, "replace") for encoding in ("gb18030", "latin-1")]


def _readings(text: str, depth: int) -> Iterator[str]:
    """`text`, and every text inside it where it is JSON: escapes may hide an id."""
    yield text
    if depth == 0:
        return
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    for value in inner:
        if isinstance(value, str):
            yield from _readings(value, depth - 1)
        elif isinstance(value, dict | list | int | float):
            yield from _readings(msgspec.json.encode(value).decode(), depth - 1)
