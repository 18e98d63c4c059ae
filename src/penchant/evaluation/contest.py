"""Who is in the contest for a target, and where the target came by each source and the blend."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Reading, Scores
from penchant.ranking.blend import Blend


def masked_rows(reading: Reading, repeats: bool) -> list[int]:
    """Items out of the contest, each once: what was dismissed was mostly taken too."""
    return list(reading.dismissed if repeats else reading.dismissed.union(reading.taken))


def ranks_of(
    scores: Scores, blend: Blend, reading: Reading, row: int, masked: Sequence[int]
) -> NDArray[np.float64]:
    """(S + 1,) mean rank of `row` by each source and by the blend; a masked target ranks last."""
    if row in masked:
        return np.full(scores.shape[1] + 1, np.inf)
    every = np.empty((scores.shape[1] + 1, len(scores)), np.float32)
    every[:-1] = scores.T
    every[-1] = blend.total(reading, scores)
    right = every[:, row : row + 1]
    gone = every[:, masked]
    above = (every > right).sum(1) - (gone > right).sum(1)
    equal = (every == right).sum(1) - (gone == right).sum(1)
    ranks = above + (equal - 1) / 2
    return np.where(np.isnan(right[:, 0]), np.inf, ranks)
