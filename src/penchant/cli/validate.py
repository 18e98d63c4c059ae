"""`penchant validate`: what a data set is worth, and whether it is enough to train on."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from penchant.cli.options import AsJson, Columns, Config, EventType, Order, mapping_of
from penchant.core.errors import signal_header

if TYPE_CHECKING:
    from rich.console import Console

    from penchant.ingest.quality import QualityReport

EXAMPLE = "penchant validate clicks.csv --map user_id=visitorid"
YEAR_S: Final = 365 * 86_400.0
NOT_ENOUGH = 3
"""Exit code of data that can be read but is not enough to train on."""


def validate(
    source: Annotated[
        str, typer.Argument(help="A file, a folder, or movietweetings or online-retail.")
    ],
    columns: Columns = None,
    kind: EventType = None,
    order: Order = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Report completeness, consistency, accuracy and diversity of a data set; nothing is stored.

    Exit code 0: enough to train on; 3: it can be read but is not enough; 1: it cannot be read.
    """
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import Bar, print_json, progress, stdout
    from penchant.core.clock import SystemClock
    from penchant.ingest.datasets import open_dataset
    from penchant.ingest.quality import quality_report

    settings = load_settings(config)
    with progress() as bars:
        data = open_dataset(
            source,
            mapping_of(columns),
            order,
            kind,
            progress=Bar(bars, "reading", ""),
        )
        config_keeping = settings.clean.model_copy(update={"impute": "keep"})
        data = data.cleaned(config_keeping, SystemClock().now_s())
        report = quality_report(data.columns, data.items, settings.signals, data.counts)
    first = [
        {"source": of, "line": one.line, "reason": one.reason}
        for of, one in data.all_rejected(source)[:20]
    ]
    if as_json:
        print_json({"source": source, **report.to_dict(), "first_rejected": first})
    else:
        _show(stdout(), data.name, report, first, timed=not data.ordered)
    if not report.enough.enough:
        raise typer.Exit(NOT_ENOUGH)


def _show(
    out: "Console",
    name: str,
    report: "QualityReport",
    rejected: list[dict[str, Any]],
    timed: bool,
) -> None:
    from penchant.cli.terminal import day, table

    span = f"{day(report.start_s)} to {day(report.end_s)}"
    out.print(f"{name}: {report.events:,} events, {span}\n", markup=False)
    for title, rows in _sections(report):
        out.print(title, style="bold")
        out.print(table({"": "left", " ": "fold"}, rows), "")
    for kind, values in report.values.items():
        if values.hint:
            out.print(f"{kind}: {values.hint}", markup=False)
    for sentence in _warnings(report, timed):
        out.print(sentence, markup=False)
    for one in rejected[:5]:
        out.print(f"{one['source']}, line {one['line']:,}: {one['reason']}", markup=False)
    verdict = "enough to train on" if report.enough.enough else "not enough to train on"
    out.print(f"{verdict}: {'; '.join(report.enough.reasons)}", markup=False)


def _warnings(report: "QualityReport", timed: bool) -> list[str]:
    """What a reader of the numbers may not see in them."""
    said = []
    unknown = report.consistency.types_without_signal
    if unknown:
        said.append(
            f"`penchant ingest` leaves out events of type {', '.join(unknown)} until the config "
            f"has {', '.join(map(signal_header, unknown))}"
        )
    if timed and report.end_s is not None and report.end_s < YEAR_S:
        said.append(
            "the newest event is of 1970: is the time another count than seconds since then, such "
            "as days of a spreadsheet?"
        )
    return said


def _sections(report: "QualityReport") -> list[tuple[str, list[tuple[str, object]]]]:
    full, fits, right, wide = (
        report.completeness,
        report.consistency,
        report.accuracy,
        report.diversity,
    )
    counted = [(name, f"{n:,}") for name, n in sorted(report.counts.items()) if n]
    return [
        (
            "Completeness",
            [
                ("events with an item", f"{full.event_item:.1%}"),
                ("events with a value", f"{full.event_value:.1%}"),
                ("items with a title", f"{full.item_title:.1%}"),
                ("items with categories", f"{full.item_categories:.1%}"),
                ("items with a description", f"{full.item_description:.1%}"),
            ],
        ),
        (
            "Consistency",
            [
                ("types without items", ", ".join(fits.types_without_items) or "none"),
                ("types without Signal", ", ".join(fits.types_without_signal) or "none"),
                ("events outside the catalogue", f"{fits.events_outside_catalogue:,}"),
                ("rows out of order", f"{fits.out_of_order_share:.1%}"),
                ("duplicates", f"{fits.duplicate_share:.1%}"),
                ("neighbours at one instant", f"{report.ties_share:.1%}"),
                ("repeats", f"{report.repeats.share:.1%} ({report.repeats.auto})"),
            ],
        ),
        (
            "Accuracy",
            [
                ("rows rejected", f"{right.rejected_share:.2%}"),
                ("sentinels for values", f"{right.sentinel_share:.2%}"),
                ("values not finite", f"{right.not_finite_share:.2%}"),
                *((f"flagged {name}", f"{n:,}") for name, n in right.flags.items()),
            ],
        ),
        (
            "Diversity",
            [
                ("users", f"{wide.users:,}"),
                ("items met", f"{wide.items_met:,} of {wide.items_in_catalogue:,}"),
                ("Gini of items", f"{wide.gini_of_items:.3f}"),
                ("events on the top 1 % of items", f"{wide.top_1_percent_share:.1%}"),
                ("events per user, median", f"{wide.events_per_user.get('50%', 0):g}"),
            ],
        ),
        ("Counted while reading", list(counted)),
    ]
