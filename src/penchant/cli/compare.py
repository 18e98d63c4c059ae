"""`penchant compare`: which model to serve on your data, as a report with figures."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from penchant.cli.failures import StoppedError
from penchant.cli.options import AsJson, Columns, Config, EventType, Order, mapping_of
from penchant.core.errors import UnknownComponentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from penchant.training.config import ModelName

EXAMPLE = "penchant compare movietweetings --models recurrent --quick"


def compare(  # noqa: PLR0913  the command line of one command
    source: Annotated[
        str | None, typer.Argument(help="A file, a folder, or movietweetings or online-retail.")
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", help="A database, in place of a source.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="The folder of the report; made if need be.")
    ] = Path("comparison"),
    models: Annotated[
        str | None, typer.Option("--models", help="Sequence models, a,b; without it all.")
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", help="Seeds to train with, 0,1,2.")] = "0",
    quick: Annotated[
        bool, typer.Option("--quick", help="Two passes, 1,000 targets, 60 splices: a first look.")
    ] = False,
    repeats: Annotated[
        Literal["auto", "keep", "drop"] | None,
        typer.Option("--repeats", help="Whether taken items are candidates."),
    ] = None,
    columns: Columns = None,
    kind: EventType = None,
    order: Order = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Train every sequence model on your data and report which to serve, and why.

    Accuracy against the cost of an event, window by window, what order is worth, recovery when a
    user becomes another, cold items and users; beside them the baselines. In Markdown and HTML,
    with the numbers in report.json. Figures need the extra `report`.
    """
    from penchant.cli.evaluate import case_of, given_data, seed_numbers
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import print_json, stderr, stdout
    from penchant.cli.training_progress import TrainingProgress
    from penchant.cli.words import Words
    from penchant.evaluation.compare import QUICK, compare
    from penchant.evaluation.compare_report import write_report

    settings = load_settings(config)
    numbers = seed_numbers(seeds)
    chosen = _models(models)
    given = given_data(source, db, (mapping_of(columns), order, kind), settings)
    asked = repeats or settings.strategy.repeats
    keeps = None if asked == "auto" else asked == "keep"
    out.mkdir(parents=True, exist_ok=True)  # before hours are spent on what goes there
    try:
        with TrainingProgress(stderr(), Words("en")) as display:
            case = case_of(given, settings, keeps, display)
            result = compare(case, chosen, numbers, QUICK if quick else None)
    except KeyboardInterrupt:
        raise StoppedError("stopped; nothing was reported") from None
    read = {"--type": kind, "--order": order, "--config": config, "--repeats": repeats}
    command = _command(source or f"--db={db}", columns, {**read, "--models": models}, seeds, quick)
    write_report(result, out, command)
    if as_json:
        print_json({**result, "folder": str(out)})
        return
    _say(result, out, stdout())


def _say(result: dict[str, Any], out: Path, console: Any) -> None:
    console.print(f"Serve {result['serve']['model']}.", markup=False)
    for sentence in result["serve"]["why"]:
        console.print(f"- {sentence}", soft_wrap=True, markup=False)
    pages = " and ".join(str(out / name) for name in ("report.html", "report.md"))
    console.print(f"\nThe whole report: {pages}", soft_wrap=True, markup=False)


def _models(names: str | None) -> "Sequence[ModelName]":
    from penchant.interests.nets import NETS

    known = cast("Sequence[ModelName]", tuple(NETS))
    if names is None:
        return known
    wanted = {name.strip() for name in names.split(",")}
    for name in sorted(wanted - {*known}):
        raise UnknownComponentError("sequence model", name, known)
    return [name for name in known if name in wanted]


def _command(
    source: str,
    columns: "Iterable[str] | None",
    options: "Mapping[str, object]",
    seeds: str,
    quick: bool,
) -> str:
    """What gives this report again; `options` that were not given are None."""
    told = [(name, str(value)) for name, value in options.items() if value is not None]
    told += [("--map", column) for column in columns or ()] + [("--seeds", seeds)]
    words = ["penchant", "compare", source, *(word for pair in told for word in pair)]
    return shlex.join(words + ["--quick"] * quick)
