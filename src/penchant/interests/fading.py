"""The latest interest fades towards the long-term one with the time since the latest event."""

import numpy as np

from penchant.core.elapsed import gap_feature
from penchant.core.interests import Vector, Vectors
from penchant.interests.event_input import Weights, sigmoid


class Fading:
    """Serves what `FadingNet` was trained to compute."""

    def __init__(self, weights: Weights) -> None:
        self._long_term = weights["fading.long_term.weight"].T.copy()
        self._long_term_bias = weights["fading.long_term.bias"]
        self._fade = weights["fading.fade.weight"].T.copy()
        self._fade_bias = weights["fading.fade.bias"]
        turn = weights.get("fading.turn.weight")  # only of several directions
        self._turn = None if turn is None else turn.T.copy()

    def __call__(self, latest: Vector, state: Vector, elapsed_s: float) -> Vector:
        """(D,), (S,) -> (D,) `elapsed_s` after the latest event: the first direction."""
        first: Vector = self.each(latest, state, elapsed_s)[0]
        return first

    def each(self, latest: Vector, state: Vector, elapsed_s: float) -> Vectors:
        """(D,), (S,) -> (K, D) `elapsed_s` after the latest event."""
        kept = sigmoid(gap_feature(elapsed_s) @ self._fade + self._fade_bias)
        lasting = state @ self._long_term + self._long_term_bias
        now = latest if self._turn is None else latest @ self._turn
        faded = np.asarray(kept * now + (1 - kept) * lasting, np.float32)
        return faded.reshape(-1, len(latest))
