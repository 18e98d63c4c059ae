"""Name items by their titles, in a copy: two catalogues of the same films then share their ids.

`python benchmarks/by_title.py path/to/ml-1m ml-1m-by-title`: the data sets of MovieLens number the
same films differently, and transfer knows an item by its id. Items of one title become one.
"""

import argparse
import json
from pathlib import Path

import polars as pl


def main() -> None:
    """Copy the folder with such ids."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with events.parquet and items.parquet")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    items = pl.read_parquet(given.data / "items.parquet")
    events = pl.read_parquet(given.data / "events.parquet")
    named = events.join(
        items.select("item_id", "title"), on="item_id", how="left", maintain_order="left"
    )
    ids = pl.coalesce("title", "item_id").alias("item_id")
    whole = named.with_columns(ids).drop("title")
    one_each = items.with_columns(ids).unique("item_id", keep="first", maintain_order=True)
    given.out.mkdir(parents=True)
    whole.write_parquet(given.out / "events.parquet")
    one_each.write_parquet(given.out / "items.parquet")
    print(json.dumps({"items": len(one_each), "of": len(items), "events": len(whole)}))


if __name__ == "__main__":
    main()
