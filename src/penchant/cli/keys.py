"""`penchant keys`: who may call the server, and with which role."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from penchant.cli.options import DATABASE, AsJson, Db

if TYPE_CHECKING:
    from penchant.serving.keys import Key

Name = Annotated[str, typer.Argument(help="Of the key: a to z, 0 to 9 and -.")]

HELP = "Say who may call the server. It sees a change within a second, without a restart."


def add(
    name: Name,
    role: Annotated[
        Literal["read", "write", "admin"],
        typer.Option("--role", help="Reading; also events and items in; also erasing and export."),
    ] = "read",
    db: Db = DATABASE,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is shown this once: the file holds only its hash."""
    from penchant.cli.terminal import print_json, stdout
    from penchant.serving.keys import add_key

    key = add_key(_file(db), name, role, _now_s())
    if as_json:
        print_json({"name": name, "role": role, "key": key})
    else:
        stdout().print(key, markup=False, soft_wrap=True)


def show(db: Db = DATABASE, as_json: AsJson = False) -> None:
    """List the keys: name, role, when each was made and whether it still opens."""
    from penchant.cli.terminal import day, print_json, stdout, table
    from penchant.serving.keys import read_keys

    now_s = _now_s()
    keys = read_keys(_file(db))
    if as_json:
        print_json({"keys": [_plain(key, now_s) for key in keys]})
        return
    if not keys:
        stdout().print("no keys: the server listens on this machine alone, and lets everybody in")
        return
    head = {"name": "left", "role": "left", "made": "left", "state": "left"}
    rows = [(key.name, key.role, day(key.created_s), _state(key, now_s)) for key in keys]
    stdout().print(table(head, rows))


def revoke(name: Name, db: Db = DATABASE, as_json: AsJson = False) -> None:
    """End a key, and the one that it replaces where that still holds."""
    from penchant.cli.terminal import print_json, stdout
    from penchant.serving.keys import revoke_key

    ended = revoke_key(_file(db), name, _now_s())
    if as_json:
        print_json({"name": name, "revoked": ended})
    else:
        stdout().print(f"{name}: {ended} revoked", markup=False)


def rotate(
    name: Name,
    grace_h: Annotated[
        float, typer.Option("--grace", help="Hours for which the old key still opens.")
    ] = 24.0,
    db: Db = DATABASE,
    as_json: AsJson = False,
) -> None:
    """Make another key of the same name and role, and let the old one end later."""
    from penchant.cli.terminal import print_json, stdout
    from penchant.serving.keys import rotate_key

    key = rotate_key(_file(db), name, grace_h * 3_600, _now_s())
    if as_json:
        print_json({"name": name, "key": key, "grace_hours": grace_h})
    else:
        stdout().print(key, markup=False, soft_wrap=True)


COMMANDS = (
    ("add", add, "penchant keys add shop --role write"),
    ("list", show, "penchant keys list"),
    ("revoke", revoke, "penchant keys revoke shop"),
    ("rotate", rotate, "penchant keys rotate shop --grace 48"),
)


def _file(db: Path) -> Path:
    """The keys of the database `db`, which must exist."""
    from penchant.cli.opening import must_exist
    from penchant.serving.keys import keys_path

    must_exist(db)
    return keys_path(db)


def _now_s() -> float:
    return datetime.now(UTC).timestamp()


def _state(key: "Key", now_s: float) -> str:
    from penchant.cli.terminal import day

    if key.revoked_s is not None:
        return f"revoked {day(key.revoked_s)}"
    if key.expires_s is None:
        return "valid"
    return f"{'valid until' if key.valid(now_s) else 'ended'} {day(key.expires_s)}"


def _plain(key: "Key", now_s: float) -> dict[str, Any]:
    return {
        "name": key.name,
        "role": key.role,
        "created_s": key.created_s,
        "expires_s": key.expires_s,
        "revoked_s": key.revoked_s,
        "valid": key.valid(now_s),
    }
