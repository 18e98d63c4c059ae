"""Speed is measured on generated data in real shapes, by a process that only serves."""

from pathlib import Path

import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.signals import DAY_S
from penchant.engine.engine import Engine
from penchant.engine.learned import load_learned
from penchant.engine.stages import learned_sources
from penchant.evaluation import speed
from penchant.evaluation.generated import EASE, FEWEST, ITEM_ITEM, MOST, build

SIZE = 300


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "bench.db"
    build(path, SIZE, seed=3)
    return path


def test_what_is_generated_has_the_shapes_of_what_is_learned(made: Path) -> None:
    artifact = next(made.with_name("bench.db.artifacts").glob("2*"))
    learned = load_learned(artifact)
    assert learned.card["vectors"] == "generated"
    assert learned.vectors.shape == (SIZE, 64)
    assert learned.blend.sources == learned_sources(learned.model)
    assert learned.tables["item_item"]["neighbours"].shape == (SIZE, ITEM_ITEM)
    assert learned.tables["ease"]["neighbours"].shape == (SIZE, EASE)
    assert len(learned.tables["transition"]["starts"]) == SIZE + 1


def test_every_user_has_twenty_events_or_more_and_a_slate(made: Path) -> None:
    with Engine.open(made, clock=ManualClock(speed.NOW_S)) as engine:
        counts = [count for _, count, _ in engine.users(limit=1_000)]
        facts = engine.facts()
        assert len(counts) == speed.USERS
        assert min(counts) > FEWEST
        assert max(counts) <= MOST + 1
        assert speed.NOW_S - 61 * DAY_S < facts["oldest_s"] <= facts["newest_s"] < speed.NOW_S
        slate = engine.recommend("u0", 10)
        assert len(slate.items) == 10
        assert slate.artifact is not None


@pytest.mark.slow
def test_a_process_of_its_own_gives_the_figures_and_keeps_to_the_size_of_a_state(
    made: Path,
) -> None:
    figures = speed.measure(made, SIZE, n_events=20)
    assert figures["state_bytes"] <= 2048
    assert figures["state_bytes"] < figures["state_bytes_all_models"]
    assert figures["users"] == speed.USERS
    parts = figures["observe_ms"]["p50"] + figures["recommend_ms"]["p50"]
    assert figures["event_to_slate_ms"]["p99"] > parts / 2


def test_popular_items_are_drawn_more_often_and_none_outside_the_catalogue() -> None:
    rows = speed.drawn_items(1_000, 20_000, np.random.default_rng(0))
    counts = np.bincount(rows, minlength=1_000)
    assert rows.min() >= 0
    assert rows.max() < 1_000
    assert counts[0] > 3 * counts[9] > 9 * counts[99]


def test_memory_is_counted_in_mib_of_this_process() -> None:
    assert 20 < speed.peak_mib() < 100_000
