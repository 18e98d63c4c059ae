"""Every command has help with an example, `--json`, and costs nothing until it runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import penchant
from penchant.cli.main import build

Run = Callable[..., Result]

NAMES = [
    command.callback.__name__.replace("_", "-")
    for command in build().registered_commands
    if command.callback
]
COMMANDS = (
    "demo init validate ingest export export-onnx train compress prune tune evaluate compare bench "
    "recommend interests explain undo forget doctor serve"
)


def test_the_commands_are_those_that_the_documentation_names() -> None:
    assert sorted(NAMES) == sorted(COMMANDS.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_an_example_and_json(run: Run, name: str) -> None:
    told = run(name, "--help").stdout
    assert f"Example: penchant {name}" in told
    assert "--json" in told


def test_without_a_command_the_list_of_commands_is_shown(run: Run) -> None:
    assert "recommend" in run(code=2).output


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").stdout.strip() == penchant.__version__


def test_help_loads_neither_torch_nor_the_engine() -> None:
    heavy = ("torch", "polars", "sqlalchemy", "scipy", "pydantic", "numpy")
    code = (
        "import sys; from penchant.cli.main import build; build();"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_what_a_pipe_cannot_encode_is_escaped_and_not_an_error(tmp_path: Path) -> None:
    file = tmp_path / "tea.csv"
    file.write_text("user,item,type,time\n1,a,喝🍵,5\n1,b,喝🍵,6\n", encoding="utf-8")

    def piped(*args: object) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "penchant", "validate", *map(str, args)]
        environ = {**os.environ, "PYTHONIOENCODING": "gbk", "COLUMNS": "200"}
        done = subprocess.run(command, capture_output=True, env=environ, check=False)
        return done.returncode, done.stdout.decode("gbk"), done.stderr.decode("gbk")

    code, out, err = piped(file)
    assert (code, err) == (3, "")
    assert "喝\\U0001f375" in out
    assert "not enough to train on" in out
    code, out, err = piped(file, "--json")
    assert (code, err) == (3, "")
    assert json.loads(out)["consistency"]["types_without_signal"] == ["喝🍵"]
    code, out, err = piped("🍵.csv")
    assert (code, out) == (1, "")
    assert err.startswith("error: \\U0001f375.csv does not exist")
