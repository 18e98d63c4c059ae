"""An artifact on disk is the one that was learned."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.engine.engine import Engine
from penchant.engine.learned import load_learned, save_learned
from penchant.engine.stages import topic_model
from penchant.interests.topic_average import TopicPace


@pytest.mark.slow
def test_how_fast_interests_move_is_kept_and_served_and_was_one_rate_before_it_was_told(
    trained: Callable[[], Path], tmp_path: Path
) -> None:
    with Engine.open(trained(), clock=ManualClock(1.4e9)) as engine:
        learned = engine._learned
    assert learned is not None
    pace = TopicPace((0.1, 0.3, 0.02), 3600.0, 0.05)
    save_learned(replace(learned, pace=pace), tmp_path)
    loaded = load_learned(tmp_path)
    assert loaded.pace == pace
    model = topic_model(loaded)
    assert (model._keeps, model._tau_s) == ((0.9, 0.7, 0.98), 3600.0)
    assert model.horizon_s == 10 * 20 * 3600.0
    topics = tmp_path / "topics.json"
    topics.write_text(json.dumps({"labels": json.loads(topics.read_text())["labels"]}))
    assert load_learned(tmp_path).pace == TopicPace((0.1,), 14 * 86_400.0, 0.0)
