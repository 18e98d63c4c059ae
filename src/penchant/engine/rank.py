"""A caller's own list in the order of one user: the blend of every slate, without any rules."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Found, Reading, Request, SlateItem
from penchant.core.errors import InvalidRequestError
from penchant.core.ids import ItemId, UserId
from penchant.core.slates import Ranked, Reason
from penchant.engine.read_path import recommended
from penchant.engine.reasons import reasons
from penchant.engine.stages import Stages
from penchant.engine.write_path import WritePath

MOST: Final = 1_000
"""Items of one list at most."""
FIRST: Final = 10
"""Places out of which an event drops an item that is its reason, where one event can."""


def ranked(
    memory: WritePath, user: UserId, reading: Reading, items: Iterable[ItemId], explain: bool
) -> Ranked:
    """All of `items` that are known, whatever rules say of them; what is dismissed comes last."""
    asked = list(dict.fromkeys(items))
    if len(asked) > MOST:
        raise InvalidRequestError(f"{len(asked)} items to rank; allowed are at most {MOST}")
    shelf, stages = memory.shelf, memory.stages
    known = np.array(sorted(shelf.row_of(item) for item in asked if shelf.has(item)), np.intp)
    unknown = [item for item in asked if not shelf.has(item)]
    at_last = np.isin(known, list(reading.dismissed))
    request = Request(user, FIRST)
    why: dict[int, Reason] = {}
    if explain:
        wanted = known[~at_last]
        why = reasons(
            memory,
            request,
            wanted.tolist(),
            lambda reading: _every(stages, reading, wanted),
            reading.now_s,
        )
    places = []
    for rows in (known[~at_last], known[at_last]):
        scored = stages.ranker(reading, request, _every(stages, reading, rows))
        for row, score, parts in zip(scored.rows, scored.scores, scored.parts, strict=True):
            best = scored.sources[int(parts.argmax())]
            place = SlateItem(int(row), float(score), best)
            places.append(recommended(place, parts.tolist(), scored.sources, shelf, why))
    return Ranked(places, unknown, str(reading.head.cursor), memory.artifact, reading.now_s)


def _every(stages: Stages, reading: Reading, rows: NDArray[np.intp]) -> Found:
    """`rows` as candidates, scored by every source."""
    names = tuple(stages.sources)
    return Found(rows, stages.score(reading, rows, names), names)
