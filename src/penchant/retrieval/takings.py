"""Takings: the positive events that name an item, from which item-to-item tables are made."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from penchant.core.errors import ShapeError


class Takings(NamedTuple):
    """The positive events that name an item; columns of one length."""

    user: NDArray[Any]  # (T,) codes
    row: NDArray[Any]  # (T,)


def takings(user: ArrayLike, row: ArrayLike, weight: ArrayLike) -> Takings:
    """Events of weight above 0 on an item, in the order given: (T,) x 3 -> (P,) x 2."""
    users, rows, weights = np.asarray(user), np.asarray(row), np.asarray(weight)
    if not users.shape == rows.shape == weights.shape or users.ndim != 1:
        raise ShapeError(
            f"columns of events differ: user {users.shape}, row {rows.shape}, "
            f"weight {weights.shape}; all must be (T,)"
        )
    positive = (weights > 0) & (rows >= 0)
    return Takings(users[positive], rows[positive])
