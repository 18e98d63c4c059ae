"""A trained model with its item table as codes: one byte for a number, or for four of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ArtifactError, UnknownComponentError
from penchant.core.events import EventColumns
from penchant.core.interests import Vectors
from penchant.core.signals import Signal
from penchant.engine.learned import TABLES, Learned
from penchant.engine.replay import Replay
from penchant.engine.stages import Live, learned_stages
from penchant.interests.event_input import BIASES, VECTORS
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.product_table import ProductTable

SEED: Final = 0
"""What is drawn is drawn by it: the same model and log give the same codes."""
EVENTS: Final = 50_000
"""Events of users drawn at random that are replayed to see which interests a table is used with."""
READINGS: Final = 8_192
"""Of these at most so many read interests, evenly spread."""
EVEN: Final = 0.1
"""What an error costs whatever its direction, beside the mean cost of 1 by the interests.

Models read item vectors as inputs too, in directions that interests do not tell of.
"""


class Use(NamedTuple):
    """How a log uses an item table; by it a pq table is made exact where it matters."""

    directions: Vectors
    """(K, D) weighted directions of interests, as users read them just before their events."""
    counts: NDArray[np.int64]
    """(N,) events by item."""


def compressed(
    learned: Learned, kind: str, source: str | None = None, use: Use | None = None
) -> Learned:
    """The same model with a table of `kind`, `int8` or `pq`; `source` is its artifact's id.

    Models then read the decoded vector of an event's item. With `use`, of which pq alone takes
    note, an error e of item n costs sqrt(1 + count_n) e (C / mean_d C_dd + 0.1 I) e', C the
    covariance of the directions u: an error that moves no score of anybody is no loss to them. What
    is left on average, mean(u) . (x - x'), goes to the item's bias, so that nobody's score is off
    on average. The card says what became of the table.

    Raises `UnknownComponentError` for another kind, `ArtifactError` where the table is coded
    already, `ConfigError` where D does not fit the kind.
    """
    if kind not in TABLES:
        raise UnknownComponentError("compressed item table", kind, TABLES)
    if learned.table is not None:
        raise ArtifactError(
            f"the item table is {learned.table.kind} already, and codes of codes would lose twice; "
            f"compress a float32 artifact instead{_before(learned)}"
        )
    vectors = learned.weights[VECTORS]
    rest = {name: array for name, array in learned.weights.items() if name != VECTORS}
    table: Int8Table | ProductTable
    if kind == "int8":
        table = Int8Table.fit(vectors)
    else:
        table = _product_table(learned, use)
        if use is not None and len(use.directions):
            off = table.products(use.directions.mean(axis=0, keepdims=True))[0]
            right = vectors @ use.directions.mean(axis=0)
            rest[BIASES] = rest[BIASES] + np.where(learned.met, right - off, np.float32(0.0))
    coded = replace(learned, weights=rest, table=table)
    told = {"kind": kind, "of": source, "float32_bytes": vectors.nbytes, **table_bytes(coded)}
    return replace(coded, card={**learned.card, "table": told})


def use_of(learned: Learned, columns: EventColumns, signals: Mapping[str, Signal]) -> Use:
    """How the events of a log, in fold order and with the model's rows, use its item table."""
    n_items = len(columns.items)
    rows = columns.row[columns.row >= 0]
    counts = np.bincount(rows, minlength=n_items)[: len(learned.items)]
    events = np.bincount(columns.user, minlength=len(columns.users))
    drawn = np.random.default_rng(SEED).permutation(len(events))
    some = drawn[: 1 + int(np.searchsorted(np.cumsum(events[drawn]), EVENTS))]
    own = columns.take(np.isin(columns.user, some))
    stages = learned_stages(learned, signals, Live(n_items), n_items)
    replay = Replay(stages, None, own, signals)
    places = np.linspace(0, len(own) - 1, min(READINGS, len(own))).astype(np.intp)
    found = [np.zeros((0, learned.vectors.shape[1]), np.float32)]
    for at in places.tolist():
        replay.move_to(at)
        code = int(own.user[at])
        if replay.has_met(code):
            reading = replay.reading(code, float(own.time_s[at]))
            interests = reading.interests[learned.model]
            found.append(interests.directions * interests.weights[:, None])
    return Use(np.concatenate(found), counts)


def table_bytes(learned: Learned) -> dict[str, int]:
    """Bytes of the item table: what grows with the items, and what decodes it (0 for float32)."""
    if learned.table is None:
        return {"items_bytes": learned.weights[VECTORS].nbytes, "codebook_bytes": 0}
    arrays = learned.table.to_arrays()
    codes = arrays.pop("codes").nbytes
    return {"items_bytes": codes, "codebook_bytes": sum(each.nbytes for each in arrays.values())}


def _product_table(learned: Learned, use: Use | None) -> ProductTable:
    vectors, rng = learned.weights[VECTORS], np.random.default_rng(SEED)
    if use is None:
        return ProductTable.fit(vectors, learned.met, rng)
    return ProductTable.fit(
        vectors, learned.met, rng, np.sqrt(1.0 + use.counts), _metric(use.directions)
    )


def _metric(directions: Vectors) -> NDArray[np.float64] | None:
    """C / mean_d C_dd + 0.1 I of directions (K, D); None where they do not differ."""
    if len(directions) < 2:
        return None
    spread = np.cov(directions.T)
    mean = float(np.trace(spread)) / len(spread)
    if mean <= 0.0:
        return None
    return np.asarray(spread / mean + EVEN * np.eye(len(spread)), np.float64)


def _before(learned: Learned) -> str:
    of = learned.card.get("table", {}).get("of")
    return f": this one was made from {of}" if of else ", or train again"
