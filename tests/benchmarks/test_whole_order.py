"""`benchmarks/whole_order.py` keeps every user of whom the order is known, and makes up no gaps."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "whole_order.py"


def test_unknown_times_are_those_of_the_event_before_and_events_without_order_go(
    tmp_path: Path,
) -> None:
    given, out = tmp_path / "given", tmp_path / "out"
    given.mkdir()
    pl.DataFrame(
        {
            "user_id": ["a", "a", "a", "a", "b", "b", "c"],
            "item_id": ["1", "2", "3", "4", "1", "2", "9"],
            "timestamp": [None, 50, None, 90, None, None, 40],
            "seq": [0, 1, 2, 3, 1, 0, None],
        }
    ).write_parquet(given / "events.parquet")
    pl.DataFrame({"item_id": ["1"]}).write_parquet(given / "items.parquet")
    told = subprocess.run(
        [sys.executable, str(SCRIPT), str(given), "seq", str(out)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    facts = {"events": 6, "users": 2, "times_filled": 4, "events_without_order_dropped": 1}
    assert json.loads(told) == facts
    whole = pl.read_parquet(out / "events.parquet").sort("user_id", "seq")
    assert whole["timestamp"].to_list() == [50, 50, 50, 90, 50, 50]
    assert (out / "items.parquet").is_file()
