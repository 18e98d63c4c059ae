"""Write the split files that every peer reads: events, targets, filter; one folder per protocol.

    python split.py DATA --protocol successive --order seq_untied --out SPLIT

`successive` has the cut, the targets and the order of `penchant evaluate`, by its own functions;
`leave-one-out` tests each user's last event and validates on the one before. README.md of
`benchmarks` describes the files.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from penchant.cli.settings import load_settings
from penchant.core.clock import SystemClock
from penchant.core.errors import NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.signals import Signal
from penchant.engine.replay import cut_at
from penchant.evaluation.config import SuccessiveConfig
from penchant.evaluation.successive import targets_of
from penchant.features.reader import EventReader, FeatureColumns
from penchant.ingest.datasets import Dataset, open_dataset
from penchant.ingest.order import unordered
from penchant.training.config import TrainingConfig
from penchant.training.fit import repeats_usual

PARTS: Final = ("train", "valid", "test")
LEAST: Final = 3
"""Events of a user that leave-one-out can split; users with fewer only train."""


class Split(NamedTuple):
    """Which events train, validate and test, and which of them are to be predicted."""

    part: NDArray[np.int8]  # (T,) code in PARTS
    valid: NDArray[np.intp]  # (V,) events to predict while training
    test: NDArray[np.intp]  # (Q,) events to predict at the end
    facts: Mapping[str, Any]


def features_of(columns: EventColumns, signals: Mapping[str, Signal]) -> FeatureColumns:
    """Signed weights of the events; nothing here depends on the window that is fitted on."""
    return EventReader.fit(signals, columns).columns(columns)


def successive(
    columns: EventColumns,
    signals: Mapping[str, Signal],
    config: SuccessiveConfig,
    training: TrainingConfig,
) -> Split:
    """Cut and targets of `penchant evaluate`, and the window that its own training holds out."""
    f = features_of(columns, signals)
    cut = cut_at(columns.time_s, 1 - config.test_share)
    before = columns.time_s < cut
    held = cut_at(columns.time_s[before], 1 - training.held_out)
    part = np.where(before, np.where(columns.time_s < held, 0, 1), 2).astype(np.int8)
    later = targets_of(f, held)
    test = targets_of(f, cut)
    if not len(test):
        raise NotEnoughDataError("no event after the cut follows an earlier event of its user")
    return Split(part, later[columns.time_s[later] < cut], test, {"cut": cut, "held": held})


def leave_one_out(columns: EventColumns, signals: Mapping[str, Signal]) -> Split:
    """Per user the last positive event tests and the one before it validates."""
    f = features_of(columns, signals)
    places = np.flatnonzero((f.weight > 0) & (f.row >= 0))
    order = places[np.argsort(f.user[places], kind="stable")]
    ends = np.flatnonzero(np.r_[f.user[order][1:] != f.user[order][:-1], True])
    counts = np.diff(np.r_[-1, ends])
    ends = ends[counts >= LEAST]
    test, valid = order[ends], order[ends - 1]
    begins = np.full(int(f.user.max()) + 1, len(columns))
    then = begins.copy()
    begins[f.user[valid]], then[f.user[test]] = valid, test
    at = np.arange(len(columns))
    part = (at >= begins[f.user]).astype(np.int8) + (at >= then[f.user])
    return Split(part.astype(np.int8), np.sort(valid), np.sort(test), {})


def evenly(which: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """At most `limit` of `which`, spread evenly."""
    if len(which) <= limit:
        return which
    return which[np.linspace(0, len(which) - 1, limit).astype(np.intp)]


def events_table(
    columns: EventColumns, signals: Mapping[str, Signal], split: Split
) -> pl.DataFrame:
    """Events that move what a user has taken, grouped by user, in order.

    `at`: place in the whole log. `place`: earlier rows of the same user here.
    """
    f = features_of(columns, signals)
    hides = np.array([signals[name].hides for name in columns.types])[columns.type]
    kept = np.flatnonzero((f.row >= 0) & (f.weight != 0))
    order = kept[np.argsort(f.user[kept], kind="stable")]
    table = pl.DataFrame(
        {
            "user": f.user[order],
            "item": f.row[order],
            "time_s": f.time_s[order],
            "positive": f.weight[order] > 0,
            "hides": hides[order],
            "part": split.part[order],
            "at": order.astype(np.int64),
        }
    )
    return table.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).over("user").alias("place"))


def targets_table(columns: EventColumns, events: pl.DataFrame, split: Split) -> pl.DataFrame:
    """Events to predict: `first` says whether the event before it was at another instant."""
    last: NDArray[np.float64] = np.full(len(columns), np.nan)
    order = np.argsort(columns.user, kind="stable")
    same = columns.user[order][1:] == columns.user[order][:-1]
    last[order[1:][same]] = columns.time_s[order[:-1][same]]
    at = np.concatenate([split.valid, split.test]).astype(np.int64)
    wanted = pl.DataFrame(
        {
            "target": np.arange(len(at), dtype=np.int32),
            "at": at,
            "first": last[at] != columns.time_s[at],
            "part": np.repeat(np.array([1, 2], np.int8), [len(split.valid), len(split.test)]),
        }
    )
    return wanted.join(
        events.select("at", "user", "item", "time_s", "place"), on="at", maintain_order="left"
    )


def opened(
    source: str, order: str | None, signals: Mapping[str, Signal], without_times: bool
) -> Dataset:
    """The data set; without times also those users stay of whom no time is known.

    Their order in days stands for the time then, as in any data that have an order alone.
    """
    if not without_times:
        return open_dataset(source, None, order, signals=signals)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / Path(source).name
        here.mkdir()
        events = pl.read_parquet(Path(source) / "events.parquet")
        timeless = events.with_columns(pl.lit(None, events.schema["timestamp"]).alias("timestamp"))
        timeless.write_parquet(here / "events.parquet")
        shutil.copy(Path(source) / "items.parquet", here)
        return open_dataset(here, None, order, signals=signals)


def sampled(columns: EventColumns, users: int, seed: int) -> EventColumns:
    """Only the events of `users` users, drawn by chance."""
    met = np.unique(columns.user)
    drawn = np.random.default_rng(seed).choice(met, min(users, len(met)), replace=False)
    return columns.take(np.isin(columns.user, drawn))


def write(
    folder: Path,
    columns: EventColumns,
    signals: Mapping[str, Signal],
    split: Split,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Write events, targets and `split.json`; its digest names this very split in every result."""
    folder.mkdir(parents=True, exist_ok=True)
    events = events_table(columns, signals, split)
    targets = targets_table(columns, events, split)
    digest = hashlib.sha256()
    for table in (events, targets):
        for name in sorted(table.columns):
            digest.update(np.ascontiguousarray(table[name].to_numpy()).tobytes())
    events.write_parquet(folder / "events.parquet")
    targets.write_parquet(folder / "targets.parquet")
    told = {
        **facts,
        **split.facts,
        "items": len(columns.items),
        "users": len(np.unique(columns.user)),
        "events": len(events),
        "events_by_part": [int((events["part"] == p).sum()) for p in range(len(PARTS))],
        "valid_targets": len(split.valid),
        "test_targets": len(split.test),
        "digest": digest.hexdigest()[:16],
    }
    (folder / "split.json").write_text(json.dumps(told, indent=1) + "\n")
    return told


def main() -> None:
    """Read the data set as `penchant evaluate` reads it, split it, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--protocol", choices=("successive", "leave-one-out"), required=True)
    parser.add_argument("--order", help="column with the true order of each user's events")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", choices=("auto", "keep", "drop"), default="auto")
    parser.add_argument("--valid", type=int, default=2_000, help="targets to validate on, at most")
    parser.add_argument("--users", type=int, help="a sample of so many users")
    parser.add_argument("--without-times", action="store_true", help="the order is all there is")
    given = parser.parse_args()
    settings = load_settings(None)
    signals = settings.signals
    data = opened(given.data, given.order, signals, given.without_times)
    data = data.cleaned(settings.clean, SystemClock().now_s())
    columns = data.columns
    if given.users:
        columns = sampled(columns, given.users, seed=0)
    if not data.ordered:
        columns = unordered(columns, signals)
    if given.protocol == "successive":
        split = successive(columns, signals, settings.evaluation, settings.training)
    else:
        split = leave_one_out(columns, signals)
    split = split._replace(valid=evenly(split.valid, given.valid))
    before = columns.take(split.part < PARTS.index("test"))
    keeps = repeats_usual(before, signals) if given.repeats == "auto" else given.repeats == "keep"
    facts = {
        "data": data.name if not given.users else f"{data.name}, {given.users} users",
        "protocol": given.protocol,
        "order": given.order,
        "times": not given.without_times,
        "repeats": "keep" if keeps else "drop",
    }
    print(json.dumps(write(given.out, columns, signals, split, facts)))


if __name__ == "__main__":
    main()
