"""What a command prints: one JSON object or tables on stdout, everything else on stderr."""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text


def stdout() -> Console:
    """For the result."""
    return Console(highlight=False)


def stderr() -> Console:
    """For progress, notes and errors."""
    return Console(stderr=True, highlight=False)


def print_json(data: Mapping[str, Any]) -> None:
    """The result for programs: one object, titles as they are where stdout can encode them."""
    text = json.dumps(data, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(data, default=str)
    typer.echo(text)


def note(text: str) -> None:
    """A sentence beside the result."""
    stderr().print(Text(text), soft_wrap=True)


def table(columns: Mapping[str, str], rows: Iterable[Iterable[object]]) -> Table:
    """A table of plain text; `columns` are headers and whether they stand `left` or `right`.

    A column of `fold` stands left and wraps instead of being cut.
    """
    made = Table(box=None, pad_edge=False, show_header=any(name.strip() for name in columns))
    for name, side in columns.items():
        right = side == "right"
        made.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    return made


def day(time_s: float | None) -> str:
    """A time for people; nothing for none.

    >>> day(1_714_564_800.0), day(None)
    ('2024-05-01 12:00', '')
    """
    if time_s is None:
        return ""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M")


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """`31,000 events/s`, or nothing before the rate is known."""
        speed, unit = task.finished_speed or task.speed, task.fields.get("unit", "")
        return Text(f"{speed:,.0f} {unit}/s" if speed and unit else "")


def progress() -> Progress:
    """Bars with rate and time left on stderr; nothing where that is no terminal."""
    console = stderr()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class Bar:
    """One bar, moved by calls with (done, total)."""

    def __init__(self, bars: Progress, name: str, unit: str) -> None:
        self._bars = bars
        self._task: TaskID = bars.add_task(name, total=None, unit=unit)

    def __call__(self, done: int, total: int | None) -> None:
        """Move to `done` of `total`."""
        self._bars.update(self._task, completed=done, total=total)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Rounded to milliseconds."""
        return round(time.monotonic() - self._began, 3)
