"""Keys at rest: a hash, readable by nobody else, whole or not at all."""

import stat
from pathlib import Path

import pytest

from penchant.core.errors import ConfigError, UnknownIdError
from penchant.serving.keys import (
    Caller,
    Keys,
    add_key,
    keys_path,
    read_keys,
    revoke_key,
    rotate_key,
)

DAY_S = 86_400.0


def test_the_file_holds_no_secret_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = keys_path(tmp_path / "shop.db")
    assert path.name == "shop.db.keys.json"
    key = add_key(path, "shop", "write", 5.0)
    assert key.startswith("pk_shop_")
    secret = key.removeprefix("pk_shop_")
    assert len(secret) == 43
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (kept,) = read_keys(path)
    assert (kept.name, kept.role, kept.created_s, kept.valid(6.0)) == ("shop", "write", 5.0, True)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_name_opens_only_with_its_own_secret(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    first, second = (add_key(path, name, "read", 5.0) for name in ("one", "two"))
    keys = Keys(path, lambda: 6.0)
    assert keys.required
    assert keys.caller(first) == Caller("one", "read")
    assert keys.caller(second) == Caller("two", "read")
    swapped = "pk_two_" + first.removeprefix("pk_one_")
    assert keys.caller(swapped) == "the key is not known"
    assert keys.caller("xx" + first[2:]) == "the key is not known"
    assert keys.caller("pk_one_ü€") == "the key is not known"


def test_without_a_file_every_caller_may_do_everything(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "none.json", lambda: 0.0)
    assert keys.caller(None) == Caller(None, "admin")
    assert not keys.any_valid()


def test_rotation_keeps_the_old_key_for_its_grace_and_no_longer_after_two(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    old = add_key(path, "shop", "write", 0.0)
    new = rotate_key(path, "shop", DAY_S, 10.0)
    newest = rotate_key(path, "shop", 2 * DAY_S, 20.0)
    at = {
        now_s: [
            isinstance(Keys(path, lambda n=now_s: n).caller(k), Caller) for k in (old, new, newest)
        ]
        for now_s in (30.0, 1.5 * DAY_S, 3 * DAY_S)
    }
    assert at[30.0] == [True, True, True]
    assert at[1.5 * DAY_S] == [False, True, True]
    assert at[3 * DAY_S] == [False, False, True]
    assert revoke_key(path, "shop", 30.0) == 3
    keys = Keys(path, lambda: 40.0)
    assert [keys.caller(k) for k in (old, new, newest)] == ["the key is revoked"] * 3
    assert not keys.any_valid()
    assert keys.required
    with pytest.raises(ConfigError, match="the key shop is revoked"):
        rotate_key(path, "shop", DAY_S, 50.0)
    again = add_key(path, "shop", "read", 60.0)
    assert Keys(path, lambda: 61.0).caller(again) == Caller("shop", "read")


@pytest.mark.parametrize("grace_s", [-1.0, 3.6e12, float("nan"), float("inf")])
def test_an_odd_grace_changes_no_key(tmp_path: Path, grace_s: float) -> None:
    path = tmp_path / "k.json"
    add_key(path, "shop", "write", 0.0)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"hours; allowed are 0 to 8,760"):
        rotate_key(path, "shop", grace_s, 10.0)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "Shop", "a_b", "x" * 33, "-a", "ü"])
def test_a_name_that_cannot_be_told_from_the_rest_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="allowed are a to z, 0 to 9 and -"):
        add_key(tmp_path / "k.json", name, "read", 0.0)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    add_key(path, "shop", "read", 0.0)
    with pytest.raises(ConfigError, match="a key named shop exists"):
        add_key(path, "shop", "read", 1.0)
    with pytest.raises(UnknownIdError, match="did you mean 'shop'"):
        revoke_key(path, "shpo", 1.0)
    path.write_text("{")
    with pytest.raises(ConfigError, match="cannot be read as keys"):
        read_keys(path)
