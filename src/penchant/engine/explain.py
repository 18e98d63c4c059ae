"""Reasons: a user's latest events taken out one by one, and where the slate's items fall."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from penchant.core.contracts import EventFeatures, Found, Reading, Request
from penchant.engine.stages import Stages
from penchant.engine.user_now import UserNow

LATEST: Final = 20
"""Events that are tried, the newest."""
TOGETHER: Final = 3
"""Events removed together at most, where no single one suffices; all of one item count as one."""
DEPTH: Final = 100
"""Places down to which a fall is followed, at least; all of a longer slate."""


class Cause(NamedTuple):
    """Positions in the history, and the item's 0-based rank with and without them."""

    removed: tuple[int, ...]
    rank: int
    rank_without: int | None


class Removal:
    """Ranks items as if chosen events had never happened.

    What the user took stays masked as it was, so that a removed item does not itself push others
    down; counts over all users stay, for one user's event hardly moves them.
    """

    def __init__(
        self,
        stages: Stages,
        find: Callable[[Reading], Found],
        request: Request,
        events: Sequence[EventFeatures],
        hides: Sequence[bool],
        now_s: float,
    ) -> None:
        """`find` gives the candidates of a reading, among items allowed as things are."""
        self._stages = stages
        self._request = request
        self._events = events
        self._hides = hides
        self._now_s = now_s
        self._find = find
        self._depth = max(DEPTH, request.n)
        first = max(0, len(events) - LATEST)
        self._tried = range(first, len(events))
        self._ranks: dict[frozenset[int], dict[int, int]] = {}  # many items share their causes
        self._snapshot = UserNow.stranger(stages.models)
        for position in range(first):
            self._snapshot.absorb(stages.models, events[position], hides[position])

    def without(self, removed: Sequence[int]) -> dict[int, int]:
        """0-based rank by row of the best items, had `removed` never happened."""
        known = self._ranks.get(frozenset(removed))
        if known is not None:
            return known
        now = self._snapshot.copy()
        for position in self._tried:
            if position not in removed:
                now.absorb(self._stages.models, self._events[position], self._hides[position])
        reading = now.reading(self._stages.models, self._now_s)
        scored = self._stages.ranker(reading, self._request, self._find(reading))
        ranks = {int(row): rank for rank, row in enumerate(scored.rows[: self._depth])}
        self._ranks[frozenset(removed)] = ranks
        return ranks

    def causes(self, rows: Sequence[int], limit: int) -> dict[int, Cause]:
        """For each item the fewest latest events without which it falls, if there are any.

        A single event that drops it out of the first `limit` places suffices; where none does,
        the events that move it most are removed together, up to three. Events of one item that say
        the same again are tried as one.
        """
        base = self.without(())
        tried = [(position,) for position in self._tried] + self._again()
        alone = {group: self.without(group) for group in tried}
        causes = {}
        for row in rows:
            cause = self._cause(row, base, alone, limit)
            if cause is not None:
                causes[row] = cause
        return causes

    def _again(self) -> list[tuple[int, ...]]:
        """The positions of each item that several of the tried events are of."""
        of_item: dict[int, list[int]] = {}
        for position in self._tried:
            of_item.setdefault(self._events[position].row, []).append(position)
        return [tuple(some) for row, some in of_item.items() if row >= 0 and len(some) > 1]

    def _cause(
        self,
        row: int,
        base: dict[int, int],
        alone: dict[tuple[int, ...], dict[int, int]],
        limit: int,
    ) -> Cause | None:
        rank = base.get(row)
        if rank is None or not alone:
            return None

        def first(group: tuple[int, ...]) -> tuple[bool, int, int, int]:
            fall = alone[group].get(row, self._depth)
            return fall < limit, len(group) if fall >= limit else 0, -fall, -group[-1]

        by_fall = sorted(alone, key=first)
        removed: tuple[int, ...] = ()
        after: int | None = rank
        for group in by_fall[:TOGETHER]:
            trial = tuple(sorted({*removed, *group}))
            reached = self.without(trial).get(row)
            if self._fall(reached) <= self._fall(after):
                break
            removed, after = trial, reached
            if self._fall(after) >= limit:
                break
        if not removed or self._fall(after) <= rank:
            return None
        return Cause(removed, rank, after)

    def _fall(self, rank: int | None) -> int:
        return self._depth if rank is None else rank
