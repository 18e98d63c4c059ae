"""Each placement follows its own rules, and a wrong name is told the nearest."""

from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.config import load_config
from penchant.core.errors import InvalidRequestError
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine

NOW_S = 1_700_000_000.0


def test_a_slate_follows_the_rules_of_its_placement(tmp_path: Path) -> None:
    settings = tmp_path / "penchant.toml"
    settings.write_text(
        '[strategy]\nrepeats = "drop"\n'
        '[placements.again]\nrepeats = "keep"\n'
        "[placements.banner]\nmax_n = 1\n"
    )
    config = load_config(EngineConfig, settings, {})
    with Engine.open(tmp_path / "shop.db", config, ManualClock(NOW_S)) as engine:
        engine.put_items({"id": f"i{n}"} for n in range(3))
        engine.observe("ann", "i1", "purchase")

        def ids(placement: str | None, n: int = 3) -> list[str]:
            return [place.item for place in engine.recommend("ann", n, placement=placement).items]

        assert "i1" not in ids(None)
        assert "i1" in ids("again")
        assert len(ids("banner", 1)) == 1
        with pytest.raises(InvalidRequestError, match="n is 2; allowed are 1 to 1 places"):
            ids("banner", 2)
        assert engine.recommend("ann").placement is None
        assert engine.recommend("ann", placement="again").to_dict()["placement"] == "again"
        with pytest.raises(
            InvalidRequestError,
            match=r"no placement is named 'baner' \(did you mean 'banner'\?\); allowed are again,",
        ):
            ids("baner")


def test_without_placements_none_may_be_named(tmp_path: Path) -> None:
    with (
        Engine.open(tmp_path / "shop.db", clock=ManualClock(NOW_S)) as engine,
        pytest.raises(InvalidRequestError, match=r"allowed are none, until \[placements.<name>\]"),
    ):
        engine.recommend("ann", placement="home")
