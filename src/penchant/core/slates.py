"""Slates: what a caller gets back, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penchant.core.ids import ArtifactId, EventId, ItemId, UserId


@dataclass(frozen=True, slots=True)
class Reason:
    """Events that caused a place, checked by removing them."""

    events: Sequence[EventId]
    items: Sequence[ItemId | None]
    """The items of those events, in the same order."""
    titles: Sequence[str | None]
    rank: int
    """1-based place of the recommended item."""
    rank_without: int | None
    """Its place had these events never happened; None: no longer among the candidates."""

    def sentence(self) -> str:
        """In words: `because of Heat (1995): without it, 2 -> 31`."""
        names = [
            title or item or "a search" for title, item in zip(self.titles, self.items, strict=True)
        ]
        it = "it" if len(names) == 1 else "them"
        then = "gone" if self.rank_without is None else str(self.rank_without)
        return f"because of {' and '.join(names)}: without {it}, {self.rank} -> {then}"


@dataclass(frozen=True, slots=True)
class Recommended:
    """One place of a slate."""

    item: ItemId
    title: str | None
    categories: tuple[str, ...]
    score: float
    source: str
    """The source that gave most to the score."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What each source gave."""
    reasons: Sequence[Reason] = ()
    propensity: float = 1.0
    """Probability of this place in the randomisation that made it; 1: nothing was randomised."""


@dataclass(frozen=True, slots=True)
class Slate:
    """Items for one user at one moment."""

    id: str
    user: UserId
    items: Sequence[Recommended]
    state_cursor: str
    """Position in the log up to which the user's events are known to this slate."""
    next: str | None
    """Token for the page after this one; None: nothing is left."""
    artifact: ArtifactId | None
    """The published model it was made with; None: nothing trained yet."""
    now_s: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "user": self.user,
            "items": [_item(place) for place in self.items],
            "state_cursor": self.state_cursor,
            "next": self.next,
            "artifact": self.artifact,
            "now_s": self.now_s,
        }


def _item(place: Recommended) -> dict[str, Any]:
    return {
        "item": place.item,
        "title": place.title,
        "categories": list(place.categories),
        "score": place.score,
        "source": place.source,
        "parts": dict(place.parts),
        "reasons": [
            {
                "events": list(reason.events),
                "items": list(reason.items),
                "titles": list(reason.titles),
                "rank": reason.rank,
                "rank_without": reason.rank_without,
                "sentence": reason.sentence(),
            }
            for reason in place.reasons
        ],
        "propensity": place.propensity,
    }
