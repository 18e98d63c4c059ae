"""Every trained interest model by name: its settings, and how an artifact's weights are served."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from penchant.core.contracts import InterestModel
from penchant.core.errors import UnknownComponentError
from penchant.interests.event_input import Weights
from penchant.interests.recurrent import Recurrent, RecurrentConfig
from penchant.interests.transformer import Transformer, TransformerConfig


class Served(NamedTuple):
    """One kind of model: the type of its settings, and its class."""

    config: type[BaseModel]
    model: Callable[[Weights, Any], InterestModel]


SEQUENCE_MODELS: Final[Mapping[str, Served]] = {
    "recurrent": Served(RecurrentConfig, Recurrent),
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
