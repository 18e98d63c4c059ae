"""Every sequence model in torch, by the name under which it is served."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from penchant.interests.behaviour_net import logistic_net, mlp_net
from penchant.interests.bilstm_net import BilstmNet
from penchant.interests.cnn_net import CnnNet
from penchant.interests.gated_net import gru_net, lstm_net
from penchant.interests.lru_net import LruNet
from penchant.interests.recurrent_net import RecurrentNet
from penchant.interests.sequence_net import SequenceNet
from penchant.interests.transformer_net import TransformerNet

NETS: Final[Mapping[str, Callable[[int, int, Any], SequenceNet]]] = {
    "recurrent": RecurrentNet,
    "lru": LruNet,
    "gru": gru_net,
    "lstm": lstm_net,
    "cnn": CnnNet,
    "bilstm": BilstmNet,
    "mlp": mlp_net,
    "logistic": logistic_net,
    "transformer": TransformerNet,
}
"""Built from the number of items, the number of event types, and the model's own settings."""
