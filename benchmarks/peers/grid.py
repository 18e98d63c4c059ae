"""For peers without epochs: fit every setting, keep the best on the targets that validate."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from history import TRAIN, VALID, Score, Split, Training, ndcg_at_10

Settings = Mapping[str, Any]


class Fit(NamedTuple):
    """A fitted peer."""

    score: Score
    epoch_s: Sequence[float]
    """Seconds of each pass over the events; one for a peer that passes once."""


def searched(
    split: Split, settings: Sequence[Settings], fit: Callable[[int, Settings], Fit]
) -> tuple[Score, Training, Settings]:
    """The best setting; fitted on the validating events too where the cut comes right after them.

    `fit` takes the last part to learn from, and a setting.
    """
    seen = []
    for one in settings:
        begun = time.perf_counter()
        seen.append(ndcg_at_10(split, fit(TRAIN, one).score, split.chosen(VALID)))
        print(
            f"{dict(one)}: ndcg@10 {seen[-1]:.4f}, {time.perf_counter() - begun:.1f} s", flush=True
        )
    best = seen.index(max(seen))
    again = split.facts["protocol"] == "successive"
    last = VALID if again else TRAIN
    final = fit(last, settings[best])
    events = len(split.learnable(last))
    training = Training(events, final.epoch_s, seen, best + 1, "grid", again)
    return final.score, training, settings[best]
