"""Multinomial logistic regression on features of behaviour."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from penchant.core.interests import Vector
from penchant.interests.behaviour import Behaviour
from penchant.interests.event_input import Weights


class LogisticConfig(BaseModel):
    """Features of the regression, and the step size that suits it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dim: int = Field(default=64, ge=4, le=512)
    """Length of an item vector."""
    half_lives_s: tuple[PositiveFloat, ...] = Field(
        default=(120.0, 1200.0, 86_400.0, 2_592_000.0), min_length=1, max_length=12
    )
    """Seconds after which half is left of each sum of what was taken: a look, a visit, a day, a
    month."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of features dropped while training."""
    learning_rate: float = Field(default=5e-3, gt=0)
    """Highest step size; rises over 100 steps or a fifth of all, then falls to a twentieth."""
    query_time: bool = True
    """Whether the time since the latest event counts when interests are read."""


def logistic(weights: Weights, config: LogisticConfig) -> Behaviour:
    """Serves u = W x + b of features x (F,); p(c) = softmax(u . c + b_c) over the items c.

    The matrix from features to items is so of rank D, shared by all items.
    """
    matrix, bias = weights["head.weight"].T.copy(), weights["head.bias"]

    def head(x: Vector) -> Vector:
        return np.asarray(x @ matrix + bias, np.float32)

    return Behaviour(weights, head, config.half_lives_s, config.query_time)
