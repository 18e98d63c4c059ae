"""`penchant bench`: how fast it is on this machine, on generated data of real sizes."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from penchant.cli.options import AsJson
from penchant.core.errors import InvalidRequestError

EXAMPLE = "penchant bench --items 10000"

BUDGETS: Final[tuple[tuple[str, Callable[[dict[str, Any]], float], float], ...]] = (
    ("event to slate, p99 ms", lambda size: float(size["event_to_slate_ms"]["p99"]), 20.0),
    ("one step, p50 ms", lambda size: float(size["step_ms"]["p50"]), 0.2),
    ("state, bytes", lambda size: float(size["state_bytes"]), 2048.0),
)
"""What must be kept to, and how much of it (README, Measured)."""
FIGURES: Final[tuple[tuple[str, str], ...]] = (
    ("event to slate", "event_to_slate_ms"),
    ("  observe, durable", "observe_ms"),
    ("  recommend", "recommend_ms"),
    ("  a user's first event", "first_of_user_ms"),
    ("  a user's later events", "later_of_user_ms"),
    ("slate alone", "slate_ms"),
    ("one step of the default model", "step_ms"),
    ("the disk's own sync of a page", "fsync_ms"),
)
FEWEST: Final = 10


def bench(
    items: Annotated[
        str, typer.Option("--items", help="Sizes of the catalogue, in turn.")
    ] = "10000,100000",
    events: Annotated[int, typer.Option("--events", help="Events measured at each size.")] = 500,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="On which disk; else the temporary folder's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure event to slate, steps, slates per second, bytes and memory.

    Vectors, tables and events are generated: this is about speed and says nothing about quality.
    Each size is served by a process of its own.
    """
    from penchant.cli.terminal import note, print_json, stdout
    from penchant.evaluation.generated import build
    from penchant.evaluation.speed import measure

    sizes = _sizes(items)
    if events < FEWEST:
        raise InvalidRequestError(f"--events {events} is too few; allowed is {FEWEST} or more")
    measured = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="penchant-bench-", dir=folder) as scratch:
            path = Path(scratch) / "bench.db"
            note(f"{size:,} items: generating")
            build(path, size)
            note(f"{size:,} items: measuring")
            measured.append(measure(path, size, events))
    result = {"vectors": "generated", "cpus": os.cpu_count(), "sizes": measured}
    if as_json:
        print_json(result)
        return
    out = stdout()
    out.print("Vectors and events are generated; times in ms, p50 / p99", markup=False)
    out.print(table_of(measured))


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 100:
        raise InvalidRequestError(
            f"--items {text!r} names no sizes; allowed are numbers from 100, as in 10000,100000"
        )
    return sizes


def table_of(measured: list[dict[str, Any]]) -> Any:
    """Sizes side by side."""
    from penchant.cli.terminal import table

    rows: list[list[str]] = []
    for name, key in FIGURES:
        rows.append([name, *(_pair(size[key]) for size in measured)])
    rows.append(["slates per second", *(f"{size['slates_per_s']:,}" for size in measured)])
    rows.append(["bytes of a state, default model", *(str(s["state_bytes"]) for s in measured)])
    rows.append(["  of all models", *(str(s["state_bytes_all_models"]) for s in measured)])
    rows.append(["peak memory, MiB", *(f"{size['peak_mib']:,}" for size in measured)])
    for name, of, most in BUDGETS:
        kept = ["yes" if of(size) <= most else f"no: {of(size):g}" for size in measured]
        rows.append([f"{name} <= {most:g}", *kept])
    headers = {"": "left", **{f"{size['items']:,} items": "right" for size in measured}}
    return table(headers, rows)


def _pair(spread: dict[str, float]) -> str:
    """Both figures; nothing where nothing was measured.

    >>> _pair({"p50": 1.0, "p99": 2.5}), _pair({})
    ('1.00 / 2.50', '')
    """
    return f"{spread['p50']:.2f} / {spread['p99']:.2f}" if spread else ""
