"""One description serves both clients: in types, in help, in what is sent."""

import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import penchant.client
from penchant.client import AsyncClient, Client
from penchant.client.api import Api
from penchant.client.steps import call, iteration

CALLS = [name for name, own in vars(Api).items() if isinstance(own, call | iteration)]
ENGINE = ("numpy", "torch", "polars", "scipy", "sqlalchemy", "pydantic", "fastapi", "typer")


def test_there_are_the_calls_of_the_contract() -> None:
    assert set(CALLS) == {
        *("observe", "observe_many", "undo", "put_item", "put_items", "item", "remove_item"),
        *("search", "similar", "categories", "put_user", "user", "users", "forget", "history"),
        *("interests", "timeline", "export", "recommend", "pages", "stream", "rank", "session"),
        *("popular", "health", "about", "overview"),
    }


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_its_name_its_docstring_and_its_signature_on_both(name: str) -> None:
    blocking, awaited = getattr(Client(), name), getattr(AsyncClient(), name)
    assert inspect.getdoc(blocking)
    assert inspect.getdoc(blocking) == inspect.getdoc(awaited)
    assert blocking.__name__ == awaited.__name__ == name
    assert inspect.signature(blocking) == inspect.signature(awaited)
    assert "self" not in inspect.signature(blocking).parameters


def test_help_shows_what_a_call_takes_and_gives() -> None:
    shown = str(inspect.signature(Client().similar))
    assert shown == "(item: str, n: int = 10) -> penchant.client.answers.SimilarItems"


def test_the_client_starts_without_anything_of_the_engine() -> None:
    code = f"import sys, penchant.client; print([m for m in {ENGINE} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_mypy_knows_what_either_client_gives_and_takes(tmp_path: Path) -> None:
    given = """
        from collections.abc import AsyncGenerator, Generator
        from typing import assert_type
        from penchant.client import AsyncClient, Client
        from penchant.client.answers import Observed, Slate

        async def both(a: AsyncClient, c: Client) -> None:
            assert_type(c.recommend("u", n=3, lang="zh"), Slate)
            assert_type(await a.recommend("u", n=3, lang="zh"), Slate)
            assert_type(await a.observe("u", "i", value=2), Observed)
            assert_type(c.pages("u", reasons=True), Generator[Slate, None, None])
            assert_type(a.stream("u", 5), AsyncGenerator[Slate, None])
            c.recommend("u", lang="de")
            await a.recommend("u", m=3)
            await c.about()
    """
    (tmp_path / "given.py").write_text(textwrap.dedent(given))
    package = Path(penchant.client.__file__).parent
    assert (package.parent / "py.typed").exists()
    # the client alone: without `skip` mypy reads the engine and NumPy too, for half a minute
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    command += ["--follow-imports=skip", "given.py", *map(str, package.glob("*.py"))]
    done: Any = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("given.py")]
    told = [line.split(": ", 2)[2] for line in lines if ": error: " in line]
    assert [line.partition("  [")[2] for line in told] == ["arg-type]", "call-arg]", "misc]"], (
        done.stdout + done.stderr
    )
