"""What one event costs with each interest model: step, read, 200 events folded, bytes of a state.

`python benchmarks/steps.py`: weights and events are generated, sizes are the default ones. One
thread; the models take turns of a hundred steps, so that what else the machine does meets all. Each
serves one user who already has 400 events, more than any window holds.
"""

# ruff: noqa: E402  threads are counted at import
import argparse
import json
import os
from pathlib import Path
from typing import Any

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(library, "1")  # before NumPy is loaded

import torch

from penchant.core.contracts import EventFeatures, InterestModel
from penchant.core.interests import Vectors
from penchant.evaluation.speed import spread_ms, timed
from penchant.interests.models import SEQUENCE_MODELS, serve
from penchant.interests.nets import NETS

ITEMS, TYPES, TURN, FOLDED, BEFORE = 1_000, 5, 100, 200, 400


class User:
    """One user of one model; each call of `step` is the next event, a minute later."""

    def __init__(self, name: str) -> None:
        torch.manual_seed(0)
        net: Any = NETS[name](ITEMS, TYPES, SEQUENCE_MODELS[name].config())
        weights = {key: each.numpy() for key, each in net.state_dict().items()}
        self.model: InterestModel = serve(name, {}, weights)
        self.vectors: Vectors = weights["events.items.weight"]
        self.number = 0
        self.state: Any = self.model.fold(self.model.start(), self.events(BEFORE))

    def events(self, n: int) -> list[EventFeatures]:
        """The next `n` events."""
        numbers = range(self.number + 1, self.number + n + 1)
        self.number += n
        return [
            EventFeatures(at % ITEMS, self.vectors[at % ITEMS], 1, 1.0, 0.0, 1.7e9 + 60.0 * at)
            for at in numbers
        ]

    def step(self, event: EventFeatures) -> None:
        """The state after it."""
        self.state = self.model.step(self.state, event)

    def read(self) -> None:
        """The interests an hour after the latest event."""
        self.model.read(self.state, 1.7e9 + 60.0 * self.number + 3600.0)

    def fold(self, history: list[EventFeatures]) -> None:
        """A history from the start, as of a user who was not in memory."""
        self.model.fold(self.model.start(), history)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--models", default=",".join(SEQUENCE_MODELS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    users = {name: User(name) for name in given.models.split(",")}
    kinds = ("step_ms", "read_ms", "fold_ms")
    times: dict[str, dict[str, list[float]]] = {name: {k: [] for k in kinds} for name in users}
    for _ in range(0, given.steps, TURN):
        for name, user in users.items():
            history = user.events(FOLDED)
            user.step(history[0])  # what the others left in the caches
            for event in user.events(TURN):
                times[name]["step_ms"].append(timed(lambda u=user, e=event: u.step(e)))
                times[name]["read_ms"].append(timed(user.read))
            times[name]["fold_ms"].append(timed(lambda u=user, h=history: u.fold(h)))
    rows = {
        name: {
            **{kind: spread_ms(each) for kind, each in times[name].items()},
            "state_bytes": len(user.model.dump(user.state)),
        }
        for name, user in users.items()
    }
    told = {
        "weights": "generated",
        "load_average": round(load, 1),
        "steps": given.steps,
        "folded": FOLDED,
        "models": rows,
    }
    if given.out is not None:
        given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
