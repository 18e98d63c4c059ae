"""The figures of a comparison: accuracy against cost, windows, recovery after drift, cold."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np

from penchant.evaluation.cold import ITEMS, USERS
from penchant.training.figures import Figure

Row = Mapping[str, Any]
COLOURS: Final = (
    *("#4053d3", "#ddb310", "#b51d14", "#00beff", "#fb49b0", "#00b25d", "#8a5cd6", "#e07b39"),
    *("#5b8c85", "#7a4419"),
)
"""Told apart by most eyes; one per sequence model, then from the first again."""
GREYS: Final = ("#5a5a5a", "#a8a8a8")
FEWEST: Final = 20
"""Splices of which a share is drawn."""
DASHES: Final = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))


def draw(rows: Sequence[Row], folder: Path) -> list[str]:
    """Write every figure that the rows have something for; gives their names, without suffix."""
    drawn = []
    for name, plot in PLOTS.items():
        figure = plot(rows)
        if figure is not None:
            figure.savefig(folder / f"{name}.svg")
            drawn.append(name)
    return drawn


def _accuracy(rows: Sequence[Row]) -> Figure | None:
    """NDCG@10 and its interval against milliseconds an event."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    marks = {"baseline": "s", "sequence": "o", "engine": "D"}
    turns = {kind: cycle((1, -1)) for kind in marks}  # neighbours' names on either side
    for row in rows:
        low, high = row["ci95"]
        colour, _ = _looks(rows, row)
        error = [[row["ndcg@10"] - low], [high - row["ndcg@10"]]]
        axes.errorbar(
            [row["cost_ms"]],
            [row["ndcg@10"]],
            yerr=error,
            fmt=marks[row["kind"]],
            color=colour,
            markersize=7,
            capsize=3,
            markerfacecolor=colour if row["kind"] != "engine" else "white",
        )
        side = next(turns[row["kind"]])
        axes.annotate(
            row["model"],
            (row["cost_ms"], row["ndcg@10"]),
            xytext=(7 * side, 4 * side),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="bottom" if side > 0 else "top",
            fontsize=8,
            color=colour,
        )
    axes.set_xscale("log")
    axes.margins(x=0.2)
    _named(axes, "milliseconds an event: step, read, every item scored (log)", "NDCG@10")
    return figure


def _windows(rows: Sequence[Row]) -> Figure | None:
    """NDCG@10 by window after the cut."""
    return _lines(
        _shown(rows),
        lambda row: row["by_window"],
        "window after the cut",
        "NDCG@10",
        lambda row: row["by_window_ci95"] if row["kind"] == "engine" else None,
    )


def _recovery(rows: Sequence[Row]) -> Figure | None:
    """Share of the native NDCG by events since the splice."""
    known = [row for row in rows if row["drift"] is not None and row["kind"] != "engine"]
    if not known:
        return None
    figure = _lines(known, lambda row: _share(row["drift"], "spliced"), "events since", "")
    axes = figure.axes[0]
    frozen = next((row for row in known if row["kind"] == "sequence"), known[0])
    axes.plot(
        _share(frozen["drift"], "frozen"),
        color=_looks(rows, frozen)[0],
        linestyle=":",
        label=f"{frozen['model']}, frozen",
    )
    axes.axhline(0.9, color="black", linewidth=0.8)
    axes.set_ylim(bottom=0)
    _named(axes, "events since the user became another", "share of the other's native NDCG@10")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _cold(rows: Sequence[Row]) -> Figure | None:
    """NDCG@10 by what is known of the item, and of the user."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, of, buckets in zip(
        figure.subplots(1, 2), ("items", "users"), (ITEMS, USERS), strict=True
    ):
        places = {bucket: n for n, bucket in enumerate(buckets)}
        for row in _shown(rows):
            found = [cell for cell in row["cold"] if cell["of"] == of]
            colour, dash = _looks(rows, row)
            axes.plot(
                [places[cell["bucket"]] for cell in found],
                [cell["ndcg@10"] for cell in found],
                marker="o",
                markersize=4,
                color=colour,
                linestyle=dash,
                label=row["model"],
            )
        axes.set_xticks(list(places.values()), list(places))
        what = "the item, before the cut" if of == "items" else "the user, before the target"
        _named(axes, f"events of {what}", "NDCG@10")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


PLOTS: Final[Mapping[str, Callable[[Sequence[Row]], Figure | None]]] = {
    "accuracy": _accuracy,
    "windows": _windows,
    "recovery": _recovery,
    "cold": _cold,
}
"""By the name of the file."""


def _lines(
    rows: Sequence[Row],
    values: Callable[[Row], Sequence[float]],
    x: str,
    y: str,
    spread: Callable[[Row], Sequence[Sequence[float]] | None] = lambda _: None,
) -> Figure:
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    first = 1 if "window" in x else 0
    for row in rows:
        colour, dash = _looks(rows, row)
        y_values = values(row)
        at = np.arange(first, first + len(y_values))
        axes.plot(at, y_values, color=colour, linestyle=dash, marker=".", label=row["model"])
        axes.set_xticks(at[:: max(1, len(at) // 10)])
        band = spread(row)
        if band is not None:
            low, high = np.array(band).T
            axes.fill_between(at, low, high, color=colour, alpha=0.08, linewidth=0)
    _named(axes, x, y)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _share(drift: Mapping[str, Any], kind: str) -> list[float]:
    """By events since the splice; NaN where few were asked or nothing can be lost."""
    return [
        there / native if asked >= FEWEST and native and there is not None else np.nan
        for there, native, asked in zip(drift[kind], drift["native"], drift["asked"], strict=True)
    ]


def _shown(rows: Sequence[Row]) -> list[Row]:
    """Engines and baselines: what lines can be read of."""
    return [row for row in rows if row["kind"] != "sequence"]


def _looks(rows: Sequence[Row], row: Row) -> tuple[str, Any]:
    """A colour for each sequence model, alone and in the engine; dashes in grey for baselines."""
    if row["kind"] == "baseline":
        baselines = [r["model"] for r in rows if r["kind"] == "baseline"]
        at = baselines.index(row["model"])
        return GREYS[at // len(DASHES) % len(GREYS)], DASHES[at % len(DASHES)]
    models = list(dict.fromkeys(r["with"] for r in rows if r["kind"] != "baseline"))
    return COLOURS[models.index(row["with"]) % len(COLOURS)], "-"


def _named(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
