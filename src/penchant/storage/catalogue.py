"""The catalogue in SQL: items by id and by row; a row never changes its item."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from penchant.core.contracts import ItemFacts
from penchant.core.errors import InvalidItemError
from penchant.core.ids import ItemId
from penchant.core.items import Item
from penchant.storage.connections import Readers
from penchant.storage.lookups import rows_where_in
from penchant.storage.schema import items as table
from penchant.storage.writer import Writer

_DECODE: Final[Callable[[str], Item]] = msgspec.json.Decoder(Item).decode
_REPLACE: Final = (
    "UPDATE items SET payload = ?, search_text = ?,"
    " added_s = CASE WHEN added_s > ? THEN ? ELSE added_s END WHERE iid = ?"
)
_FIRST_EVENTS: Final = "SELECT iid, min(time_s) FROM events WHERE iid IS NOT NULL GROUP BY iid"
_NEVER_PUT: Final = "SELECT iid, item_id FROM items WHERE added_s = 9e999 AND item_id IN"
_ALL: Final = "SELECT item_id, payload FROM items WHERE iid > ? ORDER BY iid"


class SqlCatalogue:
    """Items as they were last put; ids met only in events are stubs."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    def put(self, items: Sequence[Item], now_s: float) -> None:
        """Add or replace; of two with one id the later wins."""
        latest = {item.id: item for item in items}
        encoded = {item.id: _encoded(item) for item in latest.values()}
        self._writer.run(lambda connection: _put(connection, latest, encoded, now_s))

    def remove(self, item: ItemId) -> bool:
        """Say nothing of the item any more, keeping its row; False: no such item, or none left."""

        def work(connection: Connection) -> bool:
            found = _load(connection, [item]).get(item)
            if found is None or found.removed:
                return False
            gone = Item(item, available=False)
            _replace(connection, {item: gone}, {item: _encoded(gone)})
            return True

        return self._writer.run(work)

    def get(self, item: ItemId) -> Item | None:
        """The item, a stub if it was met only in events, or None."""
        with self._readers.reading() as connection:
            return _load(connection, [item]).get(item)

    def rows(self, items: Sequence[ItemId]) -> Sequence[int | None]:
        """Their rows; None where unknown."""
        with self._readers.reading() as connection:
            known = _iids(connection, list(dict.fromkeys(items)))
        return [known[item] - 1 if item in known else None for item in items]

    def ids(self, rows: Sequence[int]) -> Sequence[ItemId | None]:
        """Ids of the items in `rows`; None where there is no such row."""
        with self._readers.reading() as connection:
            found = rows_where_in(
                connection,
                "SELECT iid - 1, item_id FROM items WHERE iid IN",
                [int(row) + 1 for row in dict.fromkeys(rows)],
            )
            known: dict[int, ItemId] = {row: ItemId(item) for row, item in found}
        return [known.get(int(row)) for row in rows]

    def all(self, first_row: int = 0) -> Sequence[Item]:
        """Every item from `first_row` on, by row."""
        with self._readers.reading() as connection:
            found = connection.exec_driver_sql(_ALL, (first_row,))
            return [_item(item, payload) for item, payload in found]

    def count(self) -> int:
        """How many rows there are."""
        with self._readers.reading() as connection:
            return _count(connection)

    def facts(self) -> ItemFacts:
        """What rules may know, one entry per row; the vectors are somebody else's."""
        with self._readers.reading() as connection:
            items = [
                _item(item, payload) for item, payload in connection.exec_driver_sql(_ALL, (0,))
            ]
            added_s = _added_s(connection)
        rows: dict[str, list[int]] = {}
        for row, item in enumerate(items):
            for category in dict.fromkeys(item.categories):
                rows.setdefault(category, []).append(row)
        return ItemFacts(
            available=np.array([item.available for item in items], dtype=np.bool_),
            expires_s=np.array(
                [math.inf if item.expires_s is None else item.expires_s for item in items],
                dtype=np.float64,
            ),
            added_s=added_s,
            categories={name: np.array(members, np.intp) for name, members in rows.items()},
            vectors=None,
        )

    def added_s(self, rows: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Since when the items exist, of `rows` or of all: put, or met in an event that is left.

        Infinity: neither; only events that were taken back named the item.
        """
        with self._readers.reading() as connection:
            if rows is None:
                return _added_s(connection)
            return _added_s_of(connection, rows)

    def put_s(self) -> NDArray[np.float64]:
        """When the items were put, whatever events say of them; infinity: never."""
        with self._readers.reading() as connection:
            return _put_s(connection)

    def left_alone(self, items: Sequence[ItemId]) -> Sequence[ItemId]:
        """Those of `items` that were never put and that no event names any more, by id."""
        with self._readers.reading() as connection:
            found = rows_where_in(connection, _NEVER_PUT, items)
            stubs: dict[int, ItemId] = {iid: ItemId(item) for iid, item in found}
            named = "SELECT DISTINCT iid FROM events WHERE iid IN"
            for (iid,) in rows_where_in(connection, named, list(stubs)):
                del stubs[iid]
        return sorted(stubs.values())

    def search(
        self, words: str = "", category: str | None = None, limit: int = 20
    ) -> Sequence[Item]:
        """Items whose title (or id, where untitled) has every word, by row."""
        query = select(table.c.item_id, table.c.payload).order_by(table.c.iid)
        for word in words.casefold().split():
            query = query.where(table.c.search_text.contains(word, autoescape=True))
        chosen: list[Item] = []
        with self._readers.reading() as connection:
            for item_id, payload in connection.execute(query):
                item = _item(item_id, payload)
                if category is None or category in item.categories:
                    chosen.append(item)
                if len(chosen) >= limit:
                    break
        return chosen


def met(connection: Connection, items: Iterable[ItemId]) -> dict[str | None, int]:
    """Number the items met in events, stubbing the unknown."""
    wanted = list(dict.fromkeys(items))
    known: dict[str | None, int] = {}
    known.update(_iids(connection, wanted))
    stubs = [(item, None, item.casefold(), math.inf) for item in wanted if item not in known]
    return known | _insert(connection, stubs)


def _added_s(connection: Connection) -> NDArray[np.float64]:
    added_s = _put_s(connection)
    for iid, first_s in connection.exec_driver_sql(_FIRST_EVENTS):
        added_s[iid - 1] = min(added_s[iid - 1], first_s)
    return added_s


def _put_s(connection: Connection) -> NDArray[np.float64]:
    put = connection.exec_driver_sql("SELECT added_s FROM items ORDER BY iid")
    return np.array([put_s for (put_s,) in put], np.float64)


def _added_s_of(connection: Connection, rows: Sequence[int]) -> NDArray[np.float64]:
    iids = [int(row) + 1 for row in rows]
    put = dict(rows_where_in(connection, "SELECT iid, added_s FROM items WHERE iid IN", iids))
    events = rows_where_in(
        connection,
        "SELECT iid, time_s FROM events WHERE iid IN",
        iids,
    )
    for iid, time_s in events:
        put[iid] = min(put[iid], time_s)
    return np.array([put[iid] for iid in iids], np.float64)


def _put(
    connection: Connection,
    items: Mapping[ItemId, Item],
    encoded: Mapping[ItemId, str],
    now_s: float,
) -> None:
    known = _replace(connection, items, encoded, now_s)
    _insert(
        connection,
        [
            (item.id, encoded[item.id], _search_text(item), now_s)
            for item in items.values()
            if item.id not in known
        ],
    )


def _replace(
    connection: Connection,
    items: Mapping[ItemId, Item],
    encoded: Mapping[ItemId, str],
    now_s: float = math.inf,
) -> dict[str, int]:
    """Update those that exist; the numbers of those."""
    known = _iids(connection, list(items))
    if known:
        connection.exec_driver_sql(
            _REPLACE,
            [
                (encoded[ItemId(item)], _search_text(items[ItemId(item)]), now_s, now_s, iid)
                for item, iid in known.items()
            ],
        )
    return known


def _insert(
    connection: Connection, rows: Sequence[tuple[str, str | None, str, float]]
) -> dict[str | None, int]:
    """Give new items the next numbers."""
    if not rows:
        return {}
    first = _count(connection) + 1
    connection.exec_driver_sql(
        "INSERT INTO items (item_id, payload, search_text, added_s, iid) VALUES (?, ?, ?, ?, ?)",
        [(*row, iid) for iid, row in enumerate(rows, start=first)],
    )
    return {row[0]: iid for iid, row in enumerate(rows, start=first)}


def _count(connection: Connection) -> int:
    """Rows of the catalogue: its highest number, because none is ever skipped or removed."""
    return int(connection.execute(select(func.max(table.c.iid))).scalar() or 0)


def _iids(connection: Connection, items: Sequence[ItemId]) -> dict[str, int]:
    select_iids = "SELECT item_id, iid FROM items WHERE item_id IN"
    return {item: iid for item, iid in rows_where_in(connection, select_iids, items)}


def _load(connection: Connection, items: Sequence[ItemId]) -> dict[ItemId, Item]:
    select_payloads = "SELECT item_id, payload FROM items WHERE item_id IN"
    rows = rows_where_in(connection, select_payloads, items)
    return {ItemId(item): _item(item, payload) for item, payload in rows}


def _item(item: str, payload: str | None) -> Item:
    return Item(id=ItemId(item)) if payload is None else _DECODE(payload)


def _encoded(item: Item) -> str:
    """The item as JSON that reads back equal, or InvalidItemError."""
    for name, fact in [("expires_s", item.expires_s or 0.0), *item.attributes.items()]:
        if not storable(fact):
            raise InvalidItemError(
                f"item {item.id!r} has {name} = {fact!r}; allowed are text, finite numbers, "
                "true and false"
            )
    return msgspec.json.encode(item).decode()


def storable(fact: object) -> bool:
    """Whether a fact of an event or an item reads back as it was written."""
    if isinstance(fact, float):
        return math.isfinite(fact)
    return isinstance(fact, str | int)


def _search_text(item: Item) -> str:
    return (item.title or item.id).casefold()
