"""`penchant train`: learn from the log, publish what was learned, and serve with it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from penchant.cli.failures import StoppedError
from penchant.cli.options import DATABASE, AsJson, Config, Db

if TYPE_CHECKING:
    from penchant.cli.settings import Settings
    from penchant.core.ids import ArtifactId
    from penchant.engine.engine import Engine
    from penchant.training.run_folder import RunFolder
    from penchant.training.sequence import Progress

EXAMPLE = "penchant train --db films.db --seed 1"
TOO_FEW: Final = (
    "too few held-out events to weigh the sources by, the model among them: until a training finds "
    "100, slates are made of counts, all weighing alike"
)


def train(
    db: Db = DATABASE,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed gives the same result.")
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was cut off.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--run-folder",
            help="Write settings, curves (CSV, TensorBoard, PNG) and card there; extra `report`.",
        ),
    ] = None,
    begin: Annotated[
        Path | None,
        typer.Option("--from", help="Begin from this artifact's weights; items keep theirs by id."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Train on every event of the log and publish the artifact.

    Under torchrun the processes train one model together: torchrun --nproc-per-node 2 -m penchant
    train. Each reads its share of the lanes; the first alone opens the database.
    """
    from penchant.cli.opening import open_with
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import Stopwatch, print_json
    from penchant.training.following import dismiss
    from penchant.training.ranks import joined
    from penchant.training.sequence import follow

    watch, settings = Stopwatch(), load_settings(config)
    if begin is not None:
        training = settings.training.model_copy(update={"begin": begin})
        settings = settings.model_copy(update={"training": training})
    with joined() as rank:
        if rank > 0:
            follow()
            return
        with open_with(db, settings) as engine, _kept(folder, settings, seed, resume) as kept:
            artifact = _trained(engine, settings, seed, resume, kept.watch)
            card = engine.facts()["card"]
            kept.end(card)
        dismiss()  # after an error torchrun ends the others: they may be waiting in the midst of it
    if as_json:
        print_json({"artifact": artifact, "seconds": watch.seconds(), "card": card})
    else:
        _show(artifact, watch.seconds(), card)


class _Unkept:
    """Where no run folder was asked for."""

    def watch(self, at: "Progress") -> None:
        """Nobody notes it."""

    def end(self, card: Mapping[str, Any]) -> None:
        """Nobody keeps it."""


def _kept(
    folder: Path | None, settings: "Settings", seed: int, resume: bool
) -> AbstractContextManager["RunFolder | _Unkept"]:
    if folder is None:
        return nullcontext(_Unkept())
    from penchant.training.run_folder import RunFolder

    told = {"seed": seed, "training": settings.training.model_dump(mode="json")}
    return RunFolder(folder, told, resume)


def _trained(
    engine: "Engine",
    settings: "Settings",
    seed: int,
    resume: bool,
    keep: "Callable[[Progress], None]",
) -> "ArtifactId":
    from penchant.cli.terminal import stderr
    from penchant.cli.training_progress import TrainingProgress
    from penchant.cli.words import Words
    from penchant.training.train import train as learn

    try:
        with TrainingProgress(stderr(), Words("en")) as display:

            def both(at: "Progress") -> None:
                display.watch(at)
                keep(at)

            return learn(
                engine,
                settings.training,
                seed,
                resume=resume,
                watch=both,
                tell=display.tell,
            )
    except KeyboardInterrupt:
        kept = any(Path(f"{engine.path}.training").glob("*"))
        then = (
            "what was learned up to the last checkpoint is kept; `penchant train --resume` goes on"
            if kept
            else "no checkpoint was due yet, so the next run begins anew"
        )
        raise StoppedError(
            f"stopped; {then}; the engine serves as before, with "
            f"{engine.artifact or 'no trained model'}"
        ) from None


def _show(artifact: "ArtifactId", seconds: float, card: Mapping[str, Any]) -> None:
    from penchant.cli.terminal import day, stdout, table

    out = stdout()
    out.print(f"{artifact}, in {seconds:,.1f} s\n", markup=False)
    rows = [
        ("events", f"{card['events']:,}"),
        ("users", f"{card['users']:,}"),
        ("items", f"{card['items']:,}"),
        ("from", day(card["oldest_s"])),
        ("to", day(card["newest_s"])),
        ("passes", card["passes"]),
        ("events/s", f"{card['events_per_s']:,.0f}"),
        ("on", card["hardware"]),
        ("serves", card["serves"]),
    ]
    out.print(table({"learned from": "left", "": "fold"}, rows))
    if not card["held_out_ndcg10"]:
        out.print(f"\n{TOO_FEW}", markup=False)
    for regime, figures in card["held_out_ndcg10"].items():
        best = sorted(figures.items(), key=lambda pair: -pair[1])
        out.print()
        rows = [(name, f"{value:.4f}") for name, value in best]
        what = "held-out openings of a visit" if regime == "opening" else "inside a visit"
        out.print(table({what: "left", "NDCG@10": "right"}, rows))
