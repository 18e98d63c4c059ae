"""The blend: every source's score, weighted by the user's activity and time away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Found, Reading, Request, Scored, Scores
from penchant.core.elapsed import hats

Form = Literal["count", "score"]
"""What a source's numbers are: evidence counted from 0 up, or a score on its own scale."""

ACTIVITY: Final = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
"""Knots of the number of a user's events."""
AWAY_S: Final = (0.0, 60.0, 3600.0, 86400.0, 604800.0, 2592000.0, 31536000.0)
"""Knots of the seconds since the user's latest event."""
NEVER: Final = -80.0
"""Logarithm of a weight that is no weight beside any other, and still a number with all its digits:
where the one source that serves says nothing, as of a stranger, the others part the items."""
REGIME: Final = 1 + len(ACTIVITY) + len(AWAY_S) + 1
"""Contexts of one regime: one, activity, time away, repeats."""
CONTEXTS: Final = 2 * REGIME
"""What opens a visit or a basket and what goes on inside it have weights apart."""
INSIDE_S: Final = 60.0
"""Seconds since the user's latest event below which whatever it belonged to still goes on."""


def is_inside(reading: Reading) -> bool:
    """Whether the user's latest event is of the visit or basket that goes on."""
    return bool(reading.recent) and reading.now_s - reading.recent[-1].time_s < INSIDE_S


def contexts(reading: Reading) -> NDArray[np.float32]:
    """(C,): one, activity, time away, and the share of the user's events that were repeats.

    They stand in the first half, or in the second while the user's latest event is less than a
    minute old; the other half is zero.
    """
    counts = float(reading.taken.times().sum())
    last_s = reading.recent[-1].time_s if reading.recent else -np.inf
    out = np.zeros(CONTEXTS, np.float32)
    half = out[REGIME:] if is_inside(reading) else out[:REGIME]
    half[0] = 1.0
    half[1 : 1 + len(ACTIVITY)] = hats(float(max(0.0, counts)), ACTIVITY)
    half[1 + len(ACTIVITY) : -1] = hats(float(max(0.0, reading.now_s - last_s)), AWAY_S)
    half[-1] = 1.0 - len(reading.taken) / counts if counts > len(reading.taken) else 0.0
    return out


def shaped(scores: Scores, forms: Sequence[Form], units: NDArray[np.float32]) -> Scores:
    """(M, S) raw scores -> (M, 2, S) comparable ones.

    Counts become log(1 + c/unit) and log(1 + 100 c/unit): how much, and whether at all. Scores are
    divided by their unit; their second shape is empty.
    """
    scaled = scores.T / units[:, None]  # (S, M), M innermost in memory
    counts = np.array([form == "count" for form in forms], np.bool_)
    out = np.zeros((2, *scaled.shape), np.float32)
    out[0, ~counts] = scaled[~counts]
    counted = scaled * counts[:, None]
    there = np.flatnonzero(counted > 0)  # most counts are zero, and stay so
    above = counted.ravel()[there]
    how_much, whether = out.reshape(2, -1)
    how_much[there] = np.log1p(above)
    whether[there] = np.log1p(100.0 * above)
    return out.transpose(2, 0, 1)


@dataclass(frozen=True)
class Blend:
    """Weights learned from what came next; a Ranker."""

    sources: Sequence[str]  # S names
    forms: Sequence[Form]
    units: NDArray[np.float32]  # (S,) a typical score of each source
    base: NDArray[np.float32]  # (C, 2, S) logarithms of the weights, per context
    chosen: str = "blend"
    """`blend`, or the source that nothing beat; two, where the regimes differ."""

    @classmethod
    def single(cls, sources: Sequence[str], forms: Sequence[Form], chosen: str) -> Self:
        """All weight on one source."""
        base = np.zeros((CONTEXTS, 2, len(sources)), np.float32)
        for begin in (0, REGIME):
            base[begin] = NEVER
            base[begin, 0, list(sources).index(chosen)] = 0.0
        return cls(sources, forms, np.ones(len(sources), np.float32), base, chosen)

    def weights(self, reading: Reading) -> NDArray[np.float32]:
        """(2, S) weights for this user at this moment; none is negative."""
        seen = contexts(reading)
        logs = seen @ self.base.reshape(CONTEXTS, -1)  # (C,) @ (C, 2 S)
        return np.asarray(np.exp(logs), np.float32).reshape(2, -1)

    def parts(self, reading: Reading, scores: Scores) -> Scores:
        """(M, S) what each source gives to each candidate."""
        each = shaped(scores, self.forms, self.units) * self.weights(reading)
        return np.asarray(each.sum(axis=1), np.float32)

    def total(self, reading: Reading, scores: Scores) -> Scores:
        """(M,) the blended score of each candidate; `parts` summed."""
        each = shaped(scores, self.forms, self.units)  # (M, 2, S), M innermost in memory
        return np.asarray(np.einsum("mfs,fs->m", each, self.weights(reading)), np.float32)

    def __call__(self, reading: Reading, request: Request, found: Found) -> Scored:  # noqa: ARG002
        """Candidates by total weight, ties by row."""
        places = [list(found.sources).index(name) for name in self.sources]
        parts = self.parts(reading, found.scores.T[places].T)
        total = parts.sum(axis=1)
        order = np.lexsort((found.rows, -total))
        return Scored(found.rows[order], total[order], parts.T[:, order].T, self.sources)

    def to_json(self) -> dict[str, Any]:
        """Numbers and names for an artifact."""
        return {
            "sources": list(self.sources),
            "forms": list(self.forms),
            "units": self.units.tolist(),
            "base": np.maximum(self.base, NEVER).tolist(),
            "chosen": self.chosen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        return cls(
            tuple(data["sources"]),
            tuple(data["forms"]),
            np.array(data["units"], np.float32),
            np.array(data["base"], np.float32),
            data["chosen"],
        )
