"""What leads is what a look at all values would say, however they moved."""

from collections.abc import Callable

import numpy as np
import pytest

from penchant.core.contracts import EventFeatures, Head, Mask, Reading
from penchant.core.ids import START
from penchant.core.taken import TakenItems
from penchant.retrieval import leaders as module
from penchant.retrieval.dates import Dates
from penchant.retrieval.exact_search import top
from penchant.retrieval.leaders import Leaders
from penchant.retrieval.trending import Trending

ROWS = 60


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few lead that rows enter, leave, are let go and are looked for again."""
    for name, size in (("KEPT", 8), ("FEWEST", 5), ("MOST", 12), ("MANY", 6)):
        monkeypatch.setattr(module, name, size)


def masks(rng: np.random.Generator) -> Mask:
    return rng.random(ROWS) < rng.choice([1.0, 0.9, 0.3, 0.0])


@pytest.mark.parametrize("seed", range(6))
def test_the_first_allowed_are_those_of_a_full_sort_after_every_move(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 6, ROWS).astype(np.float64)
    led = Leaders(above=0.0)
    for _ in range(400):
        if rng.random() < 0.2:
            rows = rng.integers(0, ROWS, rng.integers(0, 9))
            values[rows] += rng.integers(-3, 4)
            led.moved_each(rows, values)
        else:
            row = int(rng.integers(ROWS))
            values[row] = rng.choice([np.nan, -1, 0, 1, 1, 2, 3, 5, 8])
            led.moved(row, float(values[row]))
        allowed, limit = masks(rng), int(rng.integers(0, 20))
        over = [row for row in range(ROWS) if values[row] > 0 and allowed[row]]
        expected = sorted(over, key=lambda row: (-values[row], row))[:limit]
        assert led.allowed(values, allowed, limit).tolist() == expected


def reading(now_s: float) -> Reading:
    return Reading({}, [], TakenItems(), frozenset(), now_s, Head(START, 0))


@pytest.mark.parametrize("seed", range(4))
def test_windows_read_forwards_and_backwards_are_those_counted_afresh(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, now_s, history = Trending(30.0, ROWS), 0.0, list[EventFeatures]()
    for _ in range(500):
        now_s += rng.choice([0.0, 0.1, 1.0, 9.0])
        if history and rng.random() < 0.2:
            source.retract([history.pop(int(rng.integers(len(history))))])
        else:
            late = rng.choice([0.0, 0.0, 5.0, 40.0])
            weight = float(rng.choice([0.3, 1.0, 1.0, -1.0]))
            event = EventFeatures(int(rng.integers(ROWS)), None, 1, weight, 0.0, now_s - late)
            source.absorb((), event)
            history.append(event)
        at_s = now_s + rng.choice([-4.0, 0.0, 0.0, 2.0, 15.0, 70.0])
        whole = source.score(reading(at_s), slice(None))
        begin_s = max(at_s, source._newest_s) - 30.0
        inside = [e for e in history if e.weight > 0 and e.time_s >= begin_s]
        expected = np.zeros(ROWS)
        for event in inside:
            expected[event.row] += event.weight
        np.testing.assert_allclose(whole, expected, atol=1e-5)
        allowed = masks(rng)
        found, best = source.find(reading(at_s), allowed, 7), top(whole, allowed, 7, above=0.0)
        assert found.rows.tolist() == best.rows.tolist()
        assert found.scores.tolist() == best.scores.tolist()
        assert source.at(at_s).most() == whole.max()


def at_once(dates: Dates, rng: np.random.Generator) -> None:
    dates.put(np.array([3, 9]), rng.integers(0, 9, 2).astype(float))


def one_by_one(dates: Dates, rng: np.random.Generator) -> None:
    dates.met(int(rng.integers(ROWS)), float(rng.integers(-5, 9)))


@pytest.mark.parametrize("change", [at_once, one_by_one])
def test_the_newest_are_those_of_a_full_sort_without_what_is_yet_to_come(
    change: Callable[[Dates, np.random.Generator], None],
) -> None:
    rng = np.random.default_rng(3)
    dates = Dates(np.where(rng.random(ROWS) < 0.5, np.nan, 5.0))
    for _ in range(200):
        change(dates, rng)
        now_s, allowed = float(rng.choice([4.0, 6.0, 20.0])), masks(rng)
        added = dates.times()
        there = [row for row in range(ROWS) if added[row] <= now_s and allowed[row]]
        expected = sorted(there, key=lambda row: (-added[row], row))[:7]
        assert dates.newest(now_s, allowed, 7).tolist() == expected
