"""The catalogue in memory: rows, titles and the facts that rules read, growing as items come."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import ItemFacts, Mask
from penchant.core.errors import UnknownIdError
from penchant.core.ids import ItemId
from penchant.core.interests import Vectors
from penchant.core.items import Item


class Shelf:
    """Items by row; a row never changes its item."""

    def __init__(self, items: Sequence[Item], added_s: NDArray[np.float64]) -> None:
        self._items = list(items)
        self._rows = {item.id: row for row, item in enumerate(items)}
        self._added_s = list(added_s)
        self._vectors: Vectors | None = None
        self._facts: ItemFacts | None = None

    def __len__(self) -> int:
        return len(self._items)

    def row(self, item: ItemId) -> int | None:
        """Its row; None: never met."""
        return self._rows.get(item)

    def row_of(self, item: ItemId) -> int:
        """Its row, or `UnknownIdError`."""
        row = self._rows.get(item)
        if row is None:
            raise UnknownIdError(f"no item has the id {item!r}; allowed are ids of the catalogue")
        return row

    def item(self, row: int) -> Item:
        """The item at `row`."""
        return self._items[row]

    def items(self) -> Sequence[Item]:
        """All of them, by row."""
        return self._items

    def put(self, row: int, item: Item, added_s: float) -> None:
        """An item is added at the next row, or replaced at its own."""
        if row == len(self._items):
            self._items.append(item)
            self._rows[item.id] = row
            self._added_s.append(added_s)
        else:
            self._items[row] = item
        self._facts = None

    def learn(self, vectors: Vectors | None, met: Mask | None) -> None:
        """Directions of the items, for diversity; `met` marks those that have one."""
        self._facts = None
        if vectors is None or met is None:
            self._vectors = None
            return
        size = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.where(met[:, None] & (size > 0), vectors / np.maximum(size, 1e-12), 0.0)
        self._vectors = unit.astype(np.float32)

    def facts(self) -> ItemFacts:
        """What rules may know, made anew when the catalogue has changed."""
        if self._facts is None:
            self._facts = self._made()
        return self._facts

    def _made(self) -> ItemFacts:
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(self._items):
            for category in dict.fromkeys(item.categories):
                rows.setdefault(category, []).append(row)
        expires = [np.inf if item.expires_s is None else item.expires_s for item in self._items]
        return ItemFacts(
            np.array([item.available for item in self._items], np.bool_),
            np.array(expires, np.float64),
            np.array(self._added_s, np.float64),
            {name: np.array(members, np.intp) for name, members in rows.items()},
            self._padded(),
        )

    def _padded(self) -> Vectors | None:
        if self._vectors is None or len(self._vectors) >= len(self._items):
            return self._vectors
        extra = len(self._items) - len(self._vectors)
        blank = np.zeros((extra, self._vectors.shape[1]), np.float32)
        return np.concatenate([self._vectors, blank])
