"""What an evaluation found, as a headline and a table for each protocol."""

from collections.abc import Sequence
from typing import Any, Final

from penchant.cli.terminal import table

VARIANTS: Final = ("state", "online", "frozen")
"""As tables list them."""
Row = dict[str, Any]


def headline(result: Row) -> str:
    """What was asked of whom."""
    seeds = f"repeats {result['repeats']}; seeds {', '.join(map(str, result['seeds']))}"
    match result["protocol"]:
        case "leave-one-out":
            asked = (
                f"{result['users']:,} users, {result['events']:,} events before their last two; "
                f"asked at the time of {result['query_time']}"
            )
        case "drift":
            asked = f"{result['splices']:,} splices, up to {result['events']} events after each"
        case "successive":
            first = result["first_of_group"]
            asked = (
                f"{result['events']:,} later events, {first:,} of them the first of their instant"
            )
            seeds += f"; serves {', '.join(result['serves'])}"
        case _:
            asked = f"{result['events']:,} later events"
    return f"{result['data']}, {result['protocol']}: {asked}; {seeds}\n"


def tabled(result: Row) -> Any:
    """The rows of any protocol."""
    rows = result["rows"]
    match result["protocol"]:
        case "leave-one-out":
            return last_rows(rows)
        case "prequential":
            return window_rows(rows)
        case "cold":
            return cold_rows(rows)
        case "shuffle":
            return shuffle_rows(rows)
        case "drift":
            return drift_rows(rows)
        case _:
            return report(rows)


def report(rows: Sequence[Row]) -> Any:
    """Rows of successive: by variant, best first, all events before the first of instants."""
    ordered = sorted(
        rows,
        key=lambda r: (r["subset"] != "all", VARIANTS.index(r["variant"]), -r["ndcg@10"]),
    )
    lines = [
        (
            row["variant"],
            row["model"],
            row["subset"].replace("_", " "),
            f"{row['ndcg@10']:.4f}",
            _between(row["ci95"]),
            f"{row['hr@10']:.4f}",
        )
        for row in ordered
    ]
    head = {"variant": "left", "model": "left", "events": "left"}
    return table({**head, **_right("NDCG@10", "95 % interval", "HR@10")}, lines)


def last_rows(rows: Sequence[Row]) -> Any:
    """Rows of leave-one-out, best first."""
    lines = [
        (
            row["model"],
            f"{row['ndcg@10']:.4f}",
            _between(row["ndcg@10_ci95"]),
            f"{row['hr@10']:.4f}",
            _between(row["hr@10_ci95"]),
        )
        for row in sorted(rows, key=lambda r: -r["ndcg@10"])
    ]
    names = ("NDCG@10", "95 % interval", "HR@10", "95 % interval of HR@10")
    return table({"model": "left", **_right(*names)}, lines)


def window_rows(rows: Sequence[Row]) -> Any:
    """Rows of prequential: by variant, best first."""
    ordered = sorted(rows, key=lambda r: (VARIANTS.index(r["variant"]), -r["ndcg@10"]))
    lines = [
        (
            row["variant"],
            row["model"],
            f"{row['ndcg@10']:.4f}",
            " ".join(f"{window:.3f}" for window in row["by_window"]),
            f"{row['worst_window']:.4f}",
            f"{row['slope']:+.4f}",
            _between(row["slope_ci95"]),
            f"{row['less_engine']:+.4f}",
            _between(row["less_engine_ci95"]),
        )
        for row in ordered
    ]
    numbers = _right("NDCG@10", "by window", "worst", "slope", "95 %", "less engine", "95 % of it")
    return table({"variant": "left", "model": "left", **numbers}, lines)


def cold_rows(rows: Sequence[Row]) -> Any:
    """Rows of cold: each bucket, best first."""
    order = list(dict.fromkeys((row["of"], row["bucket"]) for row in rows))
    ordered = sorted(
        rows,
        key=lambda r: (r["control"] != "none", order.index((r["of"], r["bucket"])), -r["ndcg@10"]),
    )
    lines = [
        (
            f"{row['of']} with {row['bucket']}",
            row["model"],
            "ids only" if row["control"] == "ids" else "",
            f"{row['events']:,}",
            f"{row['ndcg@10']:.4f}",
            _between(row["ci95"]),
        )
        for row in ordered
    ]
    head = {"events before": "left", "model": "left", "control": "left"}
    return table({**head, **_right("targets", "NDCG@10", "95 % interval")}, lines)


def shuffle_rows(rows: Sequence[Row]) -> Any:
    """Rows of shuffle: what loses most first."""
    lines = [
        (
            row["model"],
            f"{row['ndcg@10']:.4f}",
            f"{row['shuffled_ndcg@10']:.4f}",
            f"{row['lost_share']:+.0%}",
            f"{row['lost']:+.4f}",
            _between(row["lost_ci95"]),
        )
        for row in sorted(rows, key=lambda r: -r["lost"])
    ]
    return table(
        {"model": "left", **_right("NDCG@10", "shuffled", "lost", "NDCG lost", "95 % interval")},
        lines,
    )


def drift_rows(rows: Sequence[Row]) -> Any:
    """Rows of drift: what loses least first."""
    lines = [
        (
            row["model"],
            "never" if row["recovered_after"] is None else row["recovered_after"],
            f"{row['area_lost']:.3f}",
            _between(row["area_lost_ci95"]),
            *(_mean(row[kind]) for kind in ("native", "spliced", "frozen")),
        )
        for row in sorted(rows, key=lambda r: r["area_lost"])
    ]
    names = ("events to 90 %", "area lost", "95 % interval", "native", "spliced", "frozen")
    return table({"model": "left", **_right(*names)}, lines)


def _mean(means: Sequence[float | None]) -> str:
    """Over all numbers of events since the splice."""
    known = [mean for mean in means if mean is not None]
    return f"{sum(known) / len(known):.4f}" if known else ""


def _between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"


def _right(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "right")
