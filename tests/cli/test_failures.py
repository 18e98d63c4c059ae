"""What a person can mend is one line; what the system says is said with its file."""

import errno
import json
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from penchant.cli.failures import Command, StoppedError
from penchant.core.errors import ConfigError


def command_that_raises(error: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command(cls=Command)
    def fall(as_json: bool = False) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ConfigError("no such key"), 1, "error: no such key\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (StoppedError("stopped; 5 are kept"), 130, "stopped; 5 are kept\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "films.db"),
            1,
            "error: films.db: No space left on device; free some space there and try again\n",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            1,
            "error: x: Permission denied\n",
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error: BaseException, code: int, says: str) -> None:
    result = CliRunner().invoke(command_that_raises(error))
    assert (result.exit_code, result.stderr, result.stdout) == (code, says, "")


def test_with_json_the_error_is_an_object_on_stdout() -> None:
    result = CliRunner().invoke(command_that_raises(ConfigError("坏的")), ["--as-json"])
    assert json.loads(result.stdout) == {"error": "坏的"}


def test_a_bug_is_not_hidden() -> None:
    result = CliRunner().invoke(command_that_raises(ZeroDivisionError()))
    assert isinstance(result.exception, ZeroDivisionError)


ONE_OF = "'foo' is not one of 'auto', 'keep', 'drop'."


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("evaluate x.csv --repeats foo", f"Invalid value for '--repeats': {ONE_OF}"),
        ("serve --port x", "Invalid value for '--port': it should be a valid integer"),
        ("validate", "Missing argument 'source'."),
        ("validate x.csv --foo", "No such option: --foo"),
        ("keys add", "Missing argument 'name'."),
        ("keys foo", "No such command 'foo'."),
        ("keys", "No such option: --json"),
        ("foo", "No such command 'foo'."),
        ("", "No such option: --json (Possible options: --version)"),
    ],
)
def test_an_error_of_the_command_line_is_an_object_too(
    run: Callable[..., Result], args: str, says: str
) -> None:
    told = run(*args.split(), "--json", code=2)
    assert json.loads(told.stdout) == {"error": says}
    assert says in told.stderr


def test_without_json_nothing_of_it_is_on_stdout(run: Callable[..., Result]) -> None:
    told = run("evaluate", "x.csv", "--repeats", "foo", code=2)
    assert told.stdout == ""
    assert f"Invalid value for '--repeats': {ONE_OF}" in told.stderr
