"""Give each event of a known order but unknown time the time of the event before it, in a copy.

`python benchmarks/whole_order.py ml-1m seq ml-1m-whole`: leave-one-out results of papers are over
all users, also those of whom the order alone is known. These stand at one instant, the first of
the data, so that no elapsed time is made up; events without an order are dropped.
"""

import argparse
import json
import shutil
from pathlib import Path

import polars as pl


def main() -> None:
    """Copy the folder with such times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with events.parquet and items.parquet")
    parser.add_argument("order", help="the column of the order")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    events = pl.read_parquet(given.data / "events.parquet").filter(
        pl.col(given.order).is_not_null()
    )
    time = pl.col("timestamp").forward_fill().over("user_id", order_by=given.order)
    back = time.backward_fill().over("user_id", order_by=given.order)
    whole = events.with_columns(back.fill_null(pl.col("timestamp").min()).alias("timestamp"))
    given.out.mkdir(parents=True)
    whole.write_parquet(given.out / "events.parquet")
    shutil.copy(given.data / "items.parquet", given.out)
    facts = {
        "events": len(whole),
        "users": whole["user_id"].n_unique(),
        "times_filled": events["timestamp"].null_count(),
        "events_without_order_dropped": pl.scan_parquet(given.data / "events.parquet")
        .select(pl.col(given.order).null_count())
        .collect()
        .item(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
