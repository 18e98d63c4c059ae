"""What is held about one user can be read: facts, interests with titles, a timeline, all of it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError, UnknownIdError
from penchant.core.ids import UserId
from penchant.engine.engine import Engine

NOW_S = 1_362_819_516.0 + 86_400.0  # a day after the trained database ends


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


def test_a_user_is_told_in_numbers_and_attributes(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        engine.observe("ann", "tea", "view", time=NOW_S - 60)
        seen = engine.observe("ann", "pot", "view", time=NOW_S - 90)
        engine.put_user("ann", {"plan": "gold", "age": 41, "left out": None})
        facts = engine.user("ann")
        assert (facts.user, facts.attributes) == ("ann", {"plan": "gold", "age": 41})
        assert (facts.events, facts.oldest_s, facts.newest_s) == (2, NOW_S - 90, NOW_S - 60)
        assert facts.state_cursor == seen.cursor
        engine.put_user("ann", {})
        engine.put_user("bob", {"plan": "none"})
    with opened(tmp_path / "shop.db") as engine:
        assert engine.user("ann").attributes == {}
        bob = engine.user("bob")
        assert (bob.attributes, bob.events, bob.newest_s) == ({"plan": "none"}, 0, None)
        assert bob.state_cursor == "0"
        assert engine.facts()["users"] == 1
        engine.undo(engine.observe("eve", "tea", "view").event)
        for stranger in ("eve", "moon"):
            with pytest.raises(UnknownIdError, match=f"no user has the id '{stranger}'"):
                engine.user(stranger)
            with pytest.raises(UnknownIdError, match=f"no user has the id '{stranger}'"):
                engine.export_user(stranger)


def test_attributes_are_text_numbers_and_truths_by_name(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        for wrong in (["gold"], {"plan": ["gold"]}, {"age": float("nan")}):
            told: Any = wrong
            with pytest.raises(InvalidRequestError, match=r"attributes.* is .*; allowed"):
                engine.put_user("ann", told)
        with pytest.raises(InvalidRequestError, match="user is empty"):
            engine.put_user("", {"plan": "gold"})


def test_before_training_there_are_no_interests_to_read(tmp_path: Path) -> None:
    with opened(tmp_path / "shop.db") as engine:
        seen = engine.observe("ann", "tea", "like")
        assert engine.profile("ann") == {
            "user": "ann",
            "interests": [],
            "next_behaviour": None,
            "state_cursor": seen.cursor,
            "artifact": None,
            "now_s": NOW_S,
        }
        assert engine.timeline("ann").moments == []


@pytest.mark.slow
def test_interests_for_json_name_the_items_that_are_their_evidence(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        user = engine.users(1)[0][0]
        told = engine.profile(user)
        assert json.loads(json.dumps(told)) == told
        assert told["artifact"] == engine.artifact
        assert told["state_cursor"] == engine.recommend(user).state_cursor
        last = engine._memory.user(UserId(user)).states["recurrent"]
        foretold = engine._memory.stages.models["recurrent"].next_behaviour(last)
        assert told["next_behaviour"] == {
            "types": {"rating": pytest.approx(foretold.types[0])},
            "gap_s": pytest.approx(math.expm1(foretold.log_gap), rel=1e-4),
        }
        assert engine.profile("nobody")["next_behaviour"] is None
        found = engine.interests(user)
        assert [one["label"] for one in told["interests"]] == [one.label for one in found]
        first = told["interests"][0]
        items = engine.items()
        assert first["evidence"] == [
            {"item": items[row].id, "title": items[row].title} for row in found[0].evidence_rows
        ]
        assert first["trend"]["direction"] in ("rising", "steady", "falling")
        assert first["first_evidence"]["event"] in {event.id for event in engine.history(user)}


@pytest.mark.slow
def test_each_moment_of_a_timeline_is_what_was_read_right_after_its_event(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    with opened(path) as engine:
        items = [item.id for item in engine.items()]
        for n, item in enumerate(items[:1200:100]):
            engine.observe("ann", item, "rating", value=9.0, time=NOW_S - 5_000 + 60 * n)
        engine.observe("ann", None, "search", time=NOW_S - 4_000, words="tea")
        whole = engine.timeline("ann")
        assert [moment.event for moment in whole.moments[:-1]] == [
            event.id for event in engine.history("ann")
        ]
        assert len(whole.labels) <= 12
        assert list(whole.labels) == [one.label for one in engine.interests("ann")][:12]
        weights = [one.weight for one in engine.interests("ann")][:12]
        assert whole.moments[-1].weights == pytest.approx(weights, rel=1e-5)
        last = whole.moments[-1]
        assert (last.event, last.item, last.title, last.time_s) == (None, None, None, NOW_S)
        assert whole.moments[-2].type == "search"
        assert whole.moments[0].title == engine.item(items[0]).title
        short = engine.timeline("ann", 3)
        for one, same in zip(short.moments, whole.moments[-4:], strict=True):
            assert (one.event, one.time_s) == (same.event, same.time_s)
            assert one.weights == pytest.approx(same.weights, abs=1e-5)
        after, moment = whole.moments[6], 6
        for event in engine.history("ann")[moment + 1 :]:
            engine.undo(str(event.id))
        engine._clock.set(after.time_s)  # as it was then
        then = {one.label: one.weight for one in engine.interests("ann")}
        read = dict(zip(whole.labels, after.weights, strict=True))
        common = then.keys() & read.keys()
        assert len(common) >= 3
        assert {n: read[n] for n in common} == pytest.approx({n: then[n] for n in common})
        with pytest.raises(InvalidRequestError, match="limit is 0; allowed are 1 to 1000"):
            engine.timeline("ann", 0)
        assert engine.timeline("moon").moments == []


@pytest.mark.slow
def test_an_export_holds_everything_about_a_user(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        item = engine.items()[0]
        engine.put_user("ann", {"plan": "gold"})
        engine.observe(
            "ann", item.id, "rating", value=8.0, time=NOW_S - 9, id="e1", context={"at": "home"}
        )
        engine.observe("ann", "unknown", "view", time=NOW_S - 5, id="e2", words="nice")
        told = engine.export_user("ann")
        assert json.loads(json.dumps(told)) == told
        assert (told["user"], told["attributes"]) == ("ann", {"plan": "gold"})
        assert told["events"] == [
            {
                "id": "e1",
                "user": "ann",
                "item": item.id,
                "title": item.title,
                "type": "rating",
                "value": 8.0,
                "time_s": NOW_S - 9,
                "words": None,
                "context": {"at": "home"},
                "flags": [],
            },
            {
                "id": "e2",
                "user": "ann",
                "item": "unknown",
                "title": None,
                "type": "view",
                "value": None,
                "time_s": NOW_S - 5,
                "words": "nice",
                "context": {},
                "flags": [],
            },
        ]
        assert told["interests"] == engine.profile("ann")["interests"] != []
        assert told["exported_s"] == NOW_S
