"""The catalogue in memory: rows, titles and the facts that rules read, growing as items come."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import ItemFacts, Mask
from penchant.core.errors import UnknownIdError
from penchant.core.events import Event
from penchant.core.ids import ItemId
from penchant.core.interests import Table, Vectors
from penchant.core.items import Item
from penchant.engine.directions import Directions

FEW: Final = 64
"""Items of other categories from which on the rows by category are made anew."""


class Shelf:
    """Items by row; a row never changes its item. A new item costs no look at the others."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items: list[Item] = []
        self._rows: dict[ItemId, int] = {}
        self._available = np.zeros(0, np.bool_)  # (capacity,)
        self._expires_s = np.zeros(0, np.float64)  # (capacity,)
        self._soonest_s = np.inf
        self._vectors: Vectors | Directions | None = None  # (capacity, D); coded ones (T, D)
        self._removed = np.zeros(0, np.bool_)  # (capacity,)
        self._categories: dict[str, NDArray[np.intp]] = {}
        self._recategorised: dict[int, tuple[str, ...]] = {}  # rows, and where they still stand
        self._retitled: dict[int, None] = {}
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

    def title(self, item: ItemId | None) -> str | None:
        """What an item is called; None: it has no title, was never met, or there is none."""
        row = None if item is None else self._rows.get(item)
        return None if row is None else self._items[row].title

    def items(self) -> Sequence[Item]:
        """All of them, by row."""
        return self._items

    def has(self, item: ItemId) -> bool:
        """Whether it was met or put, and not removed since."""
        row = self._rows.get(item)
        return row is not None and not self._removed[row]

    def found(self, item: ItemId) -> int:
        """The row of an item that was not removed, or `UnknownIdError`."""
        row = self.row_of(item)
        if not self.has(item):
            raise UnknownIdError(f"the item {item!r} was removed; put it again to bring it back")
        return row

    @property
    def vectors(self) -> Table | None:
        """(N, D) directions of the items, unit length, zero where unknown; None: never learned."""
        if isinstance(self._vectors, Directions):
            return self._vectors.grown(len(self._items))
        return None if self._vectors is None else self._vectors[: len(self._items)]

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
        self._removed[row] = item.removed
        if item.expires_s is not None:
            self._soonest_s = min(self._soonest_s, item.expires_s)
        self._expires_s[row] = np.inf if item.expires_s is None else item.expires_s
        self._retitled[row] = None
        if item.categories != before:
            self._recategorised.setdefault(row, before)

    def retitled(self) -> list[tuple[int, str]]:
        """What the items put since the last time are called, by row: the id where untitled."""
        changed = [(row, self._items[row].title or self._items[row].id) for row in self._retitled]
        self._retitled = {}
        return changed

    def visible(self, category: str | None = None) -> Mask:
        """(N,) a copy: which items were not removed, of `category` or of any."""
        there = ~self._removed[: len(self._items)]
        if category is None:
            return there
        mask = np.zeros(len(there), np.bool_)
        mask[self.by_category().get(category, [])] = True
        return mask & there

    def learn(self, vectors: Table, met: Mask) -> None:
        """Directions of the items, for diversity; `met` marks those that have one."""
        if not isinstance(vectors, np.ndarray):
            self._vectors = Directions.of(vectors, met)
            return
        size = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.where(met[:, None] & (size > 0), vectors / np.maximum(size, 1e-12), 0.0)
        self._vectors = unit.astype(np.float32)
        self._make_room()

    def facts(self, added_s: NDArray[np.float64]) -> ItemFacts:
        """What rules may know; `added_s` (N,) or longer says since when items exist.

        An item of infinity, that only events which were taken back have named, is not to be had.
        """
        n = len(self._items)
        return ItemFacts(
            self._available[:n] & (added_s[:n] != np.inf),
            self._expires_s[:n],
            added_s[:n],
            self.by_category(),
            self.vectors,
            self._soonest_s,
        )

    def by_category(self) -> dict[str, NDArray[np.intp]]:
        """Rows by category, ascending."""
        if len(self._recategorised) > FEW:
            self._categories = _by_category(self._items)
        else:
            for row, before in self._recategorised.items():
                self._move(row, set(before), set(self._items[row].categories))
        self._recategorised = {}
        return self._categories

    def _move(self, row: int, before: set[str], after: set[str]) -> None:
        """From the categories where it stood to those that it has now."""
        for name in before - after:
            rows = self._categories[name]
            self._categories[name] = rows[rows != row]
            if not len(self._categories[name]):
                del self._categories[name]
        for name in after - before:
            rows = self._categories.get(name, np.zeros(0, np.intp))
            self._categories[name] = np.insert(rows, int(np.searchsorted(rows, row)), row)

    def _make_room(self) -> None:
        """At least a place per item in every array; twice as many when they grow."""
        n = len(self._items)
        if n > len(self._available):
            extra = max(n, 2 * len(self._available)) - len(self._available)
            self._available = np.concatenate([self._available, np.zeros(extra, np.bool_)])
            self._removed = np.concatenate([self._removed, np.zeros(extra, np.bool_)])
            self._expires_s = np.concatenate([self._expires_s, np.zeros(extra)])
        if isinstance(self._vectors, np.ndarray) and n > len(self._vectors):
            extra = max(n, 2 * len(self._vectors)) - len(self._vectors)
            blank = np.zeros((extra, self._vectors.shape[1]), np.float32)
            self._vectors = np.concatenate([self._vectors, blank])


def _by_category(items: Sequence[Item]) -> dict[str, NDArray[np.intp]]:
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        for category in dict.fromkeys(item.categories):
            rows.setdefault(category, []).append(row)
    return {name: np.array(members, np.intp) for name, members in rows.items()}
