"""The catalogue in memory: rows, titles and the facts that rules read, growing as items come."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import ItemFacts, Mask
from penchant.core.errors import UnknownIdError
from penchant.core.events import Event
from penchant.core.ids import ItemId
from penchant.core.interests import Vectors
from penchant.core.items import Item


class Shelf:
    """Items by row; a row never changes its item. A new item costs no look at the others."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items: list[Item] = []
        self._rows: dict[ItemId, int] = {}
        self._available = np.zeros(0, np.bool_)  # (capacity,)
        self._expires_s = np.zeros(0, np.float64)  # (capacity,)
        self._vectors: Vectors | None = None  # (capacity, D)
        self._categories: dict[str, NDArray[np.intp]] | None = {}  # None: to be made anew
        for row, item in enumerate(items):
            self.put(row, item)

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

    def row_of_event(self, event: Event) -> int:
        """The row of its item; -1: it has none."""
        return -1 if event.item is None else self._rows.get(event.item, -1)

    def item(self, row: int) -> Item:
        """The item at `row`."""
        return self._items[row]

    def items(self) -> Sequence[Item]:
        """All of them, by row."""
        return self._items

    def put(self, row: int, item: Item) -> None:
        """An item is added at the next row, or replaced at its own."""
        before: tuple[str, ...] = ()
        if row == len(self._items):
            self._items.append(item)
            self._rows[item.id] = row
            self._make_room()
        else:
            before = self._items[row].categories
            self._items[row] = item
        self._available[row] = item.available
        self._expires_s[row] = np.inf if item.expires_s is None else item.expires_s
        if item.categories != before:
            self._categories = None

    def learn(self, vectors: Vectors, met: Mask) -> None:
        """Directions of the items, for diversity; `met` marks those that have one."""
        size = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.where(met[:, None] & (size > 0), vectors / np.maximum(size, 1e-12), 0.0)
        self._vectors = unit.astype(np.float32)
        self._make_room()

    def facts(self, added_s: NDArray[np.float64]) -> ItemFacts:
        """What rules may know; `added_s` (N,) or longer says since when items exist. Views."""
        n = len(self._items)
        if self._categories is None:
            self._categories = self._by_category()
        return ItemFacts(
            self._available[:n],
            self._expires_s[:n],
            added_s[:n],
            self._categories,
            None if self._vectors is None else self._vectors[:n],
        )

    def _by_category(self) -> dict[str, NDArray[np.intp]]:
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(self._items):
            for category in dict.fromkeys(item.categories):
                rows.setdefault(category, []).append(row)
        return {name: np.array(members, np.intp) for name, members in rows.items()}

    def _make_room(self) -> None:
        """At least a place per item in every array; twice as many when they grow."""
        n = len(self._items)
        if n > len(self._available):
            extra = max(n, 2 * len(self._available)) - len(self._available)
            self._available = np.concatenate([self._available, np.zeros(extra, np.bool_)])
            self._expires_s = np.concatenate([self._expires_s, np.zeros(extra)])
        if self._vectors is not None and n > len(self._vectors):
            extra = max(n, 2 * len(self._vectors)) - len(self._vectors)
            blank = np.zeros((extra, self._vectors.shape[1]), np.float32)
            self._vectors = np.concatenate([self._vectors, blank])
