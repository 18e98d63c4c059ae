"""The bundled films, cut in two: what the demo learns from, and what then happened, in order."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from penchant.core.events import Event
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.engine.replay import cut_at
from penchant.ingest.datasets import Dataset, open_dataset

SHOWN: Final = 8
"""Events of one user that can be followed by eye."""


@dataclass(frozen=True)
class Films:
    """Ratings before and from the cut, both in time order."""

    data: Dataset
    cut_s: float
    before: Sequence[Event]
    later: Sequence[Event]

    def newcomers(self) -> list[UserId]:
        """Users without an event before the cut, most later events first."""
        known = {event.user for event in self.before}
        counts = Counter(event.user for event in self.later if event.user not in known)
        return sorted(counts, key=lambda user: (-counts[user], user))


def open_films(name: str = "movietweetings") -> Films:
    """The bundled data set, cut at the 0.9 quantile of time."""
    data = open_dataset(name)
    cut_s = cut_at(data.columns.time_s)
    events = [event for batch in data.events() for event in batch]
    before = [event for event in events if event.time_s < cut_s]
    return Films(data, cut_s, before, events[len(before) :])


def with_others(
    later: Iterable[Event], followed: Collection[UserId]
) -> Iterator[tuple[list[Event], Event]]:
    """Each event of the users followed, after what everybody else did since the one before.

    >>> def seen(user: str) -> Event:
    ...     return Event(UserId(user), "view", 0.0)
    >>> [(len(others), e.user) for others, e in with_others(map(seen, "xyaxab"), {"a"})]
    [(2, 'a'), (1, 'a')]
    """
    others: list[Event] = []
    for event in later:
        if event.user in followed:
            yield others, event
            others = []
        else:
            others.append(event)


def clearest(films: Films, among: int = 20) -> UserId:
    """The newcomer whose first films share one category most: their way can be followed by eye."""
    items = {item.id: item for item in films.data.items}
    users = films.newcomers()[:among]
    return max(users, key=lambda user: _likeness(first_items(films, user), items))


def first_items(films: Films, user: UserId, count: int = SHOWN) -> list[ItemId]:
    """What the user took first from the cut on."""
    own = (event.item for event in films.later if event.user == user)
    return [item for item in own if item is not None][:count]


def _likeness(taken: Sequence[ItemId], items: dict[ItemId, Item]) -> float:
    """Share of the films in their most frequent category, rare categories counting more."""
    if len(taken) < SHOWN:
        return 0.0
    everywhere = Counter(c for item in items.values() for c in item.categories)
    here = Counter(c for item in taken for c in items[item].categories)
    return max((n / len(taken) - everywhere[c] / len(items) for c, n in here.items()), default=0.0)
