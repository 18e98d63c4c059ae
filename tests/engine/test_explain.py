"""What is taken out to explain a place: one event, or all that say the same again."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from penchant.core.contracts import EventFeatures, Found, Reading, Request, Scored
from penchant.engine.explain import Removal


def find(reading: Reading) -> Found:
    """Item 1 is liked by whoever met item 0, however often; four others are as good as any."""
    liked = 5.0 if any(event.row == 0 for event in reading.recent) else 0.0
    scores = np.array([[liked], [1.0], [1.0], [1.0], [1.0]], np.float32)
    return Found(np.arange(1, 6), scores, ("some",))


def ranker(reading: Reading, request: Request, found: Found) -> Scored:
    order = np.lexsort((found.rows, -found.scores[:, 0]))
    return Scored(found.rows[order], found.scores[order, 0], found.scores[order], ("some",))


@pytest.mark.parametrize("times", [1, 2, 5])
def test_events_that_say_the_same_again_are_named_together(times: int) -> None:
    stages: Any = SimpleNamespace(models={}, ranker=ranker)
    rows = [7, *[0] * times, 8]
    events = [EventFeatures(row, None, 1, 1.0, 0.0, 10.0 * at) for at, row in enumerate(rows)]
    removal = Removal(stages, find, Request("me", 3), events, [False] * len(events), 100.0)
    (cause,) = removal.causes([1], 3).values()
    assert cause.removed == tuple(range(1, times + 1))
    assert (cause.rank, cause.rank_without) == (0, 4)


def test_one_event_that_suffices_is_named_before_several_of_which_more_depends() -> None:
    def find(reading: Reading) -> Found:
        met = [event.row for event in reading.recent]
        liked = 5.0 * (6 in met) - 9.0 * (0 not in met)  # both are needed; 0 is met twice
        scores = np.array([[liked], [1.0], [1.0], [1.0], [-2.0]], np.float32)
        return Found(np.arange(1, 6), scores, ("some",))

    stages: Any = SimpleNamespace(models={}, ranker=ranker)
    events = [EventFeatures(row, None, 1, 1.0, 0.0, float(at)) for at, row in enumerate((0, 6, 0))]
    removal = Removal(stages, find, Request("me", 3), events, [False] * 3, 100.0)
    assert removal.without((0, 2))[1] > removal.without((1,))[1] == 3
    (cause,) = removal.causes([1], 3).values()
    assert cause.removed == (1,)
