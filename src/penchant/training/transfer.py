"""Transfer: training begins from what was learned of another catalogue, item vectors by id."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from penchant.core.contracts import Mask
from penchant.core.errors import ArtifactError
from penchant.core.ids import ItemId
from penchant.engine.learned import Learned
from penchant.interests.event_input import BIASES, COUNTS, TYPES, VECTORS
from penchant.interests.nets import NETS
from penchant.training.config import ModelName, SequenceConfig


def transferred(
    source: Learned,
    items: Sequence[ItemId],
    met: Mask,
    types: Sequence[str],
    model: ModelName,
    sizes: SequenceConfig,
    seed: int,
) -> dict[str, NDArray[np.float32]]:
    """Weights to begin with: compact rows, M items of `items` that are `met` and one for the rest.

    Items and event types that `source` knows by the same name keep their rows, others begin by
    chance; how often items were met is counted anew, and all else is taken over. A compressed
    table is decoded. Raises `ArtifactError` where `source` is another model or of other sizes.
    """
    source = source.decoded()
    if source.model != model:
        raise ArtifactError(
            f"training begins from a {source.model!r} model, and the settings ask for {model!r}; "
            f'set [training] model = "{source.model}"'
        )
    begun = _fresh(model, int(met.sum()) + 1, len(types), sizes, seed)
    _fitting(source, begun, model, sizes, types)
    for name in begun.keys() - {VECTORS, BIASES, TYPES, COUNTS}:
        begun[name] = source.weights[name]
    places = {item: row for row, item in enumerate(source.items) if source.met[row]}
    there = np.array([places.get(items[row], -1) for row in np.flatnonzero(met).tolist()], np.intp)
    for name in (VECTORS, BIASES):
        begun[name][:-1][there >= 0] = source.weights[name][there[there >= 0]]
    for code, name in enumerate(types, 1):
        if name in source.reader["types"]:
            begun[TYPES][code] = source.weights[TYPES][source.reader["types"].index(name) + 1]
    return begun


def _fresh(
    model: ModelName, items: int, types: int, sizes: SequenceConfig, seed: int
) -> dict[str, NDArray[np.float32]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = NETS[model](items, types, sizes)
    assert isinstance(net, nn.Module)
    return {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}


def _fitting(
    source: Learned,
    begun: Mapping[str, NDArray[np.float32]],
    model: ModelName,
    sizes: SequenceConfig,
    types: Sequence[str],
) -> None:
    """Raise where an array of `source` has another shape, but for how many rows a table has, or
    where the event types, which it has by their places, are others.
    """
    tables = (VECTORS, BIASES, TYPES, COUNTS)
    shape = {name: array.shape[name in tables :] for name, array in begun.items()}
    has = {name: array.shape[name in tables :] for name, array in source.weights.items()}
    places = _fresh(model, 1, len(types) + 1, sizes, 0)
    placed = any(places[name].shape != begun[name].shape for name in begun.keys() - {*tables})
    alike = not placed or list(types) == list(source.reader["types"])
    if has == shape and alike:
        return
    asked = sizes.model_dump(mode="json")
    other = [key for key in asked if source.sizes.get(key) != asked[key]]
    if not other:
        raise ArtifactError(
            f"training cannot begin from this {source.model!r} model: what it has of each of the "
            f"event types {', '.join(source.reader['types'])} does not fit those of this log, "
            f"{', '.join(types)}"
        )
    told = ", ".join(f"{key} {source.sizes.get(key)} where {asked[key]} is asked" for key in other)
    raise ArtifactError(
        f"training begins from a {source.model!r} model of other sizes: {told}; "
        f"set them alike under [training.{source.model}]"
    )
