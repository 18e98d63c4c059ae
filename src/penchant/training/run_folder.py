"""A training run on disk as it goes: settings, curves as CSV, TensorBoard and PNG, and the card."""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from penchant.core.errors import MissingExtraError
from penchant.training.figures import Figure
from penchant.training.sequence import Progress

try:
    from tensorboardX import SummaryWriter
except ImportError as error:
    raise MissingExtraError("report", "a run folder", "tensorboardX") from error

COLUMNS: Final = ("stage", "epoch", "share", "loss", "ndcg@10", "events_per_s")
"""Of `curves.csv`: one line for each time that progress was told."""


class _Point(NamedTuple):
    """A line of it."""

    stage: str
    epoch: int
    share: float
    loss: float
    ndcg: float
    events_per_s: int


class RunFolder:
    """Writes what `watch` is told into a folder; inside a `with`.

    With `resume` its curves go on from what the folder has, but for what is trained again: the
    passes after the checkpoint.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], resume: bool = False) -> None:
        self._path = path
        self._settings = settings
        self._resume = resume
        self._seen: list[_Point] = []
        self._stages: set[str] = set()

    def __enter__(self) -> Self:
        self._path.mkdir(parents=True, exist_ok=True)
        self._write("config.json", self._settings)
        self._board = SummaryWriter(str(self._path / "tensorboard"))
        curves = self._path / "curves.csv"
        if self._resume and curves.exists():
            self._seen = _read(curves)
        self._file = curves.open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._write_curves()
        return self

    def __exit__(self, *error: object) -> None:
        self._board.close()
        self._file.close()
        if self._seen:
            _plot(self._seen, self._path / "curves.png")

    def watch(self, at: Progress) -> None:
        """Note where training stands."""
        share = round(at.done / at.total, 4)
        point = _Point(at.stage, at.epoch, share, at.loss, at.ndcg, round(at.events_per_s))
        if at.stage not in self._stages:
            self._stages.add(at.stage)
            self._forget(point)
        self._seen.append(point)
        self._csv.writerow(point)
        self._file.flush()
        step = (at.epoch - 1) * at.total + at.done
        self._board.add_scalar(f"{at.stage}/loss", at.loss, step)
        self._board.add_scalar(f"{at.stage}/events_per_s", at.events_per_s, step)
        if not math.isnan(at.ndcg):
            self._board.add_scalar(f"{at.stage}/ndcg@10", at.ndcg, step)

    def end(self, card: Mapping[str, Any]) -> None:
        """The run is over, and this is what was published."""
        self._write("card.json", card)

    def _forget(self, first: _Point) -> None:
        """What an earlier run told of the same stage from here on, which is trained again."""
        kept = [
            point
            for point in self._seen
            if point.stage != first.stage or (point.epoch, point.share) < (first.epoch, first.share)
        ]
        if len(kept) < len(self._seen):
            self._seen = kept
            self._file.seek(0)
            self._file.truncate()
            self._write_curves()

    def _write_curves(self) -> None:
        self._csv.writerows((COLUMNS, *self._seen))
        self._file.flush()

    def _write(self, name: str, data: Mapping[str, Any]) -> None:
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        (self._path / name).write_text(text, encoding="utf-8")


def _read(curves: Path) -> list[_Point]:
    """Back again; a last line that was cut off is left out."""
    with curves.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.reader(file) if len(line) == len(COLUMNS) and line[-1]]
    return [
        _Point(stage, int(epoch), float(share), float(loss), float(ndcg), int(rate))
        for stage, epoch, share, loss, ndcg, rate in lines[1:]
    ]


def _plot(seen: list[_Point], path: Path) -> None:
    """Loss and NDCG@10 by pass, each stage a line."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    loss, ndcg = figure.subplots(1, 2)
    for stage in dict.fromkeys(point.stage for point in seen):
        own = [point for point in seen if point.stage == stage]
        passes = [point.epoch - 1 + point.share for point in own]
        loss.plot(passes, [point.loss for point in own], label=stage)
        judged = {point.epoch: point.ndcg for point in own if point.share == 1}
        if not all(map(math.isnan, judged.values())):
            ndcg.plot(list(judged), list(judged.values()), marker="o", label=stage)
    for axes, name in ((loss, "loss"), (ndcg, "NDCG@10 on later events")):
        axes.set_xlabel("passes")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.savefig(path, dpi=120)
