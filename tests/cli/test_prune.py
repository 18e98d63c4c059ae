"""`penchant prune` deletes old artifacts, and never the one that serves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.engine.engine import Engine
from penchant.storage import ArtifactStore

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def holding(text: str) -> Callable[[Path], None]:
    def write(draft: Path) -> None:
        (draft / "card.json").write_text(text)

    return write


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    """Three artifacts, oldest first, none of which serves."""
    Engine.open(tmp_path / "penchant.db").close()
    folder = tmp_path / "penchant.db.artifacts"
    store = ArtifactStore(folder)
    made = [store.publish(holding(str(n)), 1.7e9 + n) for n in range(3)]
    (folder / "current").unlink()
    return list(made)


def test_the_newest_stay_and_the_others_are_deleted(
    ask: Ask, tmp_path: Path, three: list[str]
) -> None:
    told = ask("prune", "--keep", 2)
    assert told == {"db": "penchant.db", "deleted": three[:1], "kept": three[1:]}
    folder = tmp_path / "penchant.db.artifacts"
    assert sorted(path.name for path in folder.iterdir()) == three[1:]
    assert ask("prune", "--keep", 2)["deleted"] == []


def test_what_it_says_to_a_person(run: Run, three: list[str]) -> None:
    told = run("prune", "--keep", 1).stdout
    assert told == f"2 artifacts deleted, 1 kept\n- {three[0]}\n- {three[1]}\n"


def test_how_many_stay_must_be_said_and_the_database_must_exist(run: Run) -> None:
    assert "--keep" in run("prune", code=2).output
    assert "none.db does not exist" in run("prune", "--keep", 1, "--db", "none.db", code=1).stderr


@pytest.mark.slow
def test_the_one_that_serves_stays_whatever_its_age(ask: Ask, trained: Callable[[], Path]) -> None:
    path = trained()
    with Engine.open(path) as engine:
        first = engine.artifact
    made = ask("compress", "--table", "int8", "--db", path)["artifact"]
    with Engine.open(path) as engine:
        assert first is not None
        engine.use(first)
    assert ask("prune", "--keep", 0, "--db", path) == {
        "db": str(path),
        "deleted": [made],
        "kept": [first],
    }
    with Engine.open(path) as engine:
        assert engine.artifact == first
