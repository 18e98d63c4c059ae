"""The latest interest fades towards the long-term one with the time since the latest event."""

import numpy as np

from penchant.core.elapsed import gap_feature
from penchant.core.interests import Vector
from penchant.interests.event_input import Weights, sigmoid


class Fading:
    """Serves what `FadingNet` was trained to compute."""

    def __init__(self, weights: Weights) -> None:
        self._long_term = weights["fading.long_term.weight"].T.copy()
        self._long_term_bias = weights["fading.long_term.bias"]
        self._fade = weights["fading.fade.weight"].T.copy()
        self._fade_bias = weights["fading.fade.bias"]

    def __call__(self, latest: Vector, state: Vector, elapsed_s: float) -> Vector:
        """(D,), (S,) -> (D,) `elapsed_s` after the latest event."""
        kept = sigmoid(gap_feature(elapsed_s) @ self._fade + self._fade_bias)
        lasting = state @ self._long_term + self._long_term_bias
        return np.asarray(kept * latest + (1 - kept) * lasting, np.float32)
