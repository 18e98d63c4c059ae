"""A training run on disk as it goes: settings, curves as CSV, TensorBoard and PNG, and the card."""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from penchant.core.errors import MissingExtraError
from penchant.training.figures import Figure
from penchant.training.sequence import Progress

try:
    from tensorboardX import SummaryWriter
except ImportError as error:
    raise MissingExtraError("report", "a run folder", "tensorboardX") from error

COLUMNS: Final = ("stage", "epoch", "share", "loss", "ndcg@10", "events_per_s")
"""Of `curves.csv`: one line for each time that progress was told."""


class RunFolder:
    """Writes what `watch` is told into a folder; inside a `with`."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path = path
        self._settings = settings
        self._seen: list[Progress] = []

    def __enter__(self) -> Self:
        self._path.mkdir(parents=True, exist_ok=True)
        self._write("config.json", self._settings)
        self._board = SummaryWriter(str(self._path / "tensorboard"))
        self._file = (self._path / "curves.csv").open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(COLUMNS)
        return self

    def __exit__(self, *error: object) -> None:
        self._board.close()
        self._file.close()
        if self._seen:
            _plot(self._seen, self._path / "curves.png")

    def watch(self, at: Progress) -> None:
        """Note where training stands."""
        share = at.done / at.total
        self._seen.append(at)
        line = (at.stage, at.epoch, f"{share:.4f}", at.loss, at.ndcg, round(at.events_per_s))
        self._csv.writerow(line)
        self._file.flush()
        step = (at.epoch - 1) * at.total + at.done
        self._board.add_scalar(f"{at.stage}/loss", at.loss, step)
        self._board.add_scalar(f"{at.stage}/events_per_s", at.events_per_s, step)
        if not math.isnan(at.ndcg):
            self._board.add_scalar(f"{at.stage}/ndcg@10", at.ndcg, step)

    def end(self, card: Mapping[str, Any]) -> None:
        """The run is over, and this is what was published."""
        self._write("card.json", card)

    def _write(self, name: str, data: Mapping[str, Any]) -> None:
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        (self._path / name).write_text(text, encoding="utf-8")


def _plot(seen: list[Progress], path: Path) -> None:
    """Loss and NDCG@10 by pass, each stage a line."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    loss, ndcg = figure.subplots(1, 2)
    for stage in dict.fromkeys(at.stage for at in seen):
        own = [at for at in seen if at.stage == stage]
        passes = [at.epoch - 1 + at.done / at.total for at in own]
        loss.plot(passes, [at.loss for at in own], label=stage)
        judged = {at.epoch: at.ndcg for at in own if at.done == at.total}
        if not all(map(math.isnan, judged.values())):
            ndcg.plot(list(judged), list(judged.values()), marker="o", label=stage)
    for axes, name in ((loss, "loss"), (ndcg, "NDCG@10 on later events")):
        axes.set_xlabel("passes")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.savefig(path, dpi=120)
