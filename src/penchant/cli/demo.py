"""`penchant demo`: learn from the bundled films, then watch interests and slates move."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from penchant.cli.options import AsJson
from penchant.cli.words import Language, Words
from penchant.core.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from penchant.cli.films import Films
    from penchant.core.clock import ManualClock
    from penchant.engine.engine import Engine
    from penchant.serving.config import ServingConfig

EXAMPLE = "penchant demo --lang zh"

EPOCHS: Final = 8
EASE_ITEMS: Final = 5_000
"""A third of the default's passes and half its EASE items: 12 passes and all items need about 230 s
on one core of 2026, and so not surely under 4 minutes on two; this needs 140 s. NDCG@10 of the
model on held-out events after at most 6, 8 and 12 passes, before ADR 0017: .069, .074, .076."""
FOLLOWED: Final = 5
PLACES: Final = 10
FILE: Final = "films.db"


def demo(
    lang: Annotated[Language, typer.Option("--lang", help="English or Chinese.")] = "en",
    check: Annotated[
        bool, typer.Option("--check", help="Measure instead: five new users and every row.")
    ] = False,
    as_json: AsJson = False,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Where the database goes and stays; else a temporary folder."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary folder.")] = False,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Serve the live page at the end.")
    ] = True,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65_535, help="Port of the page; without it 8420 or a free one."
        ),
    ] = None,
) -> None:
    """Learn from 90,000 film ratings, feed the later ones, and serve the live page over them.

    With --check the last line on stdout is one JSON object, and no page is served. Nothing is
    downloaded.
    """
    from penchant.cli.films import clearest, open_films
    from penchant.cli.terminal import note, stderr
    from penchant.core.clock import ManualClock
    from penchant.engine.engine import Engine

    words = Words(lang)
    if page and not check and not as_json and port is not None:
        _refuse_taken(port)
    with _workplace(folder, keep) as place:
        films = open_films()
        clock = ManualClock(films.cut_s)
        with Engine.open(place / FILE, clock=clock) as engine:
            train_s = _learn(engine, films, words, stderr())
            if check:
                figures = _check(engine, clock, films, train_s, None if as_json else words)
            else:
                _tell(engine, clock, films, None if as_json else words)
        if check:
            _check_http(place / FILE, films, figures)
        kept = place if folder or keep else None
        if kept is not None:
            note(words("kept", folder=kept))
        if not check and not as_json:
            _what_next(words, clearest(films), kept)
            if page:
                _serve(place / FILE, words, port)


@contextmanager
def _workplace(folder: Path | None, keep: bool) -> Iterator[Path]:
    """A folder without a database in it; a temporary one is gone at the end unless kept."""
    import shutil
    import tempfile

    if folder is not None:
        if (folder / FILE).exists():
            raise ConfigError(
                f"{folder / FILE} exists already; name another folder with --dir, or delete it"
            )
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    made = Path(tempfile.mkdtemp(prefix="penchant-demo-"))
    try:
        yield made
    finally:
        if not keep:
            shutil.rmtree(made, ignore_errors=True)


def _learn(engine: "Engine", films: "Films", words: Words, console: "Console") -> float:
    """Take in what happened before the cut, train on it, and say how it goes; the seconds."""
    from penchant.cli.terminal import Stopwatch, day
    from penchant.cli.training_progress import TrainingProgress
    from penchant.training.config import ScheduleConfig, TrainingConfig
    from penchant.training.train import train

    users = len({event.user for event in films.before})
    until = day(films.cut_s)
    said = words("learning", events=len(films.before), users=users, day=until)
    console.print(words("title"), style="bold")
    console.print(said)
    engine.put_items(films.data.items)
    engine.observe_many(films.before)
    config = TrainingConfig(schedule=ScheduleConfig(epochs=EPOCHS), ease_items=EASE_ITEMS)
    watch = Stopwatch()
    with TrainingProgress(console, words) as progress:
        train(engine, config, watch=progress.watch, tell=progress.tell)
    console.print(words("learned", seconds=watch.seconds()))
    return watch.seconds()


def _tell(engine: "Engine", clock: "ManualClock", films: "Films", words: Words | None) -> None:
    """One new user, step by step; without words as one JSON object."""
    from penchant.cli.films import clearest
    from penchant.cli.story import PLACES, Teller, as_json, steps, turn_down
    from penchant.cli.terminal import day, print_json, stdout

    user = clearest(films)
    stranger = engine.recommend(user, PLACES)
    if words is None:
        told = [as_json(step) for step in steps(engine, clock, films, user)]
        print_json({"user": user, "stranger": stranger.to_dict(), "steps": told})
        return
    out = stdout()
    teller = Teller(out, words, {item.id: item for item in films.data.items})
    out.print()
    out.print(words("newcomer", user=user, day=day(films.cut_s)), markup=False)
    out.print()
    teller.stranger(stranger)
    for step in steps(engine, clock, films, user):
        teller.step(step)
    teller.turned_down(*turn_down(engine, user))
    out.print()


def _check(
    engine: "Engine", clock: "ManualClock", films: "Films", train_s: float, words: Words | None
) -> dict[str, Any]:
    """Measure; tables for people unless there are no words."""
    from penchant.cli.checking import feed, judge
    from penchant.cli.terminal import stdout, table

    followed = films.newcomers()[:FOLLOWED]
    fed = feed(engine, clock, films, followed, PLACES)
    rows = judge(engine, films)
    card: dict[str, Any] = engine.facts()["card"]
    figures = {
        "train_s": round(train_s, 1),
        "train_events_per_s": round(float(card["events_per_s"])),
        **fed,
        "ndcg10": {name: round(value, 5) for name, value in rows.items()},
    }
    if words is not None:
        out = stdout()
        changed = figures["slates_changed"]
        said = {"events": figures["events"], "users": len(followed), "changed": changed}
        out.print(words("checked", **said), markup=False)
        best_first = sorted(rows.items(), key=lambda row: -row[1])
        shown = [(words.source(name), f"{value:.4f}") for name, value in best_first]
        headers = {words("row"): "left", "NDCG@10": "right"}
        out.print(words("judged"), markup=False)
        out.print(table(headers, shown))
    return figures


def _check_http(db: Path, films: "Films", figures: dict[str, Any]) -> None:
    """The same over HTTP, and the JSON object with all figures."""
    from penchant.cli.checking import over_http
    from penchant.cli.terminal import print_json

    print_json(figures | over_http(db, films, films.newcomers()[:FOLLOWED], PLACES))


def _serve(db: Path, words: Words, port: int | None) -> None:
    """The live page over the films until Ctrl-C; opened where there is a browser."""
    import sys
    import webbrowser

    from penchant.cli.serve import serve_engine
    from penchant.cli.terminal import stdout
    from penchant.engine.config import EngineConfig
    from penchant.engine.engine import Engine
    from penchant.serving.config import ServingConfig

    def ready(url: str) -> None:
        out = stdout()
        out.print()
        out.print(words("page", url=url), style="bold", markup=False, soft_wrap=True)
        sys.stdout.flush()
        if out.is_terminal:
            webbrowser.open(url)

    defaults = ServingConfig()
    chosen = port if port is not None else defaults.port if _is_free(defaults) else 0
    with Engine.open(db, EngineConfig(clock="log")) as engine:
        serve_engine(engine, defaults.model_copy(update={"port": chosen}), ready)


def _refuse_taken(port: int) -> None:
    """Said now: after minutes of learning the model would be lost with the temporary folder."""
    from penchant.serving.config import ServingConfig
    from penchant.serving.server import listen

    listen(ServingConfig().host, port).close()


def _is_free(config: "ServingConfig") -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError:
            return False
        return True


def _what_next(words: Words, user: str, kept: Path | None) -> None:
    """Commands and code that lead on from here."""
    from penchant.cli.terminal import stdout

    database = "films.db" if kept is None else kept / FILE
    make = ["penchant ingest movietweetings", "penchant train"] if kept is None else []
    look = [f"penchant recommend {user} --reasons --clock log", f"penchant interests {user}"]
    python = [
        "import penchant",
        f'engine = penchant.Engine.open("{database}", penchant.EngineConfig(clock="log"))',
        'engine.observe("you", "0816692", "like")',
        'engine.recommend("you", n=10, reasons=True)',
    ]
    out = stdout()
    out.print(words("next"), style="bold")
    for line in (
        *(f"  {command} --db {database}" for command in (*make, *look)),
        words("own"),
        "  penchant validate events.csv --map user_id=visitorid",
        words("python"),
        *(f"  {line}" for line in python),
    ):
        out.print(line, markup=False, soft_wrap=True)
