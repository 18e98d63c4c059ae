"""Interests from features of behaviour: fading sums of what was taken, counts by type, recency."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import WIDTH, gap_feature
from penchant.core.interests import Interests, Vector, Vectors
from penchant.interests.event_input import COUNTS, TYPES, EventInput, Weights, later

RAREST: Final = 1e-6
"""Share of events below which an item is no rarer; bounds the weight of an item by 13.8."""
FURTHEST: Final = 5.0
"""Standard deviations at which a feature is cut."""
LEAST_VARIANCE: Final = 1e-8
"""A feature that varies less in training says nothing."""
_ONE = np.ones(1, np.float32)


class BehaviourState(NamedTuple):
    """What is kept per user, as of `time_s`."""

    sums: Vectors  # (H, D + 1) per half-life: weighted item vectors, and the weight they have
    counts: Vector  # (Y,) events by type
    latest: Vector  # (D,) what was heard of the latest event
    time_s: float  # of the latest event; NaN for a stranger


def width(dim: int, half_lives: int, types: int) -> int:
    """F, the number of features with `types` event types besides the unknown one."""
    return half_lives * (dim + 1) + types + 2 + dim + WIDTH


class Behaviour:
    """Serves what `BehaviourNet` was trained to compute, bound to it by the contract test.

    x (F,) is, with m the fading sum of weights and s that of weighted item vectors:

    - s / (1 + m) and log(1 + m) for each half-life; an event's weight is the Signal's, times
      -log(share of events that are the item's), the rarer the more (Sparck Jones 1972);
    - log(1 + count) of events by type and of all; the latest event; the time since it.

    Each is standardised with what training saw of it. u = `head`(x).
    """

    def __init__(
        self,
        weights: Weights,
        head: Callable[[Vector], Vector],
        half_lives_s: Sequence[float],
        query_time: bool,
    ) -> None:
        """`weights` as named by `BehaviourNet.state_dict`."""
        self._hear, self._head = EventInput(weights), head
        self._rarity = rarity(weights[COUNTS])
        self._mean = weights["mean"]
        varies = weights["variance"] > LEAST_VARIANCE
        self._scale = varies / np.sqrt(np.where(varies, weights["variance"], 1.0))
        self._half_lives_s = np.array(half_lives_s)
        self._dim = weights[TYPES].shape[1]
        self._types = len(weights[TYPES])
        self._query_time = query_time

    def start(self) -> BehaviourState:
        """A stranger."""
        return BehaviourState(
            np.zeros((len(self._half_lives_s), self._dim + 1), np.float32),
            np.zeros(self._types, np.float32),
            np.zeros(self._dim, np.float32),
            float("nan"),
        )

    def step(self, state: BehaviourState, event: EventFeatures) -> BehaviourState:
        """One event; one without a vector is not heard."""
        if event.vector is None:
            return state
        now_s = later(state.time_s, event.time_s)
        heard = self._hear(event, event.vector, event.time_s - state.time_s)
        sums, counts = self._faded(state, now_s).sums, state.counts.copy()
        known = 0 <= event.row < len(self._rarity)
        weight = event.weight * (self._rarity[event.row] if known else -np.log(RAREST))
        sums[:, :-1] += np.float32(weight) * event.vector
        sums[:, -1] += np.float32(abs(weight))
        counts[event.type if event.type < self._types else 0] += 1
        return BehaviourState(sums, counts, heard, now_s)

    def fold(self, state: BehaviourState, events: Sequence[EventFeatures]) -> BehaviourState:
        """Many steps."""
        for event in events:
            state = self.step(state, event)
        return state

    def read(self, state: BehaviourState, now_s: float) -> Interests:
        """What the features as of `now_s` say."""
        if state.time_s != state.time_s:
            return Interests(np.zeros((1, self._dim), np.float32), _ONE)
        elapsed_s = now_s - state.time_s if self._query_time else float("nan")
        return Interests(self._head(self._features(state, elapsed_s))[None], _ONE)

    def dump(self, state: BehaviourState) -> bytes:
        """Little-endian: the time (8 bytes), then float32 sums, counts and latest event."""
        parts = [np.array([state.time_s], "<f8").tobytes()]
        parts += [each.astype("<f4").tobytes() for each in state[:3]]
        return b"".join(parts)

    def load(self, data: bytes) -> BehaviourState:
        """Back from `dump`."""
        time_s = float(np.frombuffer(data, "<f8", 1)[0])
        numbers = np.frombuffer(data, "<f4", offset=8).astype(np.float32)
        ends = np.cumsum([len(self._half_lives_s) * (self._dim + 1), self._types])
        sums, counts, latest = np.split(numbers, ends)
        return BehaviourState(sums.reshape(-1, self._dim + 1), counts, latest, time_s)

    def _faded(self, state: BehaviourState, now_s: float) -> BehaviourState:
        sums = state.sums * self._left(now_s - state.time_s)[:, None]
        return state._replace(sums=sums, time_s=now_s)

    def _left(self, elapsed_s: float) -> Vector:
        """What is left of the sums after `elapsed_s`; NaN: no time has passed."""
        passed_s = max(elapsed_s, 0.0) if elapsed_s == elapsed_s else 0.0
        return np.exp2(-passed_s / self._half_lives_s).astype(np.float32)

    def _features(self, state: BehaviourState, elapsed_s: float) -> Vector:
        """(F,) standardised."""
        sums = state.sums * self._left(elapsed_s)[:, None]
        mass = sums[:, -1]
        x = np.concatenate(
            [
                (sums[:, :-1] / (1 + mass[:, None])).reshape(-1),
                np.log1p(mass),
                np.log1p(state.counts),
                np.log1p(state.counts.sum(keepdims=True)),
                state.latest,
                gap_feature(elapsed_s),
            ]
        )
        z = (x - self._mean) * self._scale
        return np.clip(z, -FURTHEST, FURTHEST).astype(np.float32)


def rarity(counts: Vector) -> Vector:
    """-log(share of the events), (N,): inverse frequency as TF-IDF weighs by it.

    >>> rarity(np.float32([1, 3])).round(2).tolist() == np.float32([1.39, .29]).tolist()
    True
    """
    share = counts / np.maximum(counts.sum(), 1.0)
    return np.asarray(-np.log(share + np.float32(RAREST)), np.float32)
