"""The examples run against a real server, and show what they say."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.ingest.datasets import open_dataset

EXAMPLES = Path(__file__).parents[1] / "examples"
Serve = Callable[..., AbstractContextManager[str]]

pytestmark = pytest.mark.slow


def slates(name: str, url: str) -> list[str]:
    """What an example prints, slate by slate."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        env={**os.environ, "PENCHANT_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("\n\n")


def test_a_stranger_rates_films_and_takes_one_back(
    trained: Callable[[], Path], serve: Serve
) -> None:
    with serve(trained()) as url:
        first, one, two, undone, end = slates("films.py", url)
    assert [part.count("\n") for part in (first, one, undone)] == [5, 5, 5]
    rated = re.match(r"9 of 10 for (.*):", one)
    assert rated is not None
    assert rated[1] in first
    assert rated[1] not in one.partition("\n")[2].replace(f"because of {rated[1]}", "")
    assert re.search(r"-> .* \d+% (rising|steady|falling)", two)
    assert undone.splitlines()[1:] == one.splitlines()[1:]
    assert end.splitlines() == ["Forgotten: 1 event", "The stream has ended: True"]


def test_a_customer_comes_back_for_the_same_and_buys_a_cake_stand(
    tmp_path: Path, serve: Serve
) -> None:
    shop = open_dataset("online-retail")
    with Engine.open(tmp_path / "shop.db", EngineConfig(clock="log")) as engine:
        engine.put_items(shop.items)
        engine.observe_many(next(shop.events(20_000)))
    with serve(tmp_path / "shop.db") as url:
        first, ranked, last, end = slates("shop.py", url)
    assert first.count("\n") == 5
    assert "SET/20 RED RETROSPOT PAPER NAPKINS" in ranked
    assert ranked.count("\n") == 4
    assert "because of REGENCY CAKESTAND 3 TIER" in last
    assert end == "Forgotten: 4 events"


def test_an_example_is_short_enough_to_be_read() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 35
