"""Events as models see them: type codes, signed weights, standardised values; one definition."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures
from penchant.core.errors import UnknownEventTypeError
from penchant.core.events import Event, EventColumns, as_float32
from penchant.core.interests import Vector
from penchant.core.signals import Signal

FURTHEST: Final = 5.0
"""Standard deviations at which a value is cut: one order of 30,000 pieces must not shout."""


class FeatureColumns(NamedTuple):
    """Features of many events in fold order; every array is (T,)."""

    user: NDArray[np.int32]
    row: NDArray[np.int32]
    type: NDArray[np.int64]
    weight: NDArray[np.float32]
    value: NDArray[np.float32]
    time_s: NDArray[np.float64]

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "FeatureColumns":
        """The same columns with only the events chosen, in the order chosen."""
        return FeatureColumns(
            self.user[which],
            self.row[which],
            self.type[which],
            self.weight[which],
            self.value[which],
            self.time_s[which],
        )


@dataclass(frozen=True)
class EventReader:
    """Makes `EventFeatures`; built on the training window, saved with the artifact."""

    signals: Mapping[str, Signal]
    types: Sequence[str] = ()
    """Types met in training; the code of types[k] is k + 1, and 0 is a type added later."""
    means: Sequence[float] = ()
    """Mean per type of the values, squeezed to sign(v) log(1 + |v|)."""
    deviations: Sequence[float] = ()
    """Standard deviation per type of the same; 1 where it never varies."""

    @classmethod
    def fit(cls, signals: Mapping[str, Signal], columns: EventColumns) -> Self:
        """Codes and value scales of the training window."""
        met = sorted({columns.types[code] for code in np.unique(columns.type)})
        means, deviations = [], []
        for name in met:
            values = columns.value[columns.type == columns.types.index(name)]
            values = _squeezed(values[~np.isnan(values)])
            means.append(float(values.mean()) if len(values) else 0.0)
            varies = len(values) > 0 and values.min() < values.max()
            deviations.append(float(values.std()) if varies else 1.0)
        return cls(signals, tuple(met), tuple(means), tuple(deviations))

    def signal(self, name: str) -> Signal:
        """The Signal of an event type, or an error that names the allowed ones."""
        try:
            return self.signals[name]
        except KeyError:
            raise UnknownEventTypeError(name, self.signals) from None

    def __call__(self, event: Event, row: int, vector: Vector | None) -> EventFeatures:
        """One event whose item is at `row` and has `vector`."""
        told = None if event.value is None else float(as_float32(np.array(event.value)))
        weight = self.signal(event.type).strength(told)
        if event.type not in self.types:
            return EventFeatures(row, vector, 0, weight, 0.0, event.time_s)
        code = self.types.index(event.type)
        value = 0.0
        if told is not None and told == told:
            squeezed = math.copysign(math.log1p(abs(told)), told)
            value = (squeezed - self.means[code]) / self.deviations[code]
            value = min(max(value, -FURTHEST), FURTHEST)
        return EventFeatures(row, vector, code + 1, weight, value, event.time_s)

    def columns(self, columns: EventColumns) -> FeatureColumns:
        """The same for many events at once."""
        codes = np.zeros(len(columns.types), np.int64)
        means, deviations = np.zeros(len(codes)), np.ones(len(codes))
        weights = np.zeros(len(columns), np.float32)
        for number, name in enumerate(columns.types):
            of_type = columns.type == number
            if not of_type.any():
                continue
            weights[of_type] = self._strengths(name, columns.value[of_type])
            if name in self.types:
                at = self.types.index(name)
                codes[number] = at + 1
                means[number], deviations[number] = self.means[at], self.deviations[at]
        value = (_squeezed(columns.value) - means[columns.type]) / deviations[columns.type]
        value = np.clip(value, -FURTHEST, FURTHEST)
        value[np.isnan(value) | (codes[columns.type] == 0)] = 0.0
        return FeatureColumns(
            columns.user,
            columns.row,
            codes[columns.type],
            weights,
            value.astype(np.float32),
            columns.time_s,
        )

    def _strengths(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        signal = self.signal(name)
        weights = np.full(len(values), signal.weight, np.float32)
        if signal.threshold is not None:
            weights[values < signal.threshold] = -abs(signal.weight)
        return weights

    def to_json(self) -> dict[str, Any]:
        """What an artifact keeps; the Signals stay in the config."""
        return {
            "types": list(self.types),
            "means": list(self.means),
            "deviations": list(self.deviations),
        }

    @classmethod
    def from_json(cls, signals: Mapping[str, Signal], data: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        return cls(signals, tuple(data["types"]), tuple(data["means"]), tuple(data["deviations"]))


def _squeezed(values: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = values.astype(np.float64)
    return np.asarray(np.sign(wide) * np.log1p(np.abs(wide)), np.float64)
