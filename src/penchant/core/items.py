"""Items: what can be recommended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penchant.core.events import ContextValue
from penchant.core.ids import ItemId


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of the catalogue; everything but its id may be missing."""

    id: ItemId
    title: str | None = None
    categories: tuple[str, ...] = ()
    description: str | None = None
    attributes: Mapping[str, ContextValue] = field(default_factory=dict)
    available: bool = True
    expires_s: float | None = None
    """Unix seconds after which the item is no longer recommended."""

    @property
    def removed(self) -> bool:
        """Whether nothing is said of it but that it is not to be had.

        >>> Item(ItemId("tea"), available=False).removed, Item(ItemId("tea")).removed
        (True, False)
        """
        return not self.available and self == Item(self.id, available=False)
