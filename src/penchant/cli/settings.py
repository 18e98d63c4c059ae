"""The settings of everything, in one file: engine, training, evaluation and serving."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ConfigDict

from penchant.core.config import load_config
from penchant.engine.config import EngineConfig
from penchant.evaluation.config import SuccessiveConfig
from penchant.serving.config import ServingConfig
from penchant.training.config import TrainingConfig

FILE: Final = "penchant.toml"
"""Read from the working directory when no other file is named."""
NOT_SETTINGS: Final = frozenset({"PENCHANT_CONFIG", "PENCHANT_DB", "PENCHANT_URL", "PENCHANT_KEY"})
"""Variables that stand for options of the command line, and those of the client."""


class Settings(EngineConfig):
    """Settings of Penchant: every key, with its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    training: TrainingConfig = TrainingConfig()
    """What `penchant train` learns, and how."""
    evaluation: SuccessiveConfig = SuccessiveConfig()
    """What `penchant evaluate` holds out."""
    serving: ServingConfig = ServingConfig()
    """Where `penchant serve` listens, what it lets in and how long it waits."""


def load_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of `path`, else of `penchant.toml` here, else the defaults; variables lie on top.

    `PENCHANT_STRATEGY__REPEATS=keep` sets `repeats` of `[strategy]`.
    """
    beside = Path(FILE)
    found = path or (beside if beside.exists() else None)
    given = {name: value for name, value in environ.items() if name not in NOT_SETTINGS}
    return load_config(Settings, found, given)
