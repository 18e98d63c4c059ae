"""The bench: says that its data are generated, and gives every figure for every size."""

import io
import json
import re

import pytest
from rich.console import Console
from typer.testing import CliRunner

from penchant.cli import bench
from penchant.cli.main import build

SPREADS = ("event_to_slate_ms", "step_ms", "observe_ms", "recommend_ms", "slate_ms", "fsync_ms")


@pytest.mark.slow
def test_every_figure_is_given_and_the_data_are_called_generated() -> None:
    asked = ["bench", "--items", "200", "--events", "12", "--json"]
    result = CliRunner().invoke(build(), asked)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["vectors"] == "generated"
    assert [size["items"] for size in told["sizes"]] == [200]
    for size in told["sizes"]:
        assert size["events"] == 12
        for key in SPREADS:
            assert 0 < size[key]["p50"] <= size[key]["p99"], key
        assert size["observe_ms"]["p50"] < size["event_to_slate_ms"]["p50"]
        assert size["slates_per_s"] > 0
        assert 20 < size["peak_mib"] < 4_000


def test_a_table_for_people_names_the_budgets_and_whether_they_are_kept() -> None:
    spread = {"p50": 1.0, "p99": 25.0}
    size = {key: spread for _, key in bench.FIGURES} | {
        "items": 200,
        "first_of_user_ms": {},
        "slates_per_s": 300,
        "state_bytes": 776,
        "state_bytes_all_models": 1_217,
        "peak_mib": 100,
    }
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(bench.table_of([size]))
    told = console.export_text()
    assert "200 items" in told
    assert re.search(r"event to slate, p99 ms <= 20 +no: 25", told)
    assert re.search(r"one step, p50 ms <= 0.2 +no: 1", told)
    assert re.search(r"state, bytes <= 2048 +yes", told)


@pytest.mark.parametrize("items", ["ten", "10", "10000,", ""])
def test_sizes_that_are_none_are_refused_with_what_is_allowed(items: str) -> None:
    result = CliRunner().invoke(build(), ["bench", "--items", items])
    assert result.exit_code == 1
    assert "allowed are numbers from 100" in result.stderr.replace("\n", " ")


def test_too_few_events_to_measure_are_refused() -> None:
    result = CliRunner().invoke(build(), ["bench", "--events", "3"])
    assert result.exit_code == 1
    assert "10 or more" in result.stderr.replace("\n", " ")
