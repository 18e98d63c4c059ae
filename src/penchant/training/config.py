"""Settings of training: which model, its sizes, the schedule, and what the recipe holds out."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from penchant.interests.bilstm import BilstmConfig as BilstmConfig
from penchant.interests.cnn import CnnConfig as CnnConfig
from penchant.interests.gated import GatedConfig as GatedConfig
from penchant.interests.logistic import LogisticConfig as LogisticConfig
from penchant.interests.lru import LruConfig as LruConfig
from penchant.interests.mlp import MlpConfig as MlpConfig
from penchant.interests.recurrent import RecurrentConfig as RecurrentConfig
from penchant.interests.transformer import TransformerConfig as TransformerConfig

ModelName = Literal[
    "recurrent", "transformer", "lru", "gru", "lstm", "cnn", "bilstm", "mlp", "logistic"
]
"""Every sequence model that can be trained."""
SequenceConfig = (
    RecurrentConfig
    | TransformerConfig
    | LruConfig
    | GatedConfig
    | CnnConfig
    | BilstmConfig
    | MlpConfig
    | LogisticConfig
)
"""Settings of any of them."""


class AugmentConfig(BaseModel):
    """Changes made by chance to the histories that training reads, anew for each pass."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    crop: float = Field(default=0.0, ge=0, le=1)
    """Share of histories of which only a run of events is read."""
    crop_share: float = Field(default=0.6, gt=0, le=1)
    """Length of that run, as a share of the history."""
    leave_out: float = Field(default=0.0, ge=0, le=1)
    """Share of histories of which some events are left out."""
    leave_out_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of their events that is left out; never the latest."""
    mask: float = Field(default=0.0, ge=0, le=1)
    """Share of histories in which some items are hidden; they are still predicted."""
    mask_share: float = Field(default=0.3, ge=0, lt=1)
    """Share of their items that is hidden."""
    reorder: float = Field(default=0.0, ge=0, le=1)
    """Share of histories in which a run of events is shuffled."""
    reorder_share: float = Field(default=0.3, gt=0, le=1)
    """Length of that run, as a share of the history."""
    noise: float = Field(default=0.0, ge=0, le=1)
    """Share of histories in which some items are read as others; the true ones are predicted."""
    noise_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of their items that is replaced."""
    noise_from: Literal["neighbours", "any"] = "neighbours"
    """Replaced by what users took right before or after the same item, or by any item."""
    retime: float = Field(default=0.0, ge=0, le=1)
    """Share of histories whose gaps in time are stretched by chance; the order stays."""
    retime_most: float = Field(default=2.0, ge=1)
    """Largest factor of a whole history, and one over the smallest."""
    retime_jitter: float = Field(default=0.2, ge=0, le=2)
    """Deviation of the logarithm of each gap's own factor."""


class ContrastConfig(BaseModel):
    """A second loss: two views of a history end near each other, and far from other histories."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weight: float = Field(default=0.0, ge=0)
    """Of this loss beside that of the next item; 0: it is not computed."""
    kind: Literal["views", "same_next"] = "views"
    """Two views, each cropped, masked or reordered (CL4SRec); or the same history under two
    dropouts and another that led to the same item (DuoRec)."""
    temperature: float = Field(default=0.2, gt=0)
    """By which similarities are divided."""
    histories: int = Field(default=64, ge=2)
    """Drawn for each batch."""
    longest: int = Field(default=50, ge=1)
    """Latest events read of each."""


class ScheduleConfig(BaseModel):
    """How a sequence model is trained, whichever it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    epochs: int | None = Field(default=None, ge=1)
    """Passes over the events, at most; none: 100 up to 14,000 events, 24 from 58,000 to 150,000, 6
    from 600,000 on. Training stops earlier where later events stop improving."""
    patience: int | None = Field(default=None, ge=1)
    """Passes without a better NDCG@10 on later events before training stops; none: a sixth of the
    passes at most, but no fewer than 4."""
    lanes: int = Field(default=16, ge=1)
    """Users read side by side in one batch."""
    length: int = Field(default=64, ge=2)
    """Events of each lane in one batch."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decay of matrices (AdamW)."""
    loss: Literal["auto", "full", "sampled"] = "auto"
    """Cross entropy over all items, or over `negatives` of them; auto: all up to 30,000 items."""
    negatives: int = Field(default=1024, ge=1)
    """Items drawn for each batch when the loss is sampled."""
    negatives_from: Literal["uniform", "popular", "mixed"] = "uniform"
    """How they are drawn: each item alike, by how often it was taken, or half of each; logits are
    corrected for it (logQ)."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of products with the item table; auto: bfloat16 where the hardware makes it, else float32."""
    augment: AugmentConfig = AugmentConfig()
    """Changes made by chance to what is read, for sparse data."""
    contrast: ContrastConfig = ContrastConfig()
    """A contrastive loss beside that of the next item, for sparse data."""
    checkpoint_minutes: float = Field(default=1.0, ge=0)
    """Least time between two checkpoints, within a pass or after it; 0: one after every batch."""

    def passes(self, events: int) -> int:
        """Passes at most over a log of so many events."""
        times = 1_000_000 / max(1, events)
        return self.epochs or round(max(6, min(24, 3.6 * times), min(100, 1.4 * times)))

    def waits(self, passes: int) -> int:
        """Passes without a better figure that are waited for, of so many planned."""
        return self.patience or max(4, passes // 6)


class DistilConfig(BaseModel):
    """Learning from another model that is trained on the same events first."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    teacher: ModelName | None = None
    """The model to learn from, with its own sizes and the same schedule; none: from events alone.
    In `penchant tune` it teaches every trial."""
    weight: float = Field(default=0.5, ge=0, le=1)
    """Of what the teacher answers; the rest is that of what users did next."""


class TopicsConfig(BaseModel):
    """How fast the readable interests move and fade."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rate: Literal["fixed", "learned", "adaptive"] = "fixed"
    """One rate and fading for all; learned: a rate for each event type; adaptive: the one rate,
    raised while events surprise."""
    change: float = Field(default=0.05, gt=0, lt=1)
    """Where the rate is adaptive: chance that before an event an interest has become another."""


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
    lru: LruConfig = LruConfig()
    """A complex diagonal recurrence whose memory fades with real time."""
    gru: GatedConfig = GatedConfig()
    """Gated recurrent units."""
    lstm: GatedConfig = GatedConfig()
    """Long short-term memory."""
    cnn: CnnConfig = CnnConfig()
    """Causal convolutions over the latest events."""
    bilstm: BilstmConfig = BilstmConfig()
    """An LSTM that re-reads its window of events in both directions."""
    begin: Path | None = None
    """Folder of an artifact, perhaps of another catalogue, whose weights training begins from;
    items keep their vectors by id."""
    mlp: MlpConfig = MlpConfig()
    """A network over features of behaviour."""
    logistic: LogisticConfig = LogisticConfig()
    """Multinomial logistic regression on features of behaviour."""
    distil: DistilConfig = DistilConfig()
    """Another model to learn from: what a large one knows, served at the cost of a small one."""
    topics: TopicsConfig = TopicsConfig()
    """How fast the readable interests move and fade."""
    held_out: float = Field(default=0.1, gt=0, lt=0.5)
    """Share of events, the latest, on which passes are counted and the blend is learned."""
    ease_items: int = Field(default=10_000, ge=1)
    """Most frequent items that EASE learns."""
    ease_penalty: float = Field(default=500.0, gt=0)
    """Ridge penalty of EASE."""

    @property
    def sizes(self) -> SequenceConfig:
        """The settings of the chosen model."""
        chosen: SequenceConfig = getattr(self, self.model)
        return chosen
