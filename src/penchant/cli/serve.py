"""`penchant serve`: the engine behind HTTP, with its page."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, ClockName, Config, Db

if TYPE_CHECKING:
    from penchant.cli.settings import Settings
    from penchant.engine.engine import Engine
    from penchant.serving.config import ServingConfig

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
    elsewhere only with keys. It finishes what is in work before it ends.
    """
    one_thread_each()
    from penchant.cli.opening import open_with, warn_if_old
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import print_json, stdout

    settings = load_settings(config)
    with open_with(db, settings, clock) as engine:
        warn_if_old(engine)

        def ready(url: str) -> None:
            if as_json:
                print_json({"url": url, "pid": os.getpid(), "db": str(db)})
            else:
                stdout().print(f"{url}  (API: {url}/docs; Ctrl-C stops)", markup=False)
            sys.stdout.flush()

        serve_engine(engine, serving_of(settings, host, port), ready)


def one_thread_each() -> None:
    """Have each call of a numerical library use one thread: a slate is too small for more."""
    if "numpy" not in sys.modules:  # they are read when it loads
        for name in THREADS:
            os.environ.setdefault(name, "1")


def serving_of(settings: "Settings", host: str | None, port: int | None) -> "ServingConfig":
    """The settings of the server, with what the command line says laid over them."""
    from pydantic import ValidationError

    from penchant.core.errors import ConfigError
    from penchant.serving.config import ServingConfig

    given = {"host": host, "port": port}
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return ServingConfig.model_validate({**settings.serving.model_dump(), **chosen})
    except ValidationError:
        raise ConfigError(f"--port {port} is not allowed; allowed are 0 to 65535") from None


def serve_engine(engine: "Engine", config: "ServingConfig", ready: Callable[[str], None]) -> None:
    """Serve an open engine until a signal; other commands find the address in `<db>.server`."""
    from penchant.serving.app import App
    from penchant.serving.logs import configure
    from penchant.serving.server import SWITCH_S, listen, run, server_of, url_of

    configure()
    sys.setswitchinterval(SWITCH_S)
    with App(engine, config) as app, listen(config.host, config.port) as bound:
        app.refuse_open_door()
        app.warm()
        url, note = url_of(bound), Path(f"{engine.path}.server")

        def listening() -> None:
            _leave(note, url)
            ready(url)

        try:
            run(server_of(app, config, listening, app.stop), bound)
        finally:
            note.unlink(missing_ok=True)


def _leave(note: Path, url: str) -> None:
    """Where the server is, for whoever looks: whole or not at all."""
    import json

    made = Path(f"{note}.new")
    made.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
    made.replace(note)
