"""A training run as it goes: a bar for each stage in a terminal, a line for each pass elsewhere."""

import math
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from penchant.cli.words import Words

if TYPE_CHECKING:
    from penchant.training.sequence import Progress as Standing


class TrainingProgress:
    """Give `watch` and `tell` to `train`, inside a `with`."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[said]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._told: tuple[str, int] | None = None
        self._hardware: str | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish()
        self._bars.stop()

    def watch(self, at: "Standing") -> None:
        """Where the model's training stands; on what, once."""
        if self._hardware != at.hardware:
            self._hardware = at.hardware
            said = self._words("hardware", hardware=at.hardware)
            self._console.print(Text(said), soft_wrap=True)
        ndcg = "" if math.isnan(at.ndcg) else self._words("ndcg", ndcg=at.ndcg)
        said = self._words(
            "pass",
            epoch=at.epoch,
            epochs=at.epochs,
            loss=at.loss,
            ndcg=ndcg,
            rate=at.events_per_s,
            left=at.left_s,
        )
        share = (at.epoch - 1 + at.done / at.total) / at.epochs
        self._move(at.stage, share, said)
        if at.done > at.total / 2:  # a loss over half a pass says something
            self._line((at.stage, at.epoch), said)

    def tell(self, stage: str, share: float) -> None:
        """How much of another stage is done."""
        stage = stage.partition(":")[0]
        self._move(stage, share, self._words("percent", share=share))
        self._line((stage, 0), "")

    def _move(self, stage: str, share: float, said: str) -> None:
        if stage not in self._tasks:
            self._finish()
            self._tasks[stage] = self._bars.add_task(self._named(stage), total=1.0, said=said)
        self._bars.update(self._tasks[stage], completed=share, said=said)

    def _line(self, at: tuple[str, int], said: str) -> None:
        """A line where bars would not be seen, once for each pass or stage."""
        if not self._console.is_terminal and at != self._told:
            self._told = at
            name = self._named(at[0])
            self._console.print(Text(f"{name}: {said}" if said else name), soft_wrap=True)

    def _named(self, stage: str) -> str:
        """`trial:3 of 20` is the words of `trial`, then the rest."""
        key, _, rest = stage.partition(":")
        return f"{self._words(key)} {rest}".rstrip()

    def _finish(self) -> None:
        """The stages so far are done, even if they needed fewer passes than planned."""
        for task in self._tasks.values():
            self._bars.update(task, completed=1.0)
