"""A training run on disk: tensors and facts, without pickle, replaced in one rename."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from penchant.core.errors import ArtifactCorruptError


def save_checkpoint(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write both to one safetensors file; a crash leaves the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    held = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(held, draft, metadata={"facts": json.dumps(facts)})
    with draft.open("rb") as file:
        os.fsync(file.fileno())  # else a power cut may leave a whole name on half a file
    draft.replace(path)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Back from `save_checkpoint`; `ArtifactCorruptError` when the file is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads((file.metadata() or {})["facts"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ArtifactCorruptError(path, str(error)) from error
    return tensors, facts
