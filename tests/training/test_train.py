"""Training on an engine's own log: what it reads of it."""

from pathlib import Path

import numpy as np
import pytest

from penchant.core.errors import ArtifactCorruptError, ArtifactError
from penchant.core.events import Event
from penchant.core.ids import ItemId, UserId
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.training.config import RecurrentConfig, ScheduleConfig, TrainingConfig
from penchant.training.train import train

TINY = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=8, layers=1),
    schedule=ScheduleConfig(epochs=1),
    ease_items=100,
)


def baskets(number: int) -> list[Event]:
    """Each of three neighbouring items at one instant, listed as a catalogue lists them."""
    return [
        Event(UserId(f"u{n % 30}"), "purchase", 3600.0 * n, ItemId(f"i{(n + k) % 12:02}"))
        for n in range(number)
        for k in sorted(range(3), key=lambda k: (n + k) % 12)
    ]


@pytest.mark.slow
def test_the_order_of_the_file_inside_an_instant_is_not_learned(tmp_path: Path) -> None:
    with Engine.open(tmp_path / "shop.db", EngineConfig(clock="log")) as engine:
        engine.observe_many(baskets(600))
        columns = engine.columns()
        assert (columns.row[:3] == np.sort(columns.row[:3])).all()  # the log keeps it
        train(engine, TINY)
        counts = engine.learned().tables["transition"]
    before = np.repeat(np.arange(len(counts["starts"]) - 1), np.diff(counts["starts"]))
    later = counts["rows"].astype(int) - before  # rows are in the order of the first basket
    near = np.abs(later) <= 2  # what one basket holds
    up = counts["counts"][near & (later > 0)].sum() / counts["counts"][near].sum()
    assert 0.4 < up < 0.6  # as the file lists them, nearly all would go up


@pytest.mark.slow
def test_a_model_that_has_read_somebody_who_was_forgotten_meanwhile_is_not_published(
    tmp_path: Path,
) -> None:
    with Engine.open(tmp_path / "shop.db", EngineConfig(clock="log")) as engine:
        engine.observe_many(baskets(200))
        told: list[str] = []

        def tell(stage: str, _share: float) -> None:
            if not told:
                engine.forget("u3")
            told.append(stage)

        with pytest.raises(ArtifactError, match="not published; train again"):
            train(engine, TINY, tell=tell)
        assert engine.artifact is None
        assert not list(engine.training_folder.glob("*"))
        assert train(engine, TINY) == engine.artifact


@pytest.mark.slow
def test_a_model_that_cannot_be_published_for_another_reason_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ArtifactCorruptError(tmp_path / "card.json", "it is missing")

    with Engine.open(tmp_path / "shop.db", EngineConfig(clock="log")) as engine:
        engine.observe_many(baskets(200))
        monkeypatch.setattr(Engine, "publish", fails)
        engine.training_folder.mkdir()
        left = engine.training_folder / "of-hours-run.safetensors"
        left.write_bytes(b"weights")
        with pytest.raises(ArtifactCorruptError):
            train(engine, TINY, resume=True)
        assert left.exists()
