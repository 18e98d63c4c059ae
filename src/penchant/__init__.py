"""Penchant: a recommender engine whose unit is the interest."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penchant.core.events import Event
    from penchant.core.items import Item
    from penchant.core.signals import Signal
    from penchant.engine.config import EngineConfig
    from penchant.engine.engine import Engine

__all__ = ["Engine", "EngineConfig", "Event", "Item", "Signal"]
__version__ = "0.1.0"

_HOMES = {
    "Engine": "penchant.engine.engine",
    "EngineConfig": "penchant.engine.config",
    "Event": "penchant.core.events",
    "Item": "penchant.core.items",
    "Signal": "penchant.core.signals",
}


def __getattr__(name: str) -> Any:
    """Each name is imported when first asked for, so that one room does not load all."""
    if name not in _HOMES:
        raise AttributeError(f"module 'penchant' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
