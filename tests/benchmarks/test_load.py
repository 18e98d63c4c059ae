"""The load client: every mode measures a real server, counts its errors and stops by itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penchant.evaluation.generated import build

pytestmark = pytest.mark.slow
SIZE, USERS = 300, 40
LOAD = Path(__file__).parents[2] / "benchmarks" / "load.py"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All modes, one after another, on one server."""
    folder = tmp_path_factory.mktemp("load")
    build(folder / f"generated-{SIZE}.db", SIZE, seed=3, users=USERS)
    command = [sys.executable, str(LOAD), "load", "search", "one-client", "--folder", str(folder)]
    command += ["--items", str(SIZE), "--users", str(USERS), "--clients", "2"]
    command += ["--seconds", "1", "--events", "60", "--slates", "40"]
    command += ["--pairs", "20", "--warm", "2"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120)
    told = json.loads(done.stdout)
    assert told["vectors"] == "generated"
    return told[f"{SIZE} items"]


def ordered(spread: dict[str, float]) -> bool:
    return 0 < spread["p50"] <= spread["p95"] <= spread["p99"] <= spread["max"]


def test_load_tells_latencies_rates_errors_freshness_and_memory(told: Any) -> None:
    told = told["load"]
    assert told["errors"] == 0, told["first_errors"]
    for kind, rate in (("events", 60), ("slates", 40)):
        assert ordered(told[f"{kind}_ms"])
        assert told[f"{kind}_ms"]["count"] == pytest.approx(rate, rel=0.6)
        assert told["per_s"][kind] == pytest.approx(told[f"{kind}_ms"]["count"], rel=0.3)
    visible = told["event_visible_ms"]
    assert visible["count"] == told["events_ms"]["count"]
    assert 0 < visible["p50_at_most"] <= visible["p99_at_most"]
    assert len(told["rss_mib"]) > 5
    assert all(20 < mib < 4_000 for _, mib in told["rss_mib"])
    assert told["spread_last_half"] >= abs(told["drift_last_half"]) >= 0


def test_the_search_ends_at_a_rate_that_the_server_bore(told: Any) -> None:
    told = told["search"]
    assert told["errors"] == 0, told["first_errors"]
    bore = [step for step in told["steps"] if step["slates_ms"]["p99"] < told["limit_ms"]]
    assert told["slates_per_s"] in [0, *(step["per_s"] for step in bore)]
    assert told["slates_per_s"] > 0 or not bore
    assert told["steps"][0]["asked_per_s"] == 40.0


def test_one_client_tells_how_long_an_event_takes_to_reach_a_slate(told: Any) -> None:
    told = told["one-client"]
    assert told["errors"] == 0, told["first_errors"]
    whole = told["http_event_to_slate_ms"]
    assert whole["count"] == 20
    assert ordered(whole)
    assert whole["p50"] > told["event_ms"]["p50"]
