"""Every trained interest model by name: its settings, and how an artifact's weights are served."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from penchant.core.contracts import InterestModel
from penchant.core.errors import UnknownComponentError
from penchant.interests.bilstm import Bilstm, BilstmConfig
from penchant.interests.cnn import Cnn, CnnConfig
from penchant.interests.event_input import Weights
from penchant.interests.gated import GatedConfig, gru, lstm
from penchant.interests.logistic import LogisticConfig, logistic
from penchant.interests.lru import Lru, LruConfig
from penchant.interests.mlp import MlpConfig, mlp
from penchant.interests.recurrent import Recurrent, RecurrentConfig
from penchant.interests.transformer import Transformer, TransformerConfig


class Served(NamedTuple):
    """One kind of model: the type of its settings, and its class."""

    config: type[BaseModel]
    model: Callable[[Weights, Any], InterestModel]


SEQUENCE_MODELS: Final[Mapping[str, Served]] = {
    "recurrent": Served(RecurrentConfig, Recurrent),
    "lru": Served(LruConfig, Lru),
    "gru": Served(GatedConfig, gru),
    "lstm": Served(GatedConfig, lstm),
    "cnn": Served(CnnConfig, Cnn),
    "bilstm": Served(BilstmConfig, Bilstm),
    "mlp": Served(MlpConfig, mlp),
    "logistic": Served(LogisticConfig, logistic),
    "transformer": Served(TransformerConfig, Transformer),
}
"""By the name used in settings, in artifacts and as a source."""


def serve(name: str, sizes: Mapping[str, Any], weights: Weights) -> InterestModel:
    """The model `name` with the settings and weights of an artifact."""
    try:
        kind = SEQUENCE_MODELS[name]
    except KeyError:
        raise UnknownComponentError("interest model", name, SEQUENCE_MODELS) from None
    return kind.model(weights, kind.config(**sizes))
