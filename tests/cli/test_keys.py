"""`penchant keys` makes, lists, rotates and ends keys; `penchant serve` heeds them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def test_a_key_is_made_shown_once_listed_rotated_and_revoked(
    run: Run, ask: Ask, small: Path
) -> None:
    run("ingest", small)
    assert "lets everybody in" in run("keys", "list").stdout
    made = ask("keys", "add", "shop", "--role", "write")
    assert made["key"].startswith("pk_shop_")
    (listed,) = ask("keys", "list")["keys"]
    assert (listed["name"], listed["role"], listed["valid"]) == ("shop", "write", True)
    assert made["key"] not in run("keys", "list").stdout
    rotated = ask("keys", "rotate", "shop", "--grace", "1")
    assert rotated["key"] != made["key"]
    old, new = ask("keys", "list")["keys"]
    assert old["expires_s"] - new["created_s"] == pytest.approx(3_600)
    assert "valid until" in run("keys", "list").stdout
    assert ask("keys", "revoke", "shop") == {"name": "shop", "revoked": 2}
    assert "revoked" in run("keys", "list").stdout
    assert run("keys", "add", "page").stdout.startswith("pk_page_")


def test_what_is_wrong_with_a_key_is_said(run: Run, ask: Ask, small: Path) -> None:
    run("ingest", small)
    run("keys", "add", "shop")
    assert "a key named shop exists" in ask("keys", "add", "shop", code=1)["error"]
    assert "cannot be named 'My Key'" in ask("keys", "add", "My Key", code=1)["error"]
    assert (
        "no key is named 'shpo' (did you mean 'shop'?)"
        in ask("keys", "revoke", "shpo", code=1)["error"]
    )


def test_keys_of_a_database_that_is_not_there_are_refused(ask: Ask, tmp_path: Path) -> None:
    for name in (["add", "shop"], ["list"], ["revoke", "shop"], ["rotate", "shop"]):
        told = ask("keys", *name, "--db", "shpo.db", code=1)
        assert told["error"].startswith("shpo.db does not exist")
    assert not [*tmp_path.glob("shpo*")]


def test_each_command_of_keys_has_help_and_an_example(run: Run) -> None:
    for name in ("add", "list", "revoke", "rotate"):
        assert f"Example: penchant keys {name}" in run("keys", name, "--help").stdout


def test_another_host_without_a_key_is_refused_with_what_to_do(
    run: Run, ask: Ask, small: Path
) -> None:
    run("ingest", small)
    told = ask("serve", "--host", "0.0.0.0", "--port", "0", code=1)
    assert told["error"].startswith("0.0.0.0 can be reached from other machines")
    assert "penchant keys add NAME" in told["error"]
    run("keys", "add", "shop")
    run("keys", "revoke", "shop")
    assert "no valid key" in ask("serve", "--host", "0.0.0.0", "--port", "0", code=1)["error"]


def test_a_database_or_port_that_is_none_is_refused(run: Run, ask: Ask, small: Path) -> None:
    assert "does not exist" in ask("serve", code=1)["error"]
    run("ingest", small)
    assert "--port 70000 is not allowed" in ask("serve", "--port", "70000", code=1)["error"]
