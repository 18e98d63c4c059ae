"""RecBole SASRec, GRU4Rec and LightGCN, by their own data loader, loss and epoch loop.

    PYTHONPATH=../../src python recbole_models.py SPLIT OUT --model SASRec

RecBole makes a sample of every prefix, so that an epoch of a long log is long: `--stretch` says
after how many samples it is validated. LightGCN has no state that moves: a user's row is propagated
over their prefix, with everything that was learned frozen.
"""

import argparse
import copy
import itertools
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
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
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.data.utils import create_samplers
from recbole.utils import get_model, get_trainer, init_seed

SETTINGS: dict[str, dict[str, Any]] = {
    "SASRec": {
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "hidden_size": 64,
        "inner_size": 256,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dropout_prob": 0.2,
        "attn_dropout_prob": 0.2,
        "train_batch_size": 256,
        "learning_rate": 1e-3,
    },
    "GRU4Rec": {
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "embedding_size": 64,
        "hidden_size": 128,
        "num_layers": 1,
        "dropout_prob": 0.3,
        "train_batch_size": 256,
        "learning_rate": 1e-3,
    },
    "LightGCN": {
        "embedding_size": 64,
        "n_layers": 2,
        "reg_weight": 1e-5,
        "train_batch_size": 4096,
        "learning_rate": 2e-3,
    },
}
"""Cross entropy over all items for sequences; dropout .2 is the maintainers' advice for ML-1M."""


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """Those of the model, with what the command line asks for in their place."""
    asked = {"train_batch_size": given.batch, "learning_rate": given.rate}
    changed = {name: value for name, value in asked.items() if value is not None}
    return SETTINGS[given.model] | changed


class Stretch:
    """The training batches, a bounded number at a time, drawn afresh each time."""

    def __init__(self, loader: TrainDataLoader, samples: int | None, batch: int) -> None:
        self.loader = loader
        self.batches = None if samples is None else -(-samples // batch)
        self.samples = 0
        """Of the latest pass: each predicts one event."""

    def __iter__(self) -> Iterator[Interaction]:
        self.samples = 0
        for batch in itertools.islice(iter(self.loader), self.batches):
            self.samples += len(batch)
            yield batch


def of_own_length(model: Any, item_seq: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """What GRU4Rec's `forward` gives, (B, L) and (B,) -> (B, D), with no step over padding.

    Padding stands behind a prefix, so that nothing before a row's end can see it. Rows of like
    length go through the model's own layers together.
    """
    order = length.argsort(descending=True)
    ends = []
    for rows in order.split(256):
        some = item_seq[rows, : int(length[rows[0]])]
        steps, _ = model.gru_layers(model.emb_dropout(model.item_embedding(some)))
        ends.append(model.gather_indexes(steps, length[rows] - 1))
    return model.dense(torch.cat(ends)[order.argsort()])


class Peer:
    """A RecBole model over the parts of a split up to `last`."""

    def __init__(self, split: Split, name: str, last: int, given: argparse.Namespace) -> None:
        self.split, self.name = split, name
        settings = settings_of(given)
        init_seed(given.seed, True)
        with tempfile.TemporaryDirectory() as folder:
            self.places = split.learnable(last)
            self._write(Path(folder))
            config = Config(
                model=name,
                dataset="log",
                config_dict={
                    **settings,
                    "data_path": folder,
                    "checkpoint_dir": folder,
                    "seed": given.seed,
                    "USER_ID_FIELD": "user_id",
                    "ITEM_ID_FIELD": "item_id",
                    "TIME_FIELD": "timestamp",
                    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
                    "MAX_ITEM_LIST_LENGTH": given.length,
                    "eval_args": {"split": {"RS": [1, 0, 0]}, "order": "TO", "mode": "full"},
                    "state": "ERROR",
                    "show_progress": False,
                },
            )
            dataset = create_dataset(config)
            built = dataset.build()
            sampler = create_samplers(config, dataset, built)[0]
            loader = TrainDataLoader(config, built[0], sampler, shuffle=True)
            self.batches = Stretch(loader, given.stretch, settings["train_batch_size"])
            self.model = get_model(name)(config, built[0]).to(config["device"])
            # One of its models (SINE) turns this on for all when it is imported: every operation
            # then keeps a traceback, and every gradient is searched for what is not a number.
            torch.autograd.set_detect_anomaly(given.anomaly)
            if given.own_length:
                self.model.forward = partial(of_own_length, self.model)
            self.trainer = get_trainer(config["MODEL_TYPE"], name)(config, self.model)
        self.length = given.length
        tokens = dataset.field2token_id["item_id"]
        self.code = np.zeros(split.n_items, np.int64)
        for item in np.unique(split.item[self.places]):
            self.code[item] = tokens[str(item)]
        self.known = np.flatnonzero(self.code)
        of_users = dataset.field2token_id["user_id"]
        self.user_code = np.zeros(int(split.user.max()) + 1, np.int64)
        for user in np.unique(split.user[self.places]):
            self.user_code[user] = of_users[str(user)]
        counts = np.bincount(self.code[split.item[self.places]], minlength=self.model.n_items)
        self.degree = torch.from_numpy(np.maximum(counts, 1).astype(np.float32)).to(
            config["device"]
        )

    def _write(self, folder: Path) -> None:
        """RecBole keeps times as float32, so that a user's order stands for them."""
        user, places = self.split.user[self.places], np.arange(len(self.places))
        begins = np.searchsorted(user, user)
        table = pl.DataFrame(
            {
                "user_id:token": user,
                "item_id:token": self.split.item[self.places],
                "timestamp:float": (places - begins).astype(np.float64),
            }
        )
        (folder / "log").mkdir()
        table.write_csv(folder / "log" / "log.inter", separator="\t")

    def train(self, number: int) -> float:
        """One stretch of RecBole's own epoch loop, in seconds."""
        begun = time.perf_counter()
        self.trainer._train_epoch(self.batches, number)
        return time.perf_counter() - begun

    @torch.no_grad()
    def score(self, targets: NDArray[np.intp]) -> NDArray[np.float32]:
        """Scores of all items for the prefixes of some targets."""
        self.model.eval()
        prefixes = [self.code[self.split.item[self.split.prefix(int(n))]] for n in targets]
        prefixes = [codes[codes > 0] for codes in prefixes]
        if self.name == "LightGCN":
            found = self._graph(prefixes, self.split.target["user"][targets])
        else:
            found = self._sequences(prefixes)
        scores = np.full((len(targets), self.split.n_items), -np.inf, np.float32)
        scores[:, self.known] = found[:, self.code[self.known]]
        return scores

    def _sequences(self, prefixes: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        length = np.array([max(1, min(len(codes), self.length)) for codes in prefixes])
        rows = np.zeros((len(prefixes), self.length), np.int64)
        for row, codes in zip(rows, prefixes, strict=True):
            latest = codes[-self.length :]
            row[: len(latest)] = latest
        asked = {"item_id_list": torch.from_numpy(rows), "item_length": torch.from_numpy(length)}
        given = Interaction(asked).to(self.model.device)
        return self.model.full_sort_predict(given).cpu().numpy().reshape(len(prefixes), -1)

    def _graph(
        self, prefixes: list[NDArray[np.int64]], who: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Mean over layers of sum_i e_i / sqrt(|N(u)| |N(i)|) (He et al. 2020, eq. 3 and 4).

        With the events of training as prefix it is what the model itself says of the user; a
        stranger has no first layer.
        """
        model = self.model
        layers = [model.get_ego_embeddings()]
        for _ in range(model.n_layers):
            layers.append(torch.sparse.mm(model.norm_adj_matrix, layers[-1]))
        items = torch.stack([layer[model.n_users :] for layer in layers])
        summed = items[:-1].sum(0) * self.degree[:, None] ** -0.5
        users = model.user_embedding.weight[self.user_code[who]].clone()
        users[self.user_code[who] == 0] = 0
        for row, codes in enumerate(prefixes):
            if len(codes):
                users[row] += summed[codes].sum(0) / len(codes) ** 0.5
        return (users / len(layers) @ items.mean(0).T).cpu().numpy()


def trained(split: Split, given: argparse.Namespace) -> tuple[Score, Training]:
    """Stop early on the targets that validate, then train afresh where the protocol catches up."""
    if given.favour:
        last, judged = VALID, favoured(split, given.favour)
    else:
        last, judged = TRAIN, split.chosen(VALID)
    peer = Peer(split, given.model, last, given)
    best = Best(given.patience, given.epochs, given.minutes * 60, Turn(given.turn))
    stop = False
    with best.turn:
        while not stop:
            took = peer.train(len(best.seen))
            figure = ndcg_at_10(split, peer.score, judged)
            stop = best.saw(figure, took, lambda: copy.deepcopy(peer.model.state_dict()))
            best.turn.pass_on()
    again = split.facts["protocol"] == "successive" and not (given.curve or given.favour)
    seconds = best.train_s
    if again:
        peer = Peer(split, given.model, VALID, given)
        seconds = [peer.train(number) for number in range(best.epoch)]
    else:
        peer.model.load_state_dict(best.kept)
    samples = peer.batches.samples
    return peer.score, Training(samples, seconds, best.seen, best.epoch, best.stopped, again)


def main() -> None:
    """Train and rank."""
    parser = options(__doc__, tuple(SETTINGS))
    favouring(parser)
    parser.add_argument(
        "--own-length", action="store_true", help="GRU4Rec without the steps over padding"
    )
    parser.add_argument(
        "--anomaly", action="store_true", help="with the debugging that importing RecBole turns on"
    )
    parser.add_argument("--stretch", type=int, help="samples between validations; none: an epoch")
    parser.add_argument("--batch", type=int, help="samples of a step, in place of the model's own")
    parser.add_argument("--rate", type=float, help="step size, in place of the model's own")
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="of training with early stopping"
    )
    parser.add_argument("--curve", action="store_true", help="train and validate only, no ranking")
    given = parser.parse_args()
    # Gradients through hundreds of steps become denormal numbers, of which a CPU takes ten times as
    # long; with this they are nought.
    torch.set_flush_denormal(True)
    split = Split.read(given.split)
    score, training = trained(split, given)
    told = {
        "peer": "RecBole",
        "model": given.model,
        "seed": given.seed,
        "settings": {
            **settings_of(given),
            "length": given.length,
            "stretch": given.stretch,
            "patience": given.patience,
            "own_length": given.own_length,
            "anomaly": given.anomaly,
            "epoch_chosen_on_test_targets": given.favour,
        },
        "packages": ["recbole", "torch", "numpy", "scipy"],
    }
    if given.curve:
        write_run(given.out, split, training, told)
    else:
        write(given.out, split, ranked(split, split.chosen(TEST), score), training, told)


if __name__ == "__main__":
    main()
