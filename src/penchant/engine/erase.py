"""What an erasure cannot take back, in sentences for its receipt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from penchant.core.errors import ArtifactCorruptError
from penchant.core.ids import ArtifactId, ItemId
from penchant.engine.learned import read_card
from penchant.storage.artifacts import ArtifactStore

_HOLDS: Final = (
    "it names no user and holds no event, but weights, ids of items, and counts of which items "
    "follow one another, until it is pruned"
)
_TRAINED_WITH: Final = "artifact {} was trained while the user's events were in the log: " + _HOLDS
_PERHAPS: Final = (
    "artifact {} may have been trained with events of the user that were undone since: " + _HOLDS
)
_UNFINISHED: Final = (
    "{} holds the weights of an unfinished training run, which may have read the user's events: "
    "no user and no event, until the run is finished or the folder deleted"
)
_CATALOGUE: Final = "the catalogue keeps the ids of items that only they had met ({}): {}"
_NAMED: Final = 10
"""Most ids in that sentence."""


def trained_with(artifacts: ArtifactStore, first_s: float) -> list[ArtifactId]:
    """Artifacts whose training window reaches an event of that time."""
    return [a for a in artifacts.list() if _newest_s(artifacts.folder / a) >= first_s]


def remains(
    trained: Sequence[ArtifactId],
    perhaps: Sequence[ArtifactId],
    training_folder: Path,
    items: Sequence[ItemId],
) -> list[str]:
    """What still holds traces: published models, an unfinished training run, and `items`."""
    told = [_TRAINED_WITH.format(artifact) for artifact in trained]
    told += [_PERHAPS.format(artifact) for artifact in perhaps]
    if training_folder.is_dir() and any(training_folder.iterdir()):
        told.append(_UNFINISHED.format(training_folder.name))
    if items:
        more = f" and {len(items) - _NAMED:,} more" if len(items) > _NAMED else ""
        told.append(_CATALOGUE.format(f"{len(items):,}", ", ".join(items[:_NAMED]) + more))
    return told


def _newest_s(artifact: Path) -> float:
    """Time of the newest event that an artifact has seen; one that cannot be read has seen all."""
    try:
        return float(read_card(artifact).get("newest_s", np.inf))
    except ArtifactCorruptError:
        return np.inf
