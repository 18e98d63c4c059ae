"""`penchant tune`: which settings of a model predict the later events of your data best."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.failures import StoppedError
from penchant.cli.options import AsJson, Columns, Config, EventType, Order, mapping_of

if TYPE_CHECKING:
    from penchant.training.config import TrainingConfig
    from penchant.training.tune import Tuned

EXAMPLE = "penchant tune movietweetings --trials 20"


def tune(  # noqa: PLR0913  the command line of one command
    source: Annotated[
        str | None, typer.Argument(help="A file, a folder, or movietweetings or online-retail.")
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", help="A database, in place of a source.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Settings tried, in all.")] = 20,
    study: Annotated[
        Path | None,
        typer.Option("--study", help="A file to keep trials in; a search cut off goes on from it."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed tries the same.")] = 0,
    columns: Columns = None,
    kind: EventType = None,
    order: Order = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Try settings of the model that `training.model` names, and print the best as TOML.

    Needs the extra `tune`.

    The latest events, on which `penchant evaluate` tests, are not looked at (`test_share`). Of
    those before them each is trained on all but the latest (`held_out`), and judged by NDCG@10 on
    these.
    """
    from penchant.cli.evaluate import given_data
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import note, print_json, stderr, stdout, table
    from penchant.cli.training_progress import TrainingProgress
    from penchant.cli.words import Words
    from penchant.engine.replay import cut_at
    from penchant.training.fit import repeats_usual
    from penchant.training.tune import Trial, tune

    settings = load_settings(config)
    given = given_data(source, db, (mapping_of(columns), order, kind), settings)
    events = given.placed(settings.signals)
    known = events.take(events.time_s < cut_at(events.time_s, 1 - settings.evaluation.test_share))
    early = known.take(known.time_s < cut_at(known.time_s, 1 - settings.training.held_out))
    asked = settings.strategy.repeats
    keeps = repeats_usual(early, settings.signals) if asked == "auto" else asked == "keep"

    def tell(trial: Trial) -> None:
        said = "given up" if trial.ndcg is None else f"NDCG@10 {trial.ndcg:.4f}"
        note(f"trial {trial.number + 1}: {said}  {_short(trial.settings)}")

    try:
        with TrainingProgress(stderr(), Words("en")) as display:
            found = tune(
                early,
                known,
                settings.signals,
                keeps,
                settings.training,
                trials,
                seed,
                study,
                display.watch,
                tell,
            )
    except KeyboardInterrupt:
        then = f"the trials so far are kept in {study}" if study else "nothing is kept"
        raise StoppedError(f"stopped; {then}") from None
    if as_json:
        print_json(_told(found))
        return
    ordered = sorted(found.trials, key=lambda t: -1.0 if t.ndcg is None else t.ndcg, reverse=True)
    rows = [
        (t.number + 1, "" if t.ndcg is None else f"{t.ndcg:.4f}", _short(t.settings))
        for t in ordered
    ]
    out = stdout()
    out.print(table({"trial": "right", "NDCG@10": "right", "settings": "fold"}, rows))
    out.print("\n" + _toml(found.config), markup=False, highlight=False)


def _told(found: "Tuned") -> dict[str, Any]:
    return {
        "best": found.best._asdict(),
        "trials": [trial._asdict() for trial in found.trials],
        "config": found.config.model_dump(mode="json"),
    }


def _short(settings: Any) -> str:
    return "  ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in sorted(settings.items())
    )


def _toml(config: "TrainingConfig") -> str:
    """The section of the settings file that trains like the best trial."""
    return "\n".join(
        (
            f'[training]\nmodel = "{config.model}"',
            *_section(f"training.{config.model}", config.sizes.model_dump(mode="json")),
            *_section("training.schedule", config.schedule.model_dump(mode="json")),
        )
    )


def _section(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A table and the tables inside it; what is unset is left out."""
    yield f"[{name}]"
    for key, value in values.items():
        if value is not None and not isinstance(value, dict):
            yield f"{key} = {_value(value)}"
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _section(f"{name}.{key}", value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
