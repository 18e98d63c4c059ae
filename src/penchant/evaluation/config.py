"""Settings of evaluation."""

from pydantic import BaseModel, ConfigDict, Field


class SuccessiveConfig(BaseModel):
    """Settings of the protocol."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    test_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of events, the latest, that are targets."""
    windows: int = Field(default=4, ge=1)
    """Stretches of the targets; the `online` variant refreshes its weights between two."""
