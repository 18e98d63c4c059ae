"""One new user, event by event: how interests and slate move, for a terminal or as JSON."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from penchant.cli.films import SHOWN, Films, with_others
from penchant.cli.words import Words
from penchant.core.clock import ManualClock
from penchant.core.events import Event
from penchant.core.ids import ItemId, UserId
from penchant.core.items import Item
from penchant.core.slates import Reason, Recommended, Slate
from penchant.engine.engine import Engine
from penchant.interests.profile import ProfileInterest

PLACES: Final = 8
INTERESTS: Final = 6
EXPLAINED: Final = 3
"""The last events, after which reasons are shown."""
REASONS: Final = 3
LABEL: Final = 17
BAR: Final = 6
TITLE: Final = 36
"""Widest title; in a narrow terminal it is cut, so that a line fits in 80 columns."""
BESIDE: Final = 60
"""Columns that everything but the titles takes."""


@dataclass(frozen=True)
class Step:
    """One event and what came of it."""

    event: Event
    interests: Sequence[ProfileInterest]
    slate: Slate
    took_ms: float


def steps(engine: Engine, clock: ManualClock, films: Films, user: UserId) -> Iterator[Step]:
    """The user's first events, each observed and followed by a slate; others' go in between."""
    for number, (others, event) in enumerate(with_others(films.later, {user}), start=1):
        clock.set(event.time_s)
        engine.observe_many(others)
        began = time.perf_counter()
        seen = engine.observe(
            event.user, event.item, event.type, value=event.value, time=event.time_s, id=event.id
        )
        slate = engine.recommend(user, PLACES, after=seen.cursor)
        took_ms = (time.perf_counter() - began) * 1e3
        if number > SHOWN - EXPLAINED:  # asked for apart: reasons have a budget of their own
            slate = engine.recommend(user, PLACES, reasons=True)
        yield Step(event, engine.interests(user), slate, took_ms)
        if number == SHOWN:
            return


class Teller:
    """Puts steps into words and tables."""

    def __init__(self, console: Console, words: Words, items: Mapping[ItemId, Item]) -> None:
        self._console = console
        self._words = words
        self._items = items
        self._number = 0
        self._shown: Slate | None = None
        self._held: dict[int, float] = {}

    def stranger(self, slate: Slate) -> None:
        """What is shown before anything is known."""
        self._heading(self._words("stranger"))
        self._console.print(Padding(self._places(slate), (0, 0, 1, 2)))
        self._shown = slate

    def step(self, step: Step) -> None:
        """An event, the interests and the slate after it."""
        self._number += 1
        value = step.event.value if step.event.value is not None else 0.0
        said = self._words("event", title=self._title(step.event.item), value=value)
        self._heading(f"{self._number}. {said}")
        self._console.print(Text(self._words("took", ms=step.took_ms), style="dim"))
        sides = Table.grid(padding=(0, 2))
        sides.add_row(self._interests(step.interests), self._places(step.slate))
        self._console.print(Padding(Group(sides, *self._reasons(step.slate)), (0, 0, 1, 2)))
        self._shown = step.slate
        self._held = {one.topic: one.weight for one in step.interests}

    def turned_down(self, first: Recommended, before: Slate, after: Slate, undone: Slate) -> None:
        """The first place is dismissed, and the dismissal taken back."""
        self._heading(self._words("dismiss", title=first.title or first.item))
        left = [place.item for place in before.items if place.item != first.item]
        moved = _differing(left, [place.item for place in after.items])
        self._say(self._words("dismissed", moved=moved))
        self._console.print(Padding(self._places(after), (0, 0, 1, 2)))
        self._heading(self._words("undo"))
        again = _differing(_ids(before), _ids(undone))
        self._say(self._words("differs", moved=again) if again else self._words("same"))

    def _say(self, text: str) -> None:
        self._console.print(Text(f"  {text}"))

    def _heading(self, text: str) -> None:
        self._console.print(Text(text, style="bold"))

    def _title(self, item: ItemId | None) -> str:
        return "" if item is None else self._items[item].title or item

    def _interests(self, interests: Sequence[ProfileInterest]) -> RenderableType:
        table = _table()
        table.add_column(self._words("interests"), width=LABEL, no_wrap=True, overflow="ellipsis")
        table.add_column("", width=BAR)
        table.add_column("", width=3, justify="right")
        table.add_column("", width=4, justify="right")
        most = max((one.weight for one in interests), default=1.0)
        for one in interests[:INTERESTS]:
            change = 100 * (one.weight - self._held.get(one.topic, 0.0))
            table.add_row(
                Text(self._words.label(one.label)),
                Text("█" * max(1, round(BAR * one.weight / most)), style="cyan"),
                f"{one.weight:.0%}",
                _signed(change),
            )
        return table

    def _places(self, slate: Slate) -> RenderableType:
        table = _table()
        table.add_column("", width=2, justify="right")
        table.add_column("", width=3)
        width = max(12, min(TITLE, self._console.width - BESIDE))
        table.add_column(self._words("slate"), width=width, no_wrap=True, overflow="ellipsis")
        table.add_column(self._words("source"), width=13, no_wrap=True, style="dim")
        before = {} if self._shown is None else {p: n for n, p in enumerate(_ids(self._shown))}
        for number, place in enumerate(slate.items):
            moved = self._moved(number, before.get(place.item)) if before else Text()
            title = Text(place.title or place.item)
            table.add_row(str(number + 1), moved, title, self._words.source(place.source))
        return table

    def _moved(self, number: int, before: int | None) -> Text:
        """An arrow and how far."""
        if before is None:
            return Text(self._words("new"), style="green")
        if before == number:
            return Text("·", style="dim")
        up = before > number
        return Text(
            f"{'↑' if up else '↓'}{abs(before - number)}", style="green" if up else "yellow"
        )

    def _reasons(self, slate: Slate) -> list[RenderableType]:
        """The places that few events decide, highest first."""
        why = [(place, reason) for place in slate.items for reason in place.reasons][:REASONS]
        if not why:
            return []
        return [
            Text(self._words("why"), style="dim"),
            *(Text(self._reason(place, reason)) for place, reason in why),
        ]

    def _reason(self, place: Recommended, reason: Reason) -> str:
        titles = [
            title or item or "" for title, item in zip(reason.titles, reason.items, strict=True)
        ]
        without = self._words("gone") if reason.rank_without is None else reason.rank_without
        return self._words(
            "reason" if len(titles) == 1 else "reasons",
            place=reason.rank,
            title=place.title or place.item,
            names=self._words.titles(titles),
            rank=reason.rank,
            without=without,
        )


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")


def turn_down(engine: Engine, user: UserId) -> tuple[Recommended, Slate, Slate, Slate]:
    """Dismiss the first place and take it back: the place, and the slates before, after, at last.

    The slate after is of one place fewer: what is left of the same places, if nothing else moved.
    """
    before = engine.recommend(user, PLACES)
    first = before.items[0]
    seen = engine.observe(user, first.item, "dismiss")
    after = engine.recommend(user, PLACES - 1, after=seen.cursor)
    engine.undo(seen.event)
    return first, before, after, engine.recommend(user, PLACES)


def as_json(step: Step) -> dict[str, Any]:
    """A step for programs."""
    return {
        "event": {
            "id": step.event.id,
            "item": step.event.item,
            "value": step.event.value,
            "time_s": step.event.time_s,
        },
        "interests": [
            {"topic": one.topic, "label": one.label, "weight": one.weight} for one in step.interests
        ],
        "slate": step.slate.to_dict(),
        "event_to_slate_ms": round(step.took_ms, 3),
    }


def _ids(slate: Slate) -> list[ItemId]:
    return [place.item for place in slate.items]


def _differing(some: Sequence[ItemId], others: Sequence[ItemId]) -> int:
    """Places at which two slates are not the same."""
    return sum(a != b for a, b in zip(some, others, strict=False))


def _signed(change: float) -> Text:
    """Percentage points, with an arrow from half a point on.

    >>> _signed(12.3).plain, _signed(-0.2).plain
    ('▲ 12', '')
    """
    if abs(change) < 0.5:
        return Text("")
    up = change > 0
    return Text(f"{'▲' if up else '▼'} {abs(change):.0f}", style="green" if up else "yellow")
