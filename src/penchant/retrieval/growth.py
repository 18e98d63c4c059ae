"""Catalogues grow while they serve: sources that follow, arrays with room to spare."""

from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Source

Cells = TypeVar("Cells", bound=np.generic)


class GrowingSource(Source, Protocol):
    """A source that is told of new items: `score(reading, slice(None))` is (n_items,)."""

    @property
    def n_items(self) -> int:
        """Rows that it scores."""
        ...

    def grow(self, n_items: int) -> None:
        """From now on rows below `n_items` exist; a smaller number than before changes nothing."""
        ...


def with_room(array: NDArray[Cells], size: int) -> NDArray[Cells]:
    """`array` if it has `size` cells, else a zero-padded copy of at least twice its length.

    >>> with_room(np.array([7, 8]), 3).tolist()
    [7, 8, 0, 0]
    """
    if size <= len(array):
        return array
    larger: NDArray[Any] = np.zeros(max(size, 2 * len(array)), array.dtype)
    larger[: len(array)] = array
    return larger
