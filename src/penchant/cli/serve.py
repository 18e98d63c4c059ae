"""`penchant serve`: the engine behind HTTP, with its page."""

import os
import sys
from typing import Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, ClockName, Config, Db

EXAMPLE = "penchant serve --db films.db --clock log"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(
    db: Db = DATABASE,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port to listen on; 0: any that is free.")
    ] = None,
    clock: ClockName = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Serve the HTTP API and the live page until Ctrl-C.

    Prints its address once it is ready. Listens on this machine alone unless told otherwise, and
    elsewhere only with keys.
    """
    if "numpy" not in sys.modules:  # a slate is small: threads would cost more than they bring
        for name in THREADS:
            os.environ.setdefault(name, "1")
    from penchant.cli.opening import open_with, warn_if_old
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import print_json, stdout
    from penchant.serving.app import App
    from penchant.serving.server import address, listen, run

    settings = load_settings(config)
    given = {"host": host, "port": port}
    chosen = {name: value for name, value in given.items() if value is not None}
    serving = type(settings.serving).model_validate({**settings.serving.model_dump(), **chosen})
    with open_with(db, settings, clock) as engine, listen(serving.host, serving.port) as bound:
        warn_if_old(engine)
        url = address(bound)

        def ready() -> None:
            if as_json:
                print_json({"url": url, "pid": os.getpid(), "db": str(db)})
            else:
                stdout().print(f"{url}  (API: {url}/docs; Ctrl-C stops)", markup=False)
            sys.stdout.flush()

        with App(engine, serving) as app:
            run(app, bound, serving, ready, lambda: None)
