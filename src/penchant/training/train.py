"""Train on an engine's own log and publish what was learned."""

from pathlib import Path

from penchant.core.errors import ArtifactError
from penchant.core.ids import ArtifactId
from penchant.engine.engine import Engine
from penchant.ingest.order import unordered
from penchant.training.fit import Tell, TrainingConfig, fit
from penchant.training.sequence import Watch


def train(  # what to train on, with what, and who is watching
    engine: Engine,
    config: TrainingConfig | None = None,
    seed: int = 0,
    *,
    resume: bool = False,
    watch: Watch | None = None,
    tell: Tell | None = None,
) -> ArtifactId:
    """Learn from every event of the log, publish the artifact and serve with it.

    Events of one user at one instant are read as a set, in a random order, as `penchant evaluate`
    reads them: a source that knew the order of the file would be trusted for what it cannot serve.
    A run that is cut off leaves checkpoints beside the database; `resume` goes on from them to
    the same result. Raises `NotEnoughDataError` with the numbers, and `ArtifactError` where
    somebody was forgotten meanwhile.
    """
    config = config or TrainingConfig()
    checkpoint = engine.training_folder / "run.safetensors"
    if not resume:
        _clear(checkpoint)
    erasures = engine.erasures
    columns = unordered(engine.columns(), engine.config.signals)
    asked = engine.config.strategy.repeats
    repeats = None if asked == "auto" else asked == "keep"
    learned = fit(
        columns,
        engine.items(),
        engine.config.signals,
        config,
        seed,
        repeats,
        watch,
        tell,
        checkpoint,
    )
    try:
        artifact = engine.publish(learned, erasures)
    except ArtifactError:
        if engine.erasures != erasures:  # it has learned from somebody who is to be forgotten
            _clear(checkpoint)
        raise
    _clear(checkpoint)
    return artifact


def _clear(checkpoint: Path) -> None:
    """No checkpoint is left: of the final training, the trial, or a teacher in either."""
    for draft in checkpoint.parent.glob(f"*{checkpoint.name}"):
        draft.unlink()
