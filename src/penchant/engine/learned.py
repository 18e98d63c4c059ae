"""What training learns, as plain values: the content of an artifact."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from penchant.core.contracts import Mask
from penchant.core.errors import ArtifactCorruptError, ArtifactError, ShapeError
from penchant.core.ids import ItemId
from penchant.core.interests import Table
from penchant.encoders.topics import Topics
from penchant.interests.event_input import VECTORS
from penchant.interests.topic_average import TopicPace
from penchant.ranking.blend import CONTEXTS, Blend
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.product_table import ProductTable

Arrays = Mapping[str, NDArray[Any]]
TABLES: Final[Mapping[str, type[Int8Table] | type[ProductTable]]] = {
    "int8": Int8Table,
    "pq": ProductTable,
}
"""Compressed item tables by kind; without one, item vectors are float32 among the weights."""


@dataclass(frozen=True)
class Learned:
    """Weights, tables, topics and blend; built by training, served by the engine."""

    items: Sequence[ItemId]  # N ids, by row
    reader: Mapping[str, Any]  # EventReader.to_json
    model: str  # the sequence model, by its name in SEQUENCE_MODELS
    sizes: Mapping[str, Any]  # its settings
    weights: Mapping[str, NDArray[np.float32]]  # its arrays, as its torch module names them
    met: Mask  # (N,) items seen in training: only they have a vector
    topics: Topics
    tables: Mapping[str, Arrays]  # transition, item_item, ease
    blend: Blend
    repeats: bool  # what `auto` decided
    card: Mapping[str, Any]  # figures for people
    pace: TopicPace = field(default_factory=TopicPace)
    table: Int8Table | ProductTable | None = None  # item vectors as codes; None: among `weights`

    @property
    def vectors(self) -> Table:
        """(N, D) item vectors."""
        return self.weights[VECTORS] if self.table is None else self.table

    def decoded(self) -> Self:
        """The same with float32 item vectors among the weights, as training needs them.

        What the codes lost stays lost; items that were not met have zeros again.
        """
        if self.table is None:
            return self
        vectors = self.table[slice(None)]
        vectors[~self.met] = 0.0
        card = {name: told for name, told in self.card.items() if name != "table"}
        weights = {**self.weights, VECTORS: vectors}
        return replace(self, weights=weights, table=None, card=card)


def save_learned(learned: Learned, folder: Path) -> None:
    """Write every part as safetensors or JSON into `folder`."""
    _save(folder / "weights.safetensors", learned.weights)
    _save(folder / "sources.safetensors", _flat(learned.tables))
    _save(folder / "topics.safetensors", learned.topics.to_arrays())
    _write(folder / "items.json", {"ids": list(learned.items), "met": learned.met.tolist()})
    named = {"labels": list(learned.topics.labels), "pace": learned.pace._asdict()}
    _write(folder / "topics.json", named)
    _write(folder / "blend.json", learned.blend.to_json())
    _write(folder / "reader.json", {**learned.reader, "repeats": learned.repeats})
    named = {"model": learned.model, "sizes": dict(learned.sizes)}
    if learned.table is not None:
        named["table"] = learned.table.kind
        _save(folder / "table.safetensors", learned.table.to_arrays())
    _write(folder / "interests.json", named)
    _write(folder / "model.json", dict(learned.card))


def load_learned(folder: Path) -> Learned:
    """Back from `save_learned`; `ArtifactCorruptError` names the damaged file."""
    items = _read(folder / "items.json")
    blend = Blend.from_json(_read(folder / "blend.json"))
    if len(blend.base) != CONTEXTS:
        raise ArtifactError(
            f"{folder} was made by another version of penchant: its blend weighs by "
            f"{len(blend.base)} facts, this one by {CONTEXTS}; delete `current` beside it to serve "
            "without a trained model, and train again"
        )
    if not (folder / "interests.json").exists():
        raise ArtifactError(
            f"{folder} was made by a version of penchant before 0.2; delete `current` beside it to "
            "serve without a trained model, and train again"
        )
    interests = _read(folder / "interests.json")
    topics, named = _load(folder / "topics.safetensors"), _read(folder / "topics.json")
    pace = TopicPace(**named.get("pace", {}))  # artifacts of before had only the default
    reader = _read(folder / "reader.json")
    return Learned(
        tuple(map(ItemId, items["ids"])),
        reader,
        interests["model"],
        interests["sizes"],
        _load(folder / "weights.safetensors"),
        np.array(items["met"], np.bool_),
        Topics.from_arrays(topics, named["labels"]),
        _nested(_load(folder / "sources.safetensors")),
        blend,
        bool(reader["repeats"]),
        _read(folder / "model.json"),
        pace._replace(rates=tuple(pace.rates)),
        _coded(folder, interests.get("table")),
    )


def read_card(folder: Path) -> Mapping[str, Any]:
    """The figures for people alone."""
    return _read(folder / "model.json")


def _coded(folder: Path, kind: str | None) -> Int8Table | ProductTable | None:
    """The item table of `kind`, where it is not among the weights."""
    if kind is None:
        return None
    if kind not in TABLES:
        raise ArtifactError(
            f"{folder} has an item table of kind {kind!r}, which this version of penchant cannot "
            f"read; it reads {', '.join(TABLES)} and float32"
        )
    path = folder / "table.safetensors"
    arrays = _load(path)
    try:
        return TABLES[kind].from_arrays(arrays)
    except (KeyError, ShapeError) as error:
        raise ArtifactCorruptError(path, f"it is no {kind} table: {error}") from error


def _flat(tables: Mapping[str, Arrays]) -> dict[str, NDArray[Any]]:
    return {
        f"{table}.{key}": array for table, held in tables.items() for key, array in held.items()
    }


def _nested(flat: Arrays) -> dict[str, dict[str, NDArray[Any]]]:
    tables: dict[str, dict[str, NDArray[Any]]] = {}
    for name, array in flat.items():
        table, key = name.split(".", 1)
        tables.setdefault(table, {})[key] = array
    return tables


def _save(path: Path, arrays: Arrays) -> None:
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ArtifactCorruptError(path, str(error)) from error


def _write(path: Path, data: Mapping[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)  # what no JSON reader takes
    path.write_text(text, encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.DecodeError, OSError) as error:
        raise ArtifactCorruptError(path, str(error)) from error
