"""A trained model with its item table as codes: one byte for a number, or for four of them."""

from dataclasses import replace
from typing import Final

import numpy as np

from penchant.core.errors import ArtifactError, UnknownComponentError
from penchant.engine.learned import TABLES, Learned
from penchant.interests.event_input import VECTORS
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.product_table import ProductTable

SEED: Final = 0
"""k-means draws by it: the same model gives the same codes."""


def compressed(learned: Learned, kind: str, source: str | None = None) -> Learned:
    """The same model with a table of `kind`, `int8` or `pq`; `source` is its artifact's id.

    Everything else stays: what models read of an event is the decoded vector of its item. The card
    says what became of the table. Raises `UnknownComponentError` for another kind, `ArtifactError`
    where the table is coded already, `ConfigError` where D does not fit the kind.
    """
    if kind not in TABLES:
        raise UnknownComponentError("compressed item table", kind, TABLES)
    if learned.table is not None:
        raise ArtifactError(
            f"the item table is {learned.table.kind} already, and codes of codes would lose twice; "
            f"compress a float32 artifact instead{_before(learned)}"
        )
    vectors = learned.weights[VECTORS]
    table: Int8Table | ProductTable
    if kind == "int8":
        table = Int8Table.fit(vectors)
    else:
        table = ProductTable.fit(vectors, learned.met, np.random.default_rng(SEED))
    rest = {name: array for name, array in learned.weights.items() if name != VECTORS}
    coded = replace(learned, weights=rest, table=table)
    told = {"kind": kind, "of": source, "float32_bytes": vectors.nbytes, **table_bytes(coded)}
    return replace(coded, card={**learned.card, "table": told})


def table_bytes(learned: Learned) -> dict[str, int]:
    """Bytes of the item table: what grows with the items, and what decodes it (0 for float32)."""
    if learned.table is None:
        return {"items_bytes": learned.weights[VECTORS].nbytes, "codebook_bytes": 0}
    arrays = learned.table.to_arrays()
    codes = arrays.pop("codes").nbytes
    return {"items_bytes": codes, "codebook_bytes": sum(each.nbytes for each in arrays.values())}


def _before(learned: Learned) -> str:
    of = learned.card.get("table", {}).get("of")
    return f": this one was made from {of}" if of else ", or train again"
