from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.core.errors import ArtifactError
from penchant.encoders.topics import Topics
from penchant.engine.learned import Learned
from penchant.features.reader import FeatureColumns
from penchant.interests.nets import NETS
from penchant.ranking.blend import Blend
from penchant.training.config import (
    LogisticConfig,
    LruConfig,
    ModelName,
    RecurrentConfig,
    ScheduleConfig,
    SequenceConfig,
)
from penchant.training.following import Task
from penchant.training.sequence import train_sequence
from penchant.training.streams import histories
from penchant.training.transfer import transferred

SIZES = RecurrentConfig(dim=8, state=8, hidden=16, dropout=0.1)
MET = np.array([True, True, False, True])
ITEMS = ("new", "b", "a", "unmet")


def source(**sizes: Any) -> Learned:
    """Knows a, b and c, and of `unmet` only the name."""
    used = SIZES.model_copy(update=sizes)
    return known("recurrent", used)


def known(model: ModelName, used: SequenceConfig) -> Learned:
    net: Any = NETS[model](4, 2, used)
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(size=tensor.shape).astype(np.float32)
        for name, tensor in net.state_dict().items()
    }
    topic = np.zeros((1, used.dim), np.float32)
    return Learned(
        ("a", "b", "c", "unmet"),
        {"types": ["click", "view"], "means": [0, 0], "deviations": [1, 1]},
        model,
        used.model_dump(mode="json"),
        weights,
        np.array([True, True, True, False]),
        Topics(topic, topic[:, 0], np.ones(1, np.float32), ("all",)),
        {},
        Blend.single(("popular",), ("log",), "popular"),
        True,
        {},
    )


def begun(learned: Learned, sizes: RecurrentConfig = SIZES, seed: int = 3) -> dict[str, np.ndarray]:
    return transferred(learned, ITEMS, MET, ["rating", "view"], "recurrent", sizes, seed)


def test_items_and_types_keep_what_was_learned_by_name_and_others_begin_by_chance() -> None:
    learned = source()
    weights = begun(learned)
    vectors, biases = learned.weights["events.items.weight"], learned.weights["events.item_bias"]
    table = weights["events.items.weight"]
    assert table.shape == (4, 8)  # new, b, unmet, and the row for the rest
    assert np.array_equal(table[1], vectors[1])
    assert not any((table[row] == vectors).any() for row in (0, 2, 3))
    assert weights["events.item_bias"].tolist() == [0, biases[1], 0, 0]
    types = weights["events.types.weight"]
    assert np.array_equal(types[2], learned.weights["events.types.weight"][2])
    assert not (types[1] == learned.weights["events.types.weight"]).any()
    assert np.abs(types[1]).max() < 0.2
    assert np.array_equal(weights["layers.0.into.weight"], learned.weights["layers.0.into.weight"])
    again = begun(learned)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert not np.array_equal(begun(learned, seed=4)["events.items.weight"][0], table[0])


def test_training_goes_on_from_there() -> None:
    weights = begun(source())
    n = 40
    ones = np.ones(n, np.float32)
    events = FeatureColumns(
        np.repeat(np.arange(4), 10).astype(np.int32),
        np.tile([0, 1, 2, 1], 10).astype(np.int32),
        ones.astype(np.int64),
        ones,
        0 * ones,
        np.arange(n) * 60.0,
    )
    still = SIZES.model_copy(update={"learning_rate": 1e-9})
    schedule = ScheduleConfig(epochs=1, lanes=2, length=8)
    run = train_sequence(
        Task(histories(events), 4, 2, "recurrent", still, schedule, 0, epochs=1, begun=weights)
    )
    assert run.weights.keys() == weights.keys()
    assert all(np.allclose(run.weights[name], weights[name], atol=1e-5) for name in weights)


def test_dropout_and_step_size_may_differ_and_sizes_may_not() -> None:
    begun(source(), SIZES.model_copy(update={"dropout": 0.5, "learning_rate": 1e-3}))
    with pytest.raises(ArtifactError, match="other sizes: dim 12 where 8 is asked, state 4 where"):
        begun(source(dim=12, state=4))
    with pytest.raises(ArtifactError, match="layers 3 where 2 is asked"):
        begun(source(layers=3))


def test_another_kind_of_model_is_named() -> None:
    learned = replace(source(), model="gru")
    with pytest.raises(ArtifactError, match="begins from a 'gru' model, and the settings ask for"):
        begun(learned)


def test_counts_of_items_begin_anew_and_features_of_other_event_types_do_not_fit() -> None:
    sizes = LogisticConfig(dim=8)
    learned = known("logistic", sizes)
    places = (("new", "b"), np.array([True, True]))
    weights = transferred(learned, *places, ["click", "view"], "logistic", sizes, 0)
    assert weights["item_counts"].tolist() == [0, 0, 0]
    assert np.array_equal(weights["mean"], learned.weights["mean"])
    for types in (["view"], ["rating", "view"], ["view", "click"]):
        with pytest.raises(ArtifactError, match="event types click, view does not fit those of th"):
            transferred(learned, *places, types, "logistic", sizes, 0)


def test_gates_of_event_types_are_not_taken_for_those_of_others() -> None:
    sizes = LruConfig(dim=8, state=4, hidden=16)
    learned = known("lru", sizes)
    places = (("new", "b"), np.array([True, True]))
    alike = transferred(learned, *places, ["click", "view"], "lru", sizes, 0)
    gates = "layers.0.gates.weight"
    assert np.array_equal(alike[gates], learned.weights[gates])
    with pytest.raises(ArtifactError, match="does not fit those of this log, view, watch"):
        transferred(learned, *places, ["view", "watch"], "lru", sizes, 0)
