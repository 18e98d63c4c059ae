"""A comparison as a folder: the same report in Markdown and HTML, its figures, and the numbers."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from penchant.evaluation.cold import ITEMS, USERS
from penchant.evaluation.plots import draw

Report = Mapping[str, Any]
STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #e3e3e3;
         white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { border-bottom: 2px solid #999; }
.wide { overflow-x: auto; }
img { max-width: 100%; height: auto; display: block; margin: 1rem 0; }
"""


class Head(NamedTuple):
    """A heading; level 1 is the title."""

    level: int
    text: str


class Text(NamedTuple):
    """A paragraph, or with several parts a list."""

    parts: Sequence[str]


class Grid(NamedTuple):
    """A table; the first column stands left."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Picture(NamedTuple):
    """A figure of the folder."""

    name: str
    says: str


Block = Head | Text | Grid | Picture


def write_report(report: Report, folder: Path, command: str) -> None:
    """Fill `folder` (made if need be): report.md, report.html, report.json and the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = draw(report["rows"], folder)
    blocks = list(_blocks(report, drawn, command))
    title = f"Which model to serve: {report['data']}"
    page = f"<!doctype html>\n<html lang='en'><meta charset='utf-8'><title>{html.escape(title)}"
    page += "</title><meta name='viewport' content='width=device-width'>"
    page += f"<style>{STYLE}</style>\n" + "\n".join(map(_html, blocks)) + "\n</html>\n"
    files = {
        "report.md": "\n\n".join(map(_markdown, blocks)) + "\n",
        "report.html": page,
        "report.json": json.dumps(report, ensure_ascii=False, indent=1) + "\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _blocks(report: Report, drawn: Sequence[str], command: str) -> Iterator[Block]:
    rows, log = report["rows"], report["log"]
    yield Head(1, f"Which model to serve: {report['data']}")
    yield Text([f"Serve {report['serve']['model']}."])
    yield Text(report["serve"]["why"] + [""])
    if report["quick"]:
        yield Text(["A quick look: few passes, targets and splices; no figure is a claim."])
    yield Text(
        [
            f"Trained on {log['events']:,} events of {log['users']:,} users on {log['items']:,} "
            f"items ({log['events'] / max(1, log['users']):.1f} a user); asked for "
            f"{report['events']:,} later events, each just before it happens. Taken items "
            f"{'stay candidates' if report['repeats'] == 'keep' else 'are no candidates'}. "
            f"Seeds {', '.join(map(str, report['seeds']))}."
        ]
    )
    yield Text([f"Made by: {command}"])
    yield from _accuracy(rows, drawn)
    yield from _windows(rows, drawn)
    yield from _order(rows)
    yield from _drift(report, drawn)
    yield from _cold(rows, drawn)


def _accuracy(rows: Sequence[Report], drawn: Sequence[str]) -> Iterator[Block]:
    yield Head(2, "Accuracy against cost")
    yield from _picture(drawn, "accuracy", "NDCG@10, with 95 % intervals, against cost")
    yield Text(
        [
            "Intervals are drawn by user. Cost is that of one event on this machine as it was "
            "loaded: the model's step and read, and a score for every item; that of an engine is "
            "all of its sources and the blend."
        ]
    )
    yield Grid(
        ("row", "NDCG@10", "95 % interval", "HR@10", "ms an event", "passes", "trained, events/s"),
        [
            (
                row["model"],
                f"{row['ndcg@10']:.4f}",
                _between(row["ci95"]),
                f"{row['hr@10']:.4f}",
                f"{row['cost_ms']:.3f}",
                " ".join(map(str, row["passes"])),
                " ".join(f"{rate:,}" for rate in row["train_events_per_s"]),
            )
            for row in sorted(rows, key=lambda row: -row["ndcg@10"])
        ],
    )


def _windows(rows: Sequence[Report], drawn: Sequence[str]) -> Iterator[Block]:
    count = len(rows[0]["by_window"])
    yield Head(2, "Window by window after the cut")
    yield from _picture(drawn, "windows", "NDCG@10 by window; the bands are 95 % intervals")
    yield Grid(
        ("row", *(f"window {n + 1}" for n in range(count)), "slope"),
        [
            (row["model"], *(f"{x:.4f}" for x in row["by_window"]), f"{row['slope']:+.4f}")
            for row in rows
        ],
    )


def _order(rows: Sequence[Report]) -> Iterator[Block]:
    yield Head(2, "What order is worth")
    yield Text(
        ["Each history was shuffled, before and after the cut apart, and trained again: what "
         "does not lose makes no use of order."]
    )  # fmt: skip
    yield Grid(
        ("row", "NDCG@10", "shuffled", "share lost", "NDCG lost", "95 % interval"),
        [
            (
                row["model"],
                f"{row['order']['ndcg@10']:.4f}",
                f"{row['order']['shuffled_ndcg@10']:.4f}",
                f"{row['order']['lost_share']:+.0%}",
                f"{row['order']['lost']:+.4f}",
                _between(row["order"]["lost_ci95"]),
            )
            for row in sorted(
                (row for row in rows if row["order"] is not None),
                key=lambda row: -row["order"]["lost"],
            )
        ],
    )


def _drift(report: Report, drawn: Sequence[str]) -> Iterator[Block]:
    yield Head(2, "When a user becomes another")
    rows = [row for row in report["rows"] if row["drift"] is not None]
    if not rows:
        yield Text(["No user has five events on each side of the cut, so drift was not measured."])
        return
    yield Text(
        [
            f"{report['splices']:,} splices: up to the cut the state is one user's, then another's "
            f"real events come. The other's own state is the known answer. The last three columns "
            f"are NDCG@10 over all events since: with that state, with the first one's as it "
            f"moves, and with the first one's as it was."
        ]
    )
    yield from _picture(drawn, "recovery", "Share of the native NDCG@10 by events since the splice")
    yield Grid(
        ("row", "events until 90 %", "area lost", "95 % interval", "native", "spliced", "frozen"),
        [
            (
                row["model"],
                "never" if (after := row["drift"]["recovered_after"]) is None else str(after),
                f"{row['drift']['area_lost']:.3f}",
                _between(row["drift"]["area_lost_ci95"]),
                *(_mean(row["drift"][kind]) for kind in ("native", "spliced", "frozen")),
            )
            for row in rows
        ],
    )


def _cold(rows: Sequence[Report], drawn: Sequence[str]) -> Iterator[Block]:
    yield Head(2, "Cold items and cold users")
    yield from _picture(drawn, "cold", "NDCG@10 by events of the item and of the user")
    for of, buckets, what in (
        ("items", ITEMS, "events of the item before the cut"),
        ("users", USERS, "events of the user before the target"),
    ):
        found = {
            (row["model"], cell["bucket"]): cell
            for row in rows
            for cell in row["cold"]
            if cell["of"] == of
        }
        met = [bucket for bucket in buckets if (rows[0]["model"], bucket) in found]
        counts = [f"{found[rows[0]['model'], bucket]['events']:,}" for bucket in met]
        yield Text([f"NDCG@10 by {what}; in brackets how many targets."])
        yield Grid(
            ("row", *(f"{bucket} ({n})" for bucket, n in zip(met, counts, strict=True))),
            [
                (row["model"], *(f"{found[row['model'], b]['ndcg@10']:.4f}" for b in met))
                for row in rows
            ],
        )


def _picture(drawn: Sequence[str], name: str, says: str) -> Iterator[Block]:
    if name in drawn:
        yield Picture(name, says)


def _mean(means: Sequence[float | None]) -> str:
    known = [mean for mean in means if mean is not None]
    return f"{sum(known) / len(known):.4f}" if known else ""


def _between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"


def _markdown(block: Block) -> str:
    match block:
        case Head(level, text):
            return f"{'#' * level} {_plain(text)}"
        case Text(parts):
            said = [_plain(part) for part in parts]
            return said[0] if len(said) == 1 else "\n".join(f"- {part}" for part in said if part)
        case Grid(head, rows):
            ruler = ("---", *("---:" for _ in head[1:]))
            lines = ([_plain(cell) for cell in line] for line in (head, *rows))
            told = [f"| {' | '.join(line)} |" for line in lines]
            return "\n".join([told[0], f"| {' | '.join(ruler)} |", *told[1:]])
        case Picture(name, says):
            return f"![{says}]({name}.svg)"


def _plain(text: str) -> str:
    """The text, with what Markdown would take for a tag or a column escaped."""
    return text.replace("<", "&lt;").replace("|", "\\|")


def _html(block: Block) -> str:
    match block:
        case Head(level, text):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(parts) if len(parts) == 1:
            return f"<p>{html.escape(parts[0])}</p>"
        case Text(parts):
            return "<ul>" + "".join(f"<li>{html.escape(p)}</li>" for p in parts if p) + "</ul>"
        case Grid(head, rows):
            top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n"
                for row in rows
            )
            return f"<div class='wide'><table><tr>{top}</tr>\n{body}</table></div>"
        case Picture(name, says):
            return f"<img src='{name}.svg' alt='{html.escape(says, quote=True)}'>"
