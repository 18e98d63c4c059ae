"""`penchant interests` and `penchant explain` on a trained engine: profile and causes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]


def busiest(db: Path) -> str:
    with Engine.open(db, EngineConfig(clock="log")) as engine:
        return engine.users(limit=1)[0][0]


@pytest.mark.slow
def test_a_profile_names_interests_with_evidence_that_the_user_left(
    run: Run, ask: Ask, trained: Callable[[], Path]
) -> None:
    db = trained()
    user = busiest(db)
    told = ask("interests", user, "--db", db, "--clock", "log")
    with Engine.open(db, EngineConfig(clock="log")) as engine:
        taken = {event.item for event in engine.history(user)}
    weights = [one["weight"] for one in told["interests"]]
    assert weights == sorted(weights, reverse=True)
    assert all(w > 0 for w in weights)
    assert {proof["item"] for one in told["interests"] for proof in one["evidence"]} <= taken
    shown = run("interests", user, "--db", db, "--clock", "log").stdout
    assert told["interests"][0]["label"].split()[0] in shown
    hours = told["next_behaviour"]["gap_s"] / 3600
    assert f"next: rating 100%, some {hours:,.1f} hours after the latest event\n" in shown


@pytest.mark.slow
def test_reasons_are_sentences_and_the_same_in_both_commands(
    run: Run, ask: Ask, trained: Callable[[], Path]
) -> None:
    db = trained()
    user = busiest(db)
    slate = ask("recommend", user, "--db", db, "--clock", "log", "--reasons")
    place = next(place for place in slate["items"] if place["reasons"])
    told = ask("explain", user, place["item"], "--db", db, "--clock", "log")
    assert told["reasons"][0]["sentence"] == place["reasons"][0]["sentence"]
    assert told["reasons"][0]["sentence"].startswith("because of ")
    shown = run("explain", user, place["item"], "--db", db, "--clock", "log").stdout
    assert told["reasons"][0]["sentence"] in shown.replace("\n", " ")


def test_a_stranger_and_an_untrained_engine_have_no_interests(
    run: Run, ask: Ask, small: Path
) -> None:
    run("ingest", small)
    assert "eve is a stranger" in run("interests", "eve").stdout
    assert "nothing is trained yet" in run("interests", "ann").stdout
    assert ask("interests", "ann") == {
        "user": "ann",
        "artifact": None,
        "events": 3,
        "interests": [],
        "next_behaviour": None,
    }


def test_explaining_an_unknown_item_is_an_error(run: Run, small: Path) -> None:
    run("ingest", small)
    assert "no item has the id 'm9'" in run("explain", "ann", "m9", code=1).stderr


def test_an_item_without_a_cause_says_so(run: Run, small: Path) -> None:
    run("ingest", small)
    told = run("explain", "eve", "m1", "--clock", "log").stdout
    assert "no small set of events decides where m1 stands for eve" in told
