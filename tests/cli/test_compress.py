"""`penchant compress` publishes the model with a coded table, serves it, and tells its bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.engine.engine import Engine

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("kind", "share"), [("int8", 4), ("pq", 16)])
def test_compress_publishes_and_serves_and_the_model_of_before_stays(
    kind: str, share: int, ask: Ask, trained: Callable[[], Path]
) -> None:
    path = trained()
    with Engine.open(path) as engine:
        before = engine.artifact
    told = ask("compress", "--table", kind, "--db", path)
    assert (told["kind"], told["of"], told["dim"]) == (kind, before, 16)
    assert told["items_bytes"] * share == told["float32_bytes"] == told["items"] * 16 * 4
    assert told["seconds"] >= 0
    assert (path.parent / "films.db.artifacts" / str(before)).is_dir()
    with Engine.open(path) as engine:
        assert engine.artifact == told["artifact"]
        user = engine.users(1)[0][0]
    slate = ask("recommend", user, "--db", path, "--clock", "log")
    assert slate["artifact"] == told["artifact"]
    assert len(slate["items"]) == 10
    again = ask("compress", "--table", kind, "--db", path, code=1)
    assert f"the item table is {kind} already" in again["error"]
    assert f"made from {before}" in again["error"]
    other = ask("compress", "--table", "int8", "--artifact", before, "--db", path)
    assert (other["kind"], other["of"]) == ("int8", before)


def test_what_it_says_to_a_person(run: Run, trained: Callable[[], Path]) -> None:
    path = trained()
    shown = run("compress", "--table", "pq", "--db", path).stdout
    lines = [line.split() for line in shown.splitlines()]
    assert ["items", "1,976", "of", "16", "numbers"] in lines
    assert ["as", "float32", "126,464", "bytes"] in lines
    assert ["as", "pq", "7,904", "bytes"] in lines


def test_it_says_what_is_allowed(ask: Ask, trained: Callable[[], Path]) -> None:
    path = trained()
    told = ask("compress", "--table", "int4", "--db", path, code=1)
    assert "choose one of int8, pq" in told["error"]
    strange = "20300101T000000Z-0123456789ab"
    told = ask("compress", "--table", "pq", "--artifact", strange, "--db", path, code=1)
    assert "has no artifact '20300101T000000Z-0123456789ab'" in told["error"]
    Engine.open(path.parent / "empty.db").close()
    empty = ask("compress", "--table", "pq", "--db", path.parent / "empty.db", code=1)
    assert "serves without a trained model" in empty["error"]
