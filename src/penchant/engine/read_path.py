"""The read path: a reading becomes the places of a slate; it writes nothing."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from penchant.core.contracts import (
    Found,
    ItemFacts,
    Reading,
    Request,
    Scored,
    SlateItem,
    Strategy,
)
from penchant.core.ids import ArtifactId
from penchant.core.slates import Reason, Recommended, Slate
from penchant.engine.shelf import Shelf
from penchant.engine.stages import Stages
from penchant.strategy.paging import encode

PER_SOURCE: Final = 100
"""Candidates asked of each source, at least; more when the slate is longer."""


class Arranged(NamedTuple):
    """A slate and how it came about."""

    places: Sequence[SlateItem]
    found: Found
    scored: Scored


class Asked(NamedTuple):
    """One request, of one user, under the rules of its placement."""

    reading: Reading
    request: Request
    strategy: Strategy


def arrange(
    stages: Stages,
    strategy: Strategy,
    reading: Reading,
    request: Request,
    items: ItemFacts,
    rng: Generator,
) -> Arranged:
    """Allowed items, found by every source, ranked together, arranged by the rules."""
    return arrange_each(stages, [Asked(reading, request, strategy)], items, [rng])[0]


def arrange_each(
    stages: Stages, asked: Sequence[Asked], items: ItemFacts, rngs: Sequence[Generator]
) -> list[Arranged]:
    """The same for several requests, with one look at the item vectors for all of them."""
    each = [
        (
            one.reading,
            one.strategy.allowed(one.request, one.reading, items),
            wanted_of_each(one.request),
        )
        for one in asked
    ]
    arranged = []
    for one, found, rng in zip(asked, stages.found_each(each), rngs, strict=True):
        scored = stages.ranker(one.reading, one.request, found)
        places = one.strategy.arrange(one.request, one.reading, scored, items, rng)
        arranged.append(Arranged(places, found, scored))
    return arranged


def wanted_of_each(request: Request) -> int:
    """Candidates asked of each source."""
    return max(PER_SOURCE, 2 * request.n)


def slate_of(
    arranged: Arranged,
    reading: Reading,
    request: Request,
    shelf: Shelf,
    artifact: ArtifactId | None,
    reasons: Mapping[int, Reason],
    pages: bool = True,
) -> Slate:
    """What the caller gets: ids and titles, what each source gave, and the token of the next,
    where it `pages`."""
    scored = arranged.scored
    chosen = [place.row for place in arranged.places]
    _, at = np.nonzero(np.array(chosen, np.intp)[:, None] == scored.rows)  # (n, M) -> (n,)
    parts = scored.parts[at].tolist()
    items = [
        recommended(place, own, scored.sources, shelf, reasons)
        for place, own in zip(arranged.places, parts, strict=True)
    ]
    shown = request.shown.union(chosen)
    more = pages and len(arranged.places) == request.n and len(shown) < len(shelf)
    return Slate(
        secrets.token_hex(8),
        request.user,
        items,
        str(reading.head.cursor),
        encode(request.user, shown) if more else None,
        artifact,
        reading.now_s,
    )


def recommended(
    place: SlateItem,
    parts: Sequence[float],
    sources: Sequence[str],
    shelf: Shelf,
    reasons: Mapping[int, Reason],
) -> Recommended:
    """One place in ids and titles, with what each source gave."""
    item = shelf.item(place.row)
    given = dict(zip(sources, parts, strict=True))
    why = [reasons[place.row]] if place.row in reasons else []
    return Recommended(item.id, item.title, item.categories, place.score, place.source, given, why)
