"""Penchant: a recommender engine whose unit is the interest."""

from penchant.core.events import Event
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine

__all__ = ["Engine", "EngineConfig", "Event", "Item", "Signal"]
__version__ = "0.1.0"
