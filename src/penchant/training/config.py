"""Settings of training: which model, its sizes, the schedule, and what the recipe holds out."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from penchant.interests.recurrent import RecurrentConfig as RecurrentConfig
from penchant.interests.transformer import TransformerConfig as TransformerConfig

ModelName = Literal["recurrent", "transformer"]
"""Every sequence model that can be trained."""
SequenceConfig = RecurrentConfig | TransformerConfig
"""Settings of any of them."""


class ScheduleConfig(BaseModel):
    """How a sequence model is trained, whichever it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    epochs: int | None = Field(default=None, ge=1)
    """Passes over the events, at most; none: 12 for small logs, fewer down to 6 for a million
    events. Training stops earlier where later events stop improving."""
    patience: int = Field(default=2, ge=1)
    """Passes without a better NDCG@10 on later events before training stops."""
    lanes: int = Field(default=16, ge=1)
    """Users read side by side in one batch."""
    length: int = Field(default=64, ge=2)
    """Events of each lane in one batch."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of matrices (AdamW)."""
    loss: Literal["auto", "full", "sampled"] = "auto"
    """Cross entropy over all items, or over `negatives` of them; auto: all up to 30,000 items."""
    negatives: int = Field(default=1024, ge=1)
    """Items drawn uniformly for each batch when the loss is sampled."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of products with the item table; auto: bfloat16 where the hardware makes it, else float32."""
    checkpoint_minutes: float = Field(default=1.0, ge=0)
    """Least time between two checkpoints, which are written after a pass."""

    def passes(self, events: int) -> int:
        """Passes at most over a log of so many events."""
        return self.epochs or min(12, max(6, round(1_200_000 / max(1, events))))


class TrainingConfig(BaseModel):
    """Settings of `penchant train`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: ModelName = "recurrent"
    """The interest model that is trained and served."""
    schedule: ScheduleConfig = ScheduleConfig()
    """How it is trained."""
    recurrent: RecurrentConfig = RecurrentConfig()
    """The default interest model: a gated linear recurrence."""
    transformer: TransformerConfig = TransformerConfig()
    """Attention over a user's latest events."""
    held_out: float = Field(default=0.1, gt=0, lt=0.5)
    """Share of events, the latest, on which passes are counted and the blend is learned."""
    ease_items: int = Field(default=10_000, ge=1)
    """Most frequent items that EASE learns."""
    ease_penalty: float = Field(default=500.0, gt=0)
    """Ridge penalty of EASE."""

    @property
    def sizes(self) -> SequenceConfig:
        """The settings of the chosen model."""
        match self.model:
            case "recurrent":
                return self.recurrent
            case "transformer":
                return self.transformer
