"""Keys: who may call, with which role; their file, and the server's view of it."""

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from penchant.core.errors import ConfigError, UnknownIdError, nearest

Role = Literal["read", "write", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""Each may do what those before it may."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
MOST_GRACE_S: Final = 365 * 86_400.0
"""How long an old key may hold beside the new one."""
LOOK_EVERY_S: Final = 1.0
"""How often at most the server looks whether the file has changed."""


class Key(msgspec.Struct, frozen=True):
    """A key as it is kept: the secret itself is not.

    SHA-256 is enough here, where a password would need a slow hash: the secret is 256 random bits,
    so that there is no likelier guess to try first, and all of them are more than can be tried.
    """

    name: str
    role: Role
    digest: str
    """SHA-256 of the secret, in hexadecimal."""
    created_s: float
    expires_s: float | None = None
    """When it ends: the old key of a rotation."""
    revoked_s: float | None = None

    def valid(self, now_s: float) -> bool:
        """Whether it opens anything now."""
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)


class Caller(NamedTuple):
    """Who calls."""

    name: str | None
    """Of the key; None: no keys are configured, and every caller may do everything."""
    role: Role


def keys_path(database: Path) -> Path:
    """Where the keys of a database are, whatever link it is named by."""
    return Path(f"{database.resolve()}.keys.json")


def read_keys(path: Path) -> list[Key]:
    """The keys of a file; none where there is no file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Key])
    except FileNotFoundError:
        return []
    except (msgspec.DecodeError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as keys: {error}") from None


def add_key(path: Path, name: str, role: Role, now_s: float) -> str:
    """Make a key and give it back: it is shown once and kept nowhere."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"a key cannot be named {name!r}; allowed are a to z, 0 to 9 and -, at most 32"
        )
    keys = read_keys(path)
    if any(key.name == name and key.valid(now_s) for key in keys):
        raise ConfigError(
            f"a key named {name} exists; choose another name, or `penchant keys rotate {name}`"
        )
    shown, key = _made(name, role, now_s)
    _write(path, [*(old for old in keys if old.name != name), key])
    return shown


def revoke_key(path: Path, name: str, now_s: float) -> int:
    """End every key of that name; gives back how many."""
    keys = read_keys(path)
    valid = [key for key in _named(keys, name) if key.valid(now_s)]
    _write(path, [_replaced(key, revoked_s=now_s) if key in valid else key for key in keys])
    return len(valid)


def rotate_key(path: Path, name: str, grace_s: float, now_s: float) -> str:
    """Make another key of the same name and role; those before end after `grace_s`."""
    if not 0.0 <= grace_s <= MOST_GRACE_S:
        raise ConfigError(
            f"a grace of {grace_s / 3_600:g} hours; allowed are 0 to {MOST_GRACE_S / 3_600:,.0f}, "
            "a year: a key that is to hold on needs no rotation"
        )
    keys = read_keys(path)
    valid = [key for key in _named(keys, name) if key.valid(now_s)]
    if not valid:
        raise ConfigError(f"the key {name} is revoked; `penchant keys add {name}` makes a new one")
    shown, fresh = _made(name, valid[-1].role, now_s)
    ends_s = now_s + grace_s
    ending = {key: _replaced(key, expires_s=min(ends_s, key.expires_s or ends_s)) for key in valid}
    _write(path, [*(ending.get(key, key) for key in keys), fresh])
    return shown


class Keys:
    """The keys as a running server sees them: read again when their file has changed."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._looked = 0.0
        self._keys: Sequence[Key] = ()
        self.required = False
        self._look()

    def caller(self, presented: str | None) -> Caller | str:
        """Who presents this; a sentence where it is nobody."""
        if monotonic() - self._looked > LOOK_EVERY_S:
            self._look()
        if not self.required:
            return Caller(None, "admin")
        if presented is None:
            return "no key was sent"
        prefix, _, rest = presented.partition("_")
        name, _, secret = rest.partition("_")
        digest = _digest(secret)
        now_s, found = self._clock(), None
        for key in self._keys:  # all of them, so that the time taken tells nothing
            if hmac.compare_digest(key.digest, digest) and (key.name, prefix) == (name, "pk"):
                found = key
        if found is None:
            return "the key is not known"
        if not found.valid(now_s):
            return "the key is revoked" if found.revoked_s else "the key's time is over"
        return Caller(found.name, found.role)

    def any_valid(self) -> bool:
        """Whether anybody can get in."""
        return any(key.valid(self._clock()) for key in self._keys)

    def _look(self) -> None:
        """Once keys are needed they stay needed: a file that goes away opens nothing."""
        self._looked = monotonic()
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_ino)
        except OSError:
            seen = None
        if seen == self._seen:
            return
        try:
            self._keys = read_keys(self._path)
        except ConfigError:
            self._keys = ()
            self.required = True
            return  # looked at again in a second: it may be whole by then
        self._seen = seen
        self.required = self.required or bool(self._keys)


def _named(keys: Sequence[Key], name: str) -> list[Key]:
    found = [key for key in keys if key.name == name]
    if not found:
        known = sorted({key.name for key in keys})
        there = ", ".join(known) or "none"
        raise UnknownIdError(f"no key is named {name!r}{nearest(name, known)}; there are {there}")
    return found


def _made(name: str, role: Role, now_s: float) -> tuple[str, Key]:
    secret = secrets.token_urlsafe(32)
    return f"pk_{name}_{secret}", Key(name, role, _digest(secret), now_s)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _replaced(key: Key, **changes: float) -> Key:
    return msgspec.structs.replace(key, **changes)


def _write(path: Path, keys: Sequence[Key]) -> None:
    """All or nothing, and readable by nobody else."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made as 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(keys)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
