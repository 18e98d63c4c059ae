"""The read path: a reading becomes the places of a slate; it writes nothing."""

from collections.abc import Sequence
from typing import NamedTuple

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
from penchant.engine.stages import Stages

PER_SOURCE = 100
"""Candidates asked of each source, at least; more when the slate is longer."""


class Arranged(NamedTuple):
    """A slate and how it came about."""

    places: Sequence[SlateItem]
    found: Found
    scored: Scored


def arrange(
    stages: Stages,
    strategy: Strategy,
    reading: Reading,
    request: Request,
    items: ItemFacts,
    rng: Generator,
) -> Arranged:
    """Allowed items, found by every source, ranked together, arranged by the rules."""
    allowed = strategy.allowed(request, reading, items)
    found = stages.found(reading, allowed, max(PER_SOURCE, 2 * request.n))
    scored = stages.ranker(reading, request, found)
    return Arranged(strategy.arrange(request, reading, scored, items, rng), found, scored)
