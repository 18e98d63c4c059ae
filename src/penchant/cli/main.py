"""`penchant`: every command registered; each imports what it needs when it runs."""

import io
import os
import sys
from typing import Annotated

import typer

from penchant.cli import (
    bench,
    compare,
    compress,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    export_onnx,
    forget,
    ingest,
    init,
    interests,
    keys,
    prune,
    recommend,
    serve,
    train,
    tune,
    undo,
    validate,
)
from penchant.cli.failures import Command, Group


def main() -> None:
    """Run the command line."""
    # torch's threads wait asleep, not spinning: on busy cores spinning costs up to 10 times
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows holds one code page alone,
            stream.reconfigure(errors="backslashreplace")  # and a file's name may be any bytes
    build()()


def build() -> typer.Typer:
    """The command line, as Typer holds it."""
    app = typer.Typer(
        name="penchant",
        cls=Group,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        callback=_root,
    )
    for command, example in (
        (demo.demo, demo.EXAMPLE),
        (init.init, init.EXAMPLE),
        (validate.validate, validate.EXAMPLE),
        (ingest.ingest, ingest.EXAMPLE),
        (export.export, export.EXAMPLE),
        (export_onnx.export_onnx, export_onnx.EXAMPLE),
        (train.train, train.EXAMPLE),
        (compress.compress, compress.EXAMPLE),
        (prune.prune, prune.EXAMPLE),
        (tune.tune, tune.EXAMPLE),
        (evaluate.evaluate, evaluate.EXAMPLE),
        (compare.compare, compare.EXAMPLE),
        (bench.bench, bench.EXAMPLE),
        (recommend.recommend, recommend.EXAMPLE),
        (interests.interests, interests.EXAMPLE),
        (explain.explain, explain.EXAMPLE),
        (undo.undo, undo.EXAMPLE),
        (forget.forget, forget.EXAMPLE),
        (serve.serve, serve.EXAMPLE),
        (doctor.doctor, doctor.EXAMPLE),
    ):
        app.command(cls=Command, epilog=f"Example: {example}")(command)
    of_keys = typer.Typer(cls=Group, no_args_is_help=True)
    for name, of_key, example in keys.COMMANDS:
        of_keys.command(name, cls=Command, epilog=f"Example: {example}")(of_key)
    app.add_typer(of_keys, name="keys", help=keys.HELP)
    return app


def _version(asked: bool) -> None:
    if asked:
        from penchant import __version__

        typer.echo(__version__)
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Recommendations whose unit is the interest: every event moves it, the next slate knows."""
