"""Slates: what a caller gets back, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from penchant.core.errors import InvalidRequestError
from penchant.core.ids import ArtifactId, EventId, ItemId, UserId

LANGUAGES: Final = ("en", "zh")
"""What reasons can be told in."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Events that caused a place, checked by removing them."""

    events: Sequence[EventId]
    items: Sequence[ItemId | None]
    """The items of those events, in the same order."""
    titles: Sequence[str | None]
    rank: int
    """1-based place of the recommended item by score, before variety moves places."""
    rank_without: int | None
    """Its place had these events never happened; None: no longer among the candidates."""

    def sentence(self, lang: str = "en") -> str:
        """In words: `because of Heat (1995): without it, 2 -> 31`."""
        check_language(lang)
        if lang == "zh":
            return self._in_chinese()
        names = self._named("{}", "a search", "searches")
        it = "it" if len(self.events) == 1 else "them"
        then = "gone" if self.rank_without is None else str(self.rank_without)
        return f"because of {' and '.join(names)}: without {it}, {self.rank} -> {then}"

    def _named(self, quoted: str, search: str, searches: str) -> list[str]:
        """What the events are of, each once, and how often where that is several times."""
        of = Counter(title or item for title, item in zip(self.titles, self.items, strict=True))
        names = []
        for name, times in of.items():
            said = quoted.format(name) if name else search if times == 1 else searches
            names.append(said if times == 1 else f"{said} ×{times}")
        return names

    def _in_chinese(self) -> str:
        names = self._named("“{}”", "一次搜索", "搜索")
        it = "它" if len(self.events) == 1 else "它们"
        then = "落选" if self.rank_without is None else str(self.rank_without)
        return f"因为{'和'.join(names)}：没有{it}，名次 {self.rank} → {then}"


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
    """Empty: somebody without a name."""
    items: Sequence[Recommended]
    state_cursor: str
    """Position in the log up to which the user's events are known to this slate."""
    next: str | None
    """Token for the page after this one; None: nothing is left."""
    artifact: ArtifactId | None
    """The published model it was made with; None: nothing trained yet."""
    now_s: float

    placement: str | None = None
    """Whose rules it follows; None: those of `strategy`."""

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """For JSON, with reasons told in `lang`."""
        check_language(lang)
        return {
            "id": self.id,
            "user": self.user or None,
            "placement": self.placement,
            "items": [_item(place, lang) for place in self.items],
            "state_cursor": self.state_cursor,
            "next": self.next,
            "artifact": self.artifact,
            "now_s": self.now_s,
        }


@dataclass(frozen=True, slots=True)
class Ranked:
    """A caller's own list in the order of one user at one moment."""

    places: Sequence[Recommended]
    """Best first; what the user has dismissed stands last."""
    unknown: Sequence[ItemId]
    """Those of the list that nobody has met, or that were removed."""
    state_cursor: str
    artifact: ArtifactId | None
    now_s: float

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """For JSON, with reasons told in `lang`."""
        check_language(lang)
        return {
            "items": [_item(place, lang) for place in self.places],
            "unknown": list(self.unknown),
            "state_cursor": self.state_cursor,
            "artifact": self.artifact,
            "now_s": self.now_s,
        }


def check_language(lang: str) -> None:
    """Raise for a language that nothing can be told in."""
    if lang not in LANGUAGES:
        raise InvalidRequestError(f"lang is {lang!r}; allowed are {', '.join(LANGUAGES)}")


def _item(place: Recommended, lang: str) -> dict[str, Any]:
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
                "sentence": reason.sentence(lang),
            }
            for reason in place.reasons
        ],
        "propensity": place.propensity,
    }
