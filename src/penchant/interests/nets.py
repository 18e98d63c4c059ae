"""Every sequence model in torch, by the name under which it is served."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from penchant.interests.recurrent_net import RecurrentNet
from penchant.interests.sequence_net import SequenceNet
from penchant.interests.transformer_net import TransformerNet

NETS: Final[Mapping[str, Callable[[int, int, Any], SequenceNet]]] = {
    "recurrent": RecurrentNet,
    "transformer": TransformerNet,
}
"""Built from the number of items, the number of event types, and the model's own settings."""
