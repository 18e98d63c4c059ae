"""Placements: the rules of each place where slates are shown, by its name."""

from penchant.core.errors import InvalidRequestError, nearest
from penchant.engine.config import EngineConfig
from penchant.strategy.rules import Rules


class Placements:
    """Rules by name; those of `strategy` where no name is given."""

    def __init__(self, config: EngineConfig, repeat_share: float) -> None:
        self._default = Rules(config.strategy, repeat_share)
        self._named = {n: Rules(own, repeat_share) for n, own in config.placements.items()}

    def rules(self, name: str | None = None) -> Rules:
        """Those of the placement `name`, or `InvalidRequestError`."""
        if name is None:
            return self._default
        found = self._named.get(name)
        if found is None:
            allowed = ", ".join(sorted(self._named)) or "none, until [placements.<name>] is set"
            raise InvalidRequestError(
                f"no placement is named {name!r}{nearest(name, self._named)}; allowed are {allowed}"
            )
        return found
