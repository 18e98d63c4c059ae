"""What a sequence model is trained on: a log up to a cut, and the later events to judge it by."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from penchant.core.contracts import Mask
from penchant.core.events import EventColumns
from penchant.core.signals import Signal
from penchant.features.reader import EventReader, FeatureColumns
from penchant.training.compact import compact_mask, compact_rows
from penchant.training.streams import Histories, histories
from penchant.training.validation import Held


class Prepared(NamedTuple):
    """Histories with compact rows, and what made them."""

    reader: EventReader
    features: FeatureColumns  # of the training window, with the catalogue's rows
    met: Mask  # (N,) items of the training window
    histories: Histories  # with compact rows
    held: Held | None

    @property
    def items(self) -> int:
        """Rows of the table that is learned."""
        return len(compact_mask(self.met))


def prepare(
    columns: EventColumns,
    signals: Mapping[str, Signal],
    keeps: bool,
    later: EventColumns | None = None,
) -> Prepared:
    """Everything is fitted on `columns`; `later` begins with them and adds what is held out.

    `keeps`: whether items already taken remain candidates.
    """
    reader = EventReader.fit(signals, columns)
    f = reader.columns(columns)
    met = np.zeros(len(columns.items), bool)
    met[f.row[f.row >= 0]] = True
    held = None
    if later is not None:
        late = np.arange(len(later)) >= len(columns)
        held = Held.make(compact_rows(reader.columns(later), met), late, compact_mask(met), keeps)
    return Prepared(reader, f, met, histories(compact_rows(f, met)), held)
