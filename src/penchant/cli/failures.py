"""Errors become one line on stderr and an exit code: no traceback for what a person can mend."""

import errno
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand

from penchant.core.errors import PenchantError

INTERRUPTED = 130
"""Exit code of a shell for Ctrl-C."""


class StoppedError(PenchantError):
    """Ctrl-C, and what was kept of the work."""


class Command(TyperCommand):
    """A command whose errors can be read, by people and with `--json` by programs."""

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
