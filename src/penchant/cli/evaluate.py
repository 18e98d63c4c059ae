"""`penchant evaluate`: how good is it, against what, on data of yours or bundled data."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from penchant.cli.failures import StoppedError
from penchant.cli.options import AsJson, Columns, Config, EventType, Order, mapping_of
from penchant.core.errors import ConfigError

if TYPE_CHECKING:
    from penchant.cli.settings import Settings
    from penchant.cli.training_progress import TrainingProgress
    from penchant.core.events import EventColumns
    from penchant.core.items import Item
    from penchant.core.signals import Signal
    from penchant.evaluation.case import Case

EXAMPLE = "penchant evaluate movietweetings --models engine,popular"

Protocol = Literal["successive", "leave-one-out", "prequential", "drift", "cold", "shuffle"]


class Wanted(NamedTuple):
    """How it is evaluated."""

    protocol: Protocol
    seeds: "Sequence[int]"
    keeps: bool | None
    """Whether taken items are candidates; None: what is usual in the data."""
    models: frozenset[str] | None
    """Rows; None: all."""
    query_time: bool


class Given(NamedTuple):
    """What is evaluated."""

    name: str
    columns: "EventColumns"
    items: "Sequence[Item]"
    ordered: bool

    def placed(self, signals: "Mapping[str, Signal]") -> "EventColumns":
        """Its events; those of one user at one instant in random order, unless one was given."""
        from penchant.ingest.order import unordered

        return self.columns if self.ordered else unordered(self.columns, signals)


def evaluate(  # noqa: PLR0913  the command line of one command
    source: Annotated[
        str | None, typer.Argument(help="A file, a folder, or movietweetings or online-retail.")
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", help="A database, in place of a source.")
    ] = None,
    protocol: Annotated[
        Protocol,
        typer.Option("--protocol", help="What is asked, and what of it is reported."),
    ] = "successive",
    query_time: Annotated[
        bool,
        typer.Option("--query-time", help="With leave-one-out: the last event's time is told."),
    ] = False,
    repeats: Annotated[
        Literal["auto", "keep", "drop"] | None,
        typer.Option("--repeats", help="Whether taken items are candidates."),
    ] = None,
    models: Annotated[
        str | None, typer.Option("--models", help="Rows to report, a,b; without it all.")
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds to train with, 0,1,2.")] = "0",
    columns: Columns = None,
    kind: EventType = None,
    order: Order = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Also write the JSON there; its folder is made if need be."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Train on the earlier events and predict each later one just before it happens.

    That is `successive`. `prequential` reports it by window, `cold` by how little is known of the
    item and the user, `shuffle` against histories without their order; `drift` lets one user's
    stream go on as another's; `leave-one-out` asks for each user's last event, as papers do.
    Events of one user at one instant are put in random order, unless --order names the true one;
    a sequence model still trains on them as on a set, but for leave-one-out.
    """
    from penchant.cli.evaluation_tables import headline, tabled
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import print_json, stdout

    if query_time and protocol != "leave-one-out":
        raise ConfigError(
            f"--query-time with --protocol {protocol}: it goes with leave-one-out alone; elsewhere "
            "`query_time` of the model's settings says what it is told"
        )
    settings = load_settings(config)
    numbers = seed_numbers(seeds)
    _make_room(out)
    given = given_data(source, db, (mapping_of(columns), order, kind), settings)
    chosen = None if models is None else frozenset(name.strip() for name in models.split(","))
    asked = repeats or settings.strategy.repeats
    keeps = None if asked == "auto" else asked == "keep"
    wanted = Wanted(protocol, numbers, keeps, chosen, query_time)
    result = _evaluated(given, settings, wanted)
    if as_json:
        print_json(result)
    else:
        console = stdout()
        console.print(headline(result), soft_wrap=True, markup=False)
        console.print(tabled(result))
    _write(out, result)


def _make_room(out: Path | None) -> None:
    """The folder of `--out`, before hours are spent on what goes there."""
    if out is None:
        return
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; allowed is a file")
    out.parent.mkdir(parents=True, exist_ok=True)


def _write(out: Path | None, result: dict[str, Any]) -> None:
    """The result to `--out`; where that fails it has been printed, so stdout gets no error."""
    from penchant.cli.terminal import note

    if out is None:
        return
    try:
        out.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        note(f"error: --out {out} was not written: {error.strerror or error}")
        raise typer.Exit(1) from None


_How = tuple[dict[str, str], str | None, str | None]
"""Mapping, order and default type."""


def given_data(source: str | None, db: Path | None, how: _How, settings: "Settings") -> Given:
    """A source or a database, read and cleaned as `penchant ingest` would; one of the two."""
    if (source is None) == (db is None):
        raise ConfigError("this needs either a source or --db; the bundled movietweetings will do")
    if db is not None:
        return _from_log(db, how, settings)
    return _from_source(str(source), how, settings)


def _from_log(db: Path, how: _How, settings: "Settings") -> Given:
    from penchant.cli.opening import open_with

    if any(how):
        raise ConfigError("--map, --type and --order say how to read a file; a log needs none")
    with open_with(db, settings) as engine:
        return Given(db.name, engine.columns(), engine.items(), False)


def _from_source(source: str, how: _How, settings: "Settings") -> Given:
    """Read and cleaned as `penchant ingest` would."""
    from penchant.cli.terminal import Bar, note, progress
    from penchant.core.clock import SystemClock
    from penchant.ingest.datasets import open_dataset

    mapping, order, kind = how
    with progress() as bars:
        bar = Bar(bars, "reading", "")
        data = open_dataset(source, mapping, order, kind, signals=settings.signals, progress=bar)
        share = settings.evaluation.test_share
        data = data.cleaned_before(share, settings.clean, SystemClock().now_s())
    left_out = {n: c for n, c in data.counts.items() if c and n.startswith(("rejected", "no_"))}
    for name, count in left_out.items():
        note(f"{name}: {count:,} rows left out")
    return Given(data.name, data.columns, data.items, data.ordered)


def _evaluated(given: Given, settings: "Settings", wanted: Wanted) -> dict[str, Any]:
    from penchant.cli.terminal import stderr
    from penchant.cli.training_progress import TrainingProgress
    from penchant.cli.words import Words

    try:
        with TrainingProgress(stderr(), Words("en")) as display:
            return _run(given, settings, wanted, display)
    except KeyboardInterrupt:
        raise StoppedError("stopped; an evaluation keeps nothing and changes nothing") from None


def _run(
    given: Given, settings: "Settings", wanted: Wanted, display: "TrainingProgress"
) -> dict[str, Any]:
    """The protocol that is wanted; each is imported when it runs."""
    from penchant.evaluation.cold import evaluate_cold
    from penchant.evaluation.drift import evaluate_drift
    from penchant.evaluation.prequential import evaluate_prequential
    from penchant.evaluation.shuffle import evaluate_shuffle

    match wanted.protocol:
        case "successive":
            return _successive(given, settings, wanted, display)
        case "leave-one-out":
            return _leave_one_out(given, settings, wanted, display)
        case "prequential":
            judge = evaluate_prequential
        case "drift":
            judge = evaluate_drift
        case "cold":
            judge = evaluate_cold
        case "shuffle":
            judge = evaluate_shuffle
    return judge(case_of(given, settings, wanted.keeps, display), wanted.seeds, wanted.models)


def case_of(
    given: Given,
    settings: "Settings",
    keeps: bool | None = None,
    display: "TrainingProgress | None" = None,
) -> "Case":
    """What the protocols of the whole engine are given."""
    from penchant.evaluation.case import Case

    columns = given.placed(settings.signals)
    return Case(
        given.name,
        columns,
        by_row(columns, given.items),
        settings.signals,
        settings.evaluation,
        settings.training,
        keeps,
        None if display is None else display.watch,
        None if display is None else display.tell,
    )


def _successive(
    given: Given, settings: "Settings", wanted: Wanted, display: "TrainingProgress"
) -> dict[str, Any]:
    from penchant.evaluation.successive import evaluate_successive

    case = case_of(given, settings, wanted.keeps, display)
    return evaluate_successive(
        case.name,
        case.columns,
        case.items,
        case.signals,
        case.config,
        case.training,
        wanted.seeds,
        wanted.keeps,
        wanted.models,
        display.watch,
        display.tell,
    )


def _leave_one_out(
    given: Given, settings: "Settings", wanted: Wanted, display: "TrainingProgress"
) -> dict[str, Any]:
    from penchant.evaluation.leave_one_out import evaluate_leave_one_out

    return evaluate_leave_one_out(
        given.name,
        given.placed(settings.signals),
        settings.signals,
        settings.training,
        wanted.seeds,
        given.ordered,
        wanted.query_time,
        wanted.keeps,
        wanted.models,
        display.watch,
        display.tell,
    )


def by_row(columns: "EventColumns", items: "Sequence[Item]") -> "list[Item]":
    """The item of each row of `columns`; one without a catalogue entry is its id alone."""
    from penchant.core.items import Item

    known = {item.id: item for item in items}
    return [known.get(item) or Item(item) for item in columns.items]


def seed_numbers(seeds: str) -> list[int]:
    """`0,1,2` as numbers."""
    given = [seed.strip() for seed in seeds.split(",")]
    if not all(seed.isdecimal() for seed in given):
        raise ConfigError(f"--seeds {seeds!r}; allowed are whole numbers from 0 on, 0,1,2")
    return [int(seed) for seed in given]
