"""A database to measure speed on: generated events, items and weights in real sizes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.clock import ManualClock
from penchant.core.events import Event, EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.interests import Vectors
from penchant.core.items import Item
from penchant.core.signals import DAY_S, SHIPPED
from penchant.encoders.topics import Topics, default_count
from penchant.engine.engine import Engine
from penchant.engine.learned import Learned
from penchant.engine.stages import FORMS, learned_sources
from penchant.evaluation.speed import NOW_S, TYPES, USERS, drawn_items
from penchant.features.reader import EventReader
from penchant.interests.event_input import VECTORS
from penchant.interests.recurrent import RecurrentConfig
from penchant.interests.recurrent_net import RecurrentNet
from penchant.ranking.blend import CONTEXTS, Blend
from penchant.training.fit import TrainingConfig

FEWEST: Final = 20
MOST: Final = 200
"""Bounds of the events of each user before the measured ones."""
CATEGORIES: Final = 40
NEXT: Final = 30
"""Items that followed an item, on average; MovieLens-1M has 60, MovieTweetings 8."""
ITEM_ITEM: Final = 100
EASE: Final = 300
"""Neighbours kept per item by training, which these tables fill to the last place."""


def build(path: Path, n_items: int, seed: int = 0, users: int = USERS) -> None:
    """Make a database at `path`: `n_items` items, users with events and states, a published model.

    Everybody's latest event comes after the model, so that their state is on disk, made by it.
    """
    rng = np.random.default_rng(seed)
    with Engine.open(path, clock=ManualClock(NOW_S)) as engine:
        engine.put_items(items(n_items))
        engine.observe_many(list(events(n_items, rng, users)))
        engine.publish(learned(engine.columns(), rng))
        latest = drawn_items(n_items, users, rng)
        engine.observe_many(
            Event(UserId(f"u{user}"), TYPES[0], NOW_S - 1.0, ItemId(f"i{row}"))
            for user, row in enumerate(latest)
        )


def items(count: int) -> Iterator[Item]:
    """A catalogue with titles and categories."""
    for row in range(count):
        yield Item(ItemId(f"i{row}"), f"Item {row}", (f"category {row % CATEGORIES}",))


def events(n_items: int, rng: Generator, users: int = USERS) -> Iterator[Event]:
    """Users with 20 to 200 events each over the last 60 days, popular items more often."""
    for user in range(users):
        count = int(rng.integers(FEWEST, MOST + 1))
        times = np.sort(NOW_S - rng.uniform(1.0, 60 * DAY_S, count))
        types = rng.integers(0, len(TYPES), count)
        for at, kind, row in zip(times, types, drawn_items(n_items, count, rng), strict=True):
            yield Event(UserId(f"u{user}"), TYPES[kind], float(at), ItemId(f"i{row}"))


def learned(columns: EventColumns, rng: Generator) -> Learned:
    """Random weights in the shapes that training gives them by default."""
    n_items = len(columns.items)
    reader = EventReader.fit(SHIPPED, columns)
    weights = _weights(n_items, len(reader.types), rng)
    met = np.ones(n_items, bool)
    return Learned(
        tuple(columns.items),
        reader.to_json(),
        "recurrent",
        RecurrentConfig().model_dump(mode="json"),
        weights,
        met,
        _topics(weights[VECTORS], rng),
        {
            "transition": _transitions(n_items, rng),
            "item_item": _neighbours(n_items, n_items, ITEM_ITEM, rng),
            "ease": _ease(n_items, TrainingConfig().ease_items, rng),
        },
        _blend(learned_sources("recurrent"), rng),
        False,
        {"vectors": "generated", "newest_s": float(columns.time_s[-1])},
    )


def _weights(n_items: int, types: int, rng: Generator) -> dict[str, NDArray[np.float32]]:
    torch.manual_seed(int(rng.integers(2**31)))
    net = RecurrentNet(n_items, types, RecurrentConfig())
    return {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}


def _topics(vectors: Vectors, rng: Generator) -> Topics:
    count = default_count(len(vectors))
    prior = rng.dirichlet(np.ones(count)).astype(np.float32)
    directions = rng.normal(size=(count, vectors.shape[1])).astype(np.float32)
    labels = tuple(f"topic {n}" for n in range(count))
    return Topics(directions, np.zeros(count, np.float32), prior, labels)


def _transitions(n_items: int, rng: Generator) -> dict[str, NDArray[Any]]:
    sizes = np.minimum(n_items, rng.geometric(1 / NEXT, n_items))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = [np.sort(rng.choice(n_items, size, replace=False, shuffle=False)) for size in sizes]
    counts = rng.geometric(0.7, int(starts[-1])).astype(np.float32)
    return {
        "starts": starts.astype(np.int64),
        "rows": np.concatenate(rows).astype(np.int32),
        "counts": counts,
    }


def _neighbours(of_items: int, n_items: int, keep: int, rng: Generator) -> dict[str, NDArray[Any]]:
    weights = -np.sort(-rng.random((of_items, keep), np.float32), axis=1)
    rows = rng.integers(0, n_items, (of_items, keep), np.int32)
    return {"neighbours": rows, "weights": weights}


def _ease(n_items: int, most: int, rng: Generator) -> dict[str, NDArray[Any]]:
    kept = min(most, n_items)
    return {
        **_neighbours(kept, n_items, EASE, rng),
        "items": np.arange(kept, dtype=np.int32),
        "n_items": np.array([n_items], np.int64),
    }


def _blend(names: Sequence[str], rng: Generator) -> Blend:
    forms = tuple(FORMS[name] for name in names)
    base = rng.normal(-1.0, 1.0, (CONTEXTS, 2, len(names))).astype(np.float32)
    return Blend(names, forms, np.ones(len(names), np.float32), base)
