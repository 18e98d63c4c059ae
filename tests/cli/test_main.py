"""Every command has help with an example, `--json`, and costs nothing until it runs."""

import subprocess
import sys
from collections.abc import Callable

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
