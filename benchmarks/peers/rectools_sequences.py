"""RecTools SASRec and HSTU, trained by their own `fit` and asked by their own session encoder.

PYTHONPATH=../../src python rectools_sequences.py SPLIT OUT --model sasrec
"""

import copy
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from history import (
    TEST,
    TRAIN,
    VALID,
    Best,
    Score,
    Split,
    Training,
    Turn,
    favoured,
    favouring,
    ndcg_at_10,
    options,
    ranked,
    write,
    write_run,
)
from numpy.typing import NDArray
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import HSTUModel, SASRecModel

Model = SASRecModel | HSTUModel
TEMPERATURE = 0.05
"""Of the cosine that HSTU scores with, as in its authors' configuration for MovieLens."""


class Sizes(NamedTuple):
    """What may be scaled to the machine."""

    factors: int
    blocks: int
    heads: int
    length: int
    batch: int
    dropout: float
    rate: float


class Epochs(Callback):
    """Times each epoch, validates after it, and stops the training."""

    def __init__(self, best: Best, score: Callable[[], float] | None) -> None:
        self.best, self.score = best, score
        self.begun = 0.0

    def __deepcopy__(self, memo: dict[int, Any]) -> "Epochs":
        """Itself: `fit` copies its trainer, and what is learned here must come back."""
        return self

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Note the time."""
        del trainer, pl_module
        self.begun = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Validate; keep the best weights."""
        took = time.perf_counter() - self.begun
        network = pl_module.torch_model
        if self.score is None:
            self.best.train_s.append(took)
            print(f"epoch {len(self.best.train_s)}: {took:.1f} s", flush=True)
            return
        network.eval()
        figure = self.score()
        network.train()
        stop = self.best.saw(figure, took, lambda: copy.deepcopy(network.state_dict()))
        trainer.should_stop = trainer.should_stop or stop
        self.best.turn.pass_on()


def dataset_of(split: Split, last: int) -> Dataset:
    """The positive events of the parts up to `last`; a user's order is kept inside one second."""
    places = split.learnable(last)
    when = split.time_s[places]
    order = np.arange(len(places))
    begins = np.r_[0, np.flatnonzero(np.diff(split.user[places]) | np.diff(when).astype(bool)) + 1]
    inside = order - np.repeat(begins, np.diff(np.r_[begins, len(places)]))
    table = pd.DataFrame(
        {
            Columns.User: split.user[places],
            Columns.Item: split.item[places],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime((when * 1e9).astype(np.int64) + inside, unit="ns"),
        }
    )
    return Dataset.construct(table)


def built(name: str, sizes: Sizes, epochs: int, timed: bool, callback: Callback) -> Model:
    """The model, with the loss over all items."""

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=epochs,
            min_epochs=1,
            accelerator="auto",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[callback],
        )

    given: dict[str, Any] = {
        "n_factors": sizes.factors,
        "n_blocks": sizes.blocks,
        "n_heads": sizes.heads,
        "session_max_len": sizes.length,
        "batch_size": sizes.batch,
        "dropout_rate": sizes.dropout,
        "lr": sizes.rate,
        "loss": "softmax",
        "epochs": epochs,
        "get_trainer_func": trainer,
    }
    if name == "sasrec":
        return SASRecModel(**given)
    return HSTUModel(
        **given,
        relative_time_attention=timed,
        relative_pos_attention=True,
        lightning_module_kwargs={"logits_t": TEMPERATURE},
    )


def scorer(model: Model, split: Split, length: int, timed: bool) -> Score:
    """Each target's prefix through `encode_sessions`, against all item vectors."""
    network = model.lightning_model.torch_model
    known = np.asarray(model.data_preparator.get_known_item_ids(), np.int64)
    extra = model.data_preparator.n_item_extra_tokens
    code = np.zeros(split.n_items, np.int64)
    code[known] = np.arange(len(known)) + extra

    def batch_of(targets: NDArray[np.intp]) -> dict[str, torch.Tensor]:
        x = np.zeros((len(targets), length), np.int64)
        t = np.zeros((len(targets), length + 1), np.int64)
        for row, number in enumerate(targets):
            places = split.prefix(int(number))
            places = places[code[split.item[places]] > 0][-length:]
            t[row] = int(split.target["time_s"][number])
            if len(places):
                x[row, -len(places) :] = code[split.item[places]]
                t[row, : -1 - len(places)] = int(split.time_s[places[0]])
                t[row, -1 - len(places) : -1] = split.time_s[places].astype(np.int64)
        batch = {"x": torch.from_numpy(x)}
        if timed:
            batch["unix_ts"] = torch.from_numpy(t)
        return batch

    @torch.no_grad()
    def score(targets: NDArray[np.intp]) -> NDArray[np.float32]:
        device = network.item_model.device
        batch = {name: value.to(device) for name, value in batch_of(targets).items()}
        vectors = network.item_model.get_all_embeddings()
        sessions = network.encode_sessions(batch, vectors)[:, -1:, :]
        found = network.similarity_module(sessions, vectors)[:, 0, extra:].float().cpu().numpy()
        scores = np.full((len(targets), split.n_items), -np.inf, np.float32)
        scores[:, known] = found
        return scores

    return score


def fitted(
    split: Split,
    name: str,
    sizes: Sizes,
    best: Best,
    last: int,
    epochs: int,
    judged: NDArray[np.intp] | None,
) -> Model:
    """Train on the parts up to `last`: to the epoch best on some targets, or all epochs without."""
    timed = name == "hstu" and bool(split.facts["times"])
    held: list[Model] = []
    asked = (
        (lambda: ndcg_at_10(split, scorer(held[0], split, sizes.length, timed), judged))
        if judged is not None
        else None
    )
    model = built(name, sizes, epochs, timed, Epochs(best, asked))
    held.append(model)
    with best.turn:
        model.fit(dataset_of(split, last))
    if judged is not None:
        model.lightning_model.torch_model.load_state_dict(best.kept)
    model.lightning_model.torch_model.eval()
    return model


def main() -> None:
    """Train, stop early, train afresh where the protocol has a window to catch up on, rank."""
    parser = options(__doc__, ("sasrec", "hstu"))
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="of training with early stopping"
    )
    favouring(parser)
    parser.add_argument("--curve", action="store_true", help="train and validate only, no ranking")
    given = parser.parse_args()
    seed_everything(given.seed)
    split = Split.read(given.split)
    names = ("factors", "blocks", "heads", "length", "batch", "dropout", "rate")
    sizes = Sizes(**{name: getattr(given, name) for name in names})
    best = Best(given.patience, given.epochs, given.minutes * 60, Turn(given.turn))
    if given.favour:
        last, judged = VALID, favoured(split, given.favour)
    else:
        last, judged = TRAIN, split.chosen(VALID)
    model = fitted(split, given.model, sizes, best, last, given.epochs, judged)
    train_s = best.train_s
    if split.facts["protocol"] == "successive" and not (given.curve or given.favour):
        seed_everything(given.seed)
        again = Best(given.patience, best.epoch, float("inf"), Turn(None))
        model = fitted(split, given.model, sizes, again, VALID, best.epoch, None)
        last, train_s = VALID, again.train_s
    timed = given.model == "hstu" and bool(split.facts["times"])
    counts = np.bincount(split.user[split.learnable(last)])
    training = Training(
        int(np.clip(counts - 1, 0, given.length).sum()),
        train_s,
        best.seen,
        best.epoch,
        best.stopped,
        last == VALID,
    )
    told = {
        "peer": "RecTools",
        "model": given.model,
        "seed": given.seed,
        "settings": {
            **sizes._asdict(),
            "loss": "softmax over all items",
            "patience": given.patience,
            "time_of_target": timed,
            "epoch_chosen_on_test_targets": given.favour,
        },
        "packages": ["rectools", "torch", "pytorch-lightning", "numpy"],
    }
    if given.curve:
        write_run(given.out, split, training, told)
    else:
        score = scorer(model, split, given.length, timed)
        write(given.out, split, ranked(split, split.chosen(TEST), score), training, told)


if __name__ == "__main__":
    main()
