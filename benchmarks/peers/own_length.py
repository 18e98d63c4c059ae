"""That GRU4Rec without the steps over padding computes what RecBole's computes: loss and gradients.

PYTHONPATH=../../src .environments/recbole/bin/python own_length.py
"""

from functools import partial
from typing import Any

import torch
from recbole.model.sequential_recommender.gru4rec import GRU4Rec
from recbole_models import SETTINGS, of_own_length

ITEMS, ROWS, LENGTH = 3_500, 700, 200


class Catalogue:
    """What a model asks of a RecBole data set."""

    def num(self, _: str) -> int:
        """Items, padding among them."""
        return ITEMS


class Settings(dict[str, Any]):
    """A RecBole config, in which what was not set is None."""

    def __missing__(self, _: str) -> None:
        return None


def main() -> None:
    """Print both losses, and the largest difference of each gradient to its largest entry."""
    torch.manual_seed(0)
    known = {**SETTINGS["GRU4Rec"], "dropout_prob": 0.0, "MAX_ITEM_LIST_LENGTH": LENGTH}
    names = ("USER_ID_FIELD", "ITEM_ID_FIELD", "LIST_SUFFIX", "ITEM_LIST_LENGTH_FIELD")
    named = {name: name.lower() for name in (*names, "NEG_PREFIX")}
    model = GRU4Rec(Settings(known | named | {"device": "cpu"}), Catalogue())
    length = torch.randint(1, LENGTH + 1, (ROWS,))
    rows = torch.randint(1, ITEMS, (ROWS, LENGTH))
    rows[torch.arange(LENGTH)[None] >= length[:, None]] = 0
    target = torch.randint(1, ITEMS, (ROWS,))
    found = []
    for forward in (model.forward, partial(of_own_length, model)):
        model.zero_grad()
        scores = forward(rows, length) @ model.item_embedding.weight.T
        loss = torch.nn.functional.cross_entropy(scores, target)
        loss.backward()
        found.append((loss.item(), [weight.grad.clone() for weight in model.parameters()]))
    (padded, theirs), (own, ours) = found
    apart = [float((a - b).abs().max() / a.abs().max()) for a, b in zip(theirs, ours, strict=True)]
    print(f"loss {padded:.7f} and {own:.7f}; gradients apart by {max(apart):.1e} at most")


if __name__ == "__main__":
    main()
