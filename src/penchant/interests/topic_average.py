"""Topic average: a moving mean of topic memberships, the interest that a person can read."""

import math
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures
from penchant.core.errors import ConfigError, ShapeError
from penchant.core.interests import Interests, Vector, Vectors, softmax

HEADER: Final = struct.Struct("<Hddd")
"""T, mass, moved_s, seen_s; then short and long as little-endian float32."""
WEIGHT: Final = np.ones(1, np.float32)
NEVER: Final = float("-inf")


class TopicPace(NamedTuple):
    """How fast the topic average moves and fades."""

    rates: tuple[float, ...] = (0.1,)
    """a by the code of the event type; types beyond are as the first, the unknown one."""
    tau_s: float = 14 * 86_400.0
    """Seconds in which 1 / e is left of what parts the interest from the long-term one."""
    change: float = 0.0
    """Chance that before an event the interest has become another; 0: the rate does not adapt."""


class TopicState(NamedTuple):
    """What the topic average keeps of a user: 8 T + 26 bytes."""

    short: Vector
    """(T,) the interest as the last moving event left it."""
    long: Vector
    """(T,) mean of all memberships met, the older the lighter."""
    mass: float
    """Evidence in `long` at `moved_s`, in events of weight 1."""
    moved_s: float
    """Time of the last event that moved the interest; -inf: none yet."""
    seen_s: float
    """Time of the last event of any kind: reading never goes back behind it."""


class TopicAverage:
    """u' = (1 - a_t) u + a_t softmax(W x' + b), a_t = 1 - (1 - a)^w exp(-dt / tau).

    x' (D,) is the event's item vector, dt the time since the last event that moved, w its weight.
    Four cases more:

    - w < 0 moves away. The interest is first faded to now (as `read` does, giving û), then
      u' = (1 - a_w) û + a_w û (1 - v) / sum(û (1 - v)), v = softmax(W x' + b) and
      a_w = 1 - (1 - a)^|w|: topics of the item lose in proportion, u' stays a distribution, and
      u' . v < û . v unless all of û's topics are alike in v.
    - w = 0, or no vector, moves time only.
    - `change` p > 0 makes the rate adapt: 1 - a_t is multiplied by 1 - g for w > 0, with
      g = m S / (1 + m S), m = p / (1 - p) and the surprise S = (prior . v) / (û . v): an event
      that the prior explains better than the interest does moves it fast, and as the interest
      follows, S falls and the rate with it (the Bayes Factor Surprise and the rate that it
      modulates: Liakoni, Modirshanechi, Gerstner and Brea, Neural Computation 2021).
    - Between events u fades towards the long-term interest, exp(-dt / tau) of it left, and that
      towards `prior` as its evidence is little: (m l + m0 p) / (m + m0), m fading by `long_tau_s`.
      l is the mean of all v, weighted by |w|; the evidence it rests on is at most `memory`, so that
      it moves at a rate of 1 / memory at least.

    The interests returned are over topics: one direction (1, T); the vector of an item for them is
    its memberships, (N, T).

    >>> x = np.float32([.5, .3, .2])  # with W the identity, softmax(x) = (.3907, .3199, .2894)
    >>> model = TopicAverage(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), rate=.1,
    ...                      tau_s=3600., prior=np.float32([.4, .3, .3]))
    >>> once = model.step(model.start(), EventFeatures(0, x, 1, 1.0, 0.0, time_s=100.0))
    >>> model.read(once, 100.0).directions.round(4).tolist() == np.float32(
    ...     [[.3991, .3020, .2989]]).tolist()
    True
    >>> model.step(once, EventFeatures(0, x[:2], 1, 1.0, 0.0, time_s=100.0))
    Traceback (most recent call last):
    ...
    penchant.core.errors.ShapeError: item vector (2,) does not fit W (3, 3)
    """

    def __init__(
        self,
        weights: Vectors,
        bias: Vector,
        rate: float | Sequence[float],
        tau_s: float,
        prior: Vector,
        *,
        change: float = 0.0,
        long_tau_s: float | None = None,
        prior_mass: float = 2.0,
        memory: float = 200.0,
    ) -> None:
        topics = len(weights)
        if weights.ndim != 2 or bias.shape != (topics,) or prior.shape != (topics,):
            raise ShapeError(
                f"W {weights.shape}, b {bias.shape} and prior {prior.shape} do not fit"
            )
        rates = (rate,) if isinstance(rate, float | int) else tuple(rate)
        if not (rates and all(0.0 <= each < 1.0 for each in rates) and 0.0 <= change < 1.0):
            raise ConfigError(f"rate {rate} must be in [0, 1), and so must change {change}")
        if not (tau_s > 0.0 and prior_mass > 0.0 and memory >= 1.0):
            raise ConfigError(
                f"tau_s {tau_s} and prior_mass {prior_mass} must be above 0, memory {memory} at "
                "least 1"
            )
        self._weights = np.ascontiguousarray(weights, dtype=np.float32)
        self._bias = np.asarray(bias, dtype=np.float32)
        self._keeps = tuple(1.0 - each for each in rates)
        self._odds = change / (1.0 - change)
        self._tau_s = tau_s
        self._prior = np.array(prior, dtype=np.float32)
        self._prior.flags.writeable = False  # shared by every stranger
        self._long_tau_s = 20.0 * tau_s if long_tau_s is None else long_tau_s
        self._prior_mass = prior_mass
        self._memory = memory

    @property
    def prior(self) -> Vector:
        """(T,) what a stranger of this segment is taken to want."""
        return self._prior

    @property
    def horizon_s(self) -> float:
        """Seconds after which even long-term evidence has faded to nothing (e^-10)."""
        return 10.0 * max(self._tau_s, self._long_tau_s)

    def start(self) -> TopicState:
        """A stranger: wants what the prior says."""
        return TopicState(self._prior, self._prior, 0.0, NEVER, NEVER)

    def step(self, state: TopicState, event: EventFeatures) -> TopicState:
        """The state after `event`; a late event counts as of the last one seen."""
        if event.vector is None or event.weight == 0.0:
            return state._replace(seen_s=max(state.seen_s, event.time_s))
        return self._moved(state, self._towards(event.vector), event)

    def fold(self, state: TopicState, events: Sequence[EventFeatures]) -> TopicState:
        """The state after all `events`; their memberships are made in one product."""
        moving = [e.vector for e in events if e.vector is not None and e.weight != 0.0]
        each = iter(self.memberships(np.stack(moving)) if moving else ())
        for event in events:
            if event.vector is None or event.weight == 0.0:
                state = state._replace(seen_s=max(state.seen_s, event.time_s))
            else:
                state = self._moved(state, next(each), event)
        return state

    def memberships(self, vectors: Vectors) -> Vectors:
        """softmax(W x + b) of every row: (N, D) -> (N, T)."""
        if vectors.shape[-1] != self._weights.shape[1]:
            raise ShapeError(f"item vectors {vectors.shape} do not fit W {self._weights.shape}")
        return softmax(vectors @ self._weights.T + self._bias)

    def read(self, state: TopicState, now_s: float) -> Interests:
        """The interest faded to `now_s`, as one direction over topics: (1, T)."""
        return Interests(self._faded(state, max(now_s, state.seen_s))[None], WEIGHT)

    def read_many(self, state: TopicState, times_s: NDArray[np.float64]) -> Vectors:
        """What `read` would say at each of `times_s` (M,) if nothing happened: (M, T)."""
        return np.stack([self._faded(state, max(t, state.seen_s)) for t in times_s.tolist()])

    def dump(self, state: TopicState) -> bytes:
        """The state as bytes, the same on every machine."""
        head = HEADER.pack(len(state.short), state.mass, state.moved_s, state.seen_s)
        both = np.concatenate([state.short, state.long])
        return head + both.astype("<f4").tobytes()

    def load(self, data: bytes) -> TopicState:
        """The state back from `dump`."""
        topics = HEADER.unpack_from(data)[0] if len(data) >= HEADER.size else -1
        size = HEADER.size + 8 * len(self._prior)
        if topics != len(self._prior) or len(data) != size:
            raise ShapeError(
                f"a state of {topics} topics in {len(data)} bytes does not fit "
                f"{len(self._prior)} topics in {size} bytes"
            )
        _, mass, moved_s, seen_s = HEADER.unpack_from(data)
        both = np.frombuffer(data, "<f4", offset=HEADER.size).astype(np.float32)
        return TopicState(both[:topics], both[topics:], mass, moved_s, seen_s)

    def _towards(self, vector: Vector) -> Vector:
        """v = softmax(W x + b): (T, D) @ (D,) -> (T,)."""
        if vector.shape != self._weights.shape[1:]:
            raise ShapeError(f"item vector {vector.shape} does not fit W {self._weights.shape}")
        return softmax(self._weights @ vector + self._bias)

    def _moved(self, state: TopicState, v: Vector, event: EventFeatures) -> TopicState:
        """The state after an event with memberships `v` (T,)."""
        weight, now_s = event.weight, max(event.time_s, state.seen_s)
        elapsed_s = now_s - state.moved_s  # inf for a stranger, whose prior does not age
        strength = abs(weight)
        keep = self._keeps[event.type if event.type < len(self._keeps) else 0] ** strength
        mass = state.mass * math.exp(-elapsed_s / self._long_tau_s)
        slow = strength / (mass + strength)
        if weight > 0.0:
            if state.mass > 0.0:
                keep *= math.exp(-elapsed_s / self._tau_s)
            if self._odds > 0.0:
                keep *= 1.0 - self._changed(self._faded(state, now_s), v)
            short = _mixed(state.short, v, 1.0 - keep)
            long = _mixed(state.long, v, slow)
        else:
            faded = self._faded(state, now_s)
            short = _mixed(faded, _away(faded, v), 1.0 - keep)
            long = _mixed(state.long, _away(state.long, v), slow)
        return TopicState(short, long, min(mass + strength, self._memory), now_s, now_s)

    def _changed(self, faded: Vector, v: Vector) -> float:
        """g in [0, 1): how likely an event with memberships `v` speaks of another interest."""
        surprise = self._odds * float(self._prior @ v) / max(float(faded @ v), 1e-9)
        return surprise / (1.0 + surprise)

    def _faded(self, state: TopicState, now_s: float) -> Vector:
        """u at `now_s` >= `seen_s`, (T,)."""
        if state.mass == 0.0:
            return self._prior
        elapsed_s = now_s - state.moved_s
        mass = state.mass * math.exp(-elapsed_s / self._long_tau_s)
        rest = _mixed(state.long, self._prior, self._prior_mass / (mass + self._prior_mass))
        return _mixed(state.short, rest, 1.0 - math.exp(-elapsed_s / self._tau_s))


def _mixed(u: Vector, v: Vector, rate: float) -> Vector:
    """(1 - rate) u + rate v."""
    return np.float32(1.0 - rate) * u + np.float32(rate) * v


def _away(u: Vector, v: Vector) -> Vector:
    """u (1 - v) / sum: what is left of `u` without the topics of `v`; u . v falls (Chebyshev).

    >>> _away(np.float32([.5, .5]), np.float32([.8, .2])).round(2).tolist() == np.float32(
    ...     [.2, .8]).tolist()
    True
    """
    left = u * (1.0 - v)
    total = left.sum()
    if total <= 1e-6:  # all of u is where all of v is
        left = 1.0 - v
        total = left.sum()
    return np.asarray(left / total if total > 1e-6 else u, dtype=np.float32)
