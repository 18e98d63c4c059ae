"""Errors become one line on stderr and an exit code: no traceback for what a person can mend."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup

from penchant.core.errors import PenchantError

INTERRUPTED = 130
"""Exit code of a shell for Ctrl-C."""
UsageError: Final = cast("type[typer.BadParameter]", typer.BadParameter.__base__)
"""What is wrong with a command line; typer names only this child of it."""


class StoppedError(PenchantError):
    """Ctrl-C, and what was kept of the work."""


class Command(TyperCommand):
    """A command whose errors can be read, by people and with `--json` by programs."""

    def make_context(self, info_name: Any, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Read its arguments."""
        with _usage(args):
            return super().make_context(info_name, args, *rest, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        as_json = bool(ctx.params.get("as_json"))
        try:
            return super().invoke(ctx)
        except StoppedError as error:
            _fail(str(error), as_json, INTERRUPTED, "")
        except PenchantError as error:
            _fail(str(error), as_json)
        except KeyboardInterrupt:
            _fail("stopped", as_json, INTERRUPTED, "")
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of a pipe has left: nobody to tell
                raise
            _fail(_told(error), as_json)


class Group(TyperGroup):
    """Commands; an error in their name, or before it, can be read as those of a `Command`."""

    def make_context(self, info_name: Any, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Read what stands before the command."""
        with _usage(args):
            return super().make_context(info_name, args, *rest, **extra)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        with _usage(args):
            return super().resolve_command(ctx, args)


@contextmanager
def _usage(args: Sequence[str]) -> Iterator[None]:
    """An error in `args` without the words of pydantic, with `--json` on stdout too."""
    from penchant.cli.terminal import print_json

    as_json = "--json" in args  # before they are read, which takes them away
    try:
        yield
    except UsageError as error:
        said = error.message.removeprefix("Value error, ").partition(", unable to parse")[0]
        error.message = said.replace("Input should", "it should")
        if as_json:
            print_json({"error": error.format_message()})
        raise


def _told(error: OSError) -> str:
    """What the system says, with the file it says it of."""
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    then = "; free some space there and try again" if error.errno == errno.ENOSPC else ""
    return f"{where}{what}{then}"


def _fail(message: str, as_json: bool, code: int = 1, kind: str = "error: ") -> NoReturn:
    from penchant.cli.terminal import note, print_json

    note(f"{kind}{message}")
    if as_json:
        print_json({"error": message})
    raise typer.Exit(code)
