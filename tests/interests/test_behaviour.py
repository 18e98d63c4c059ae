"""What is particular to features of behaviour; what holds for all is in contracts."""

import math

import numpy as np
import pytest
import torch

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import WIDTH
from penchant.features.reader import FeatureColumns
from penchant.interests.behaviour import Behaviour, rarity
from penchant.interests.behaviour_net import BehaviourNet, logistic_net, mlp_net
from penchant.interests.logistic import LogisticConfig, logistic
from penchant.interests.mlp import MlpConfig, mlp
from penchant.training.streams import batches, histories
from penchant.training.validation import read_interests

HOUR_S = 3600.0
SIZES = LogisticConfig(dim=4, half_lives_s=(HOUR_S, 24 * HOUR_S), dropout=0.0)
MLP = MlpConfig(dim=4, half_lives_s=(HOUR_S,), hidden=6, dropout=0.0)


def stream(n: int = 400, seed: int = 0) -> FeatureColumns:
    rng = np.random.default_rng(seed)
    return FeatureColumns(
        rng.integers(0, 20, n).astype(np.int32),
        rng.integers(0, 9, n).astype(np.int32),
        rng.integers(1, 3, n),
        rng.choice([1.0, 2.0, -1.0], n).astype(np.float32),
        rng.normal(size=n).astype(np.float32),
        np.cumsum(rng.exponential(600.0, n)),
    )


def pass_over(net: BehaviourNet, columns: FeatureColumns) -> None:
    carried: list[torch.Tensor] = []
    for batch in batches(histories(columns), 4, 16, np.random.default_rng(0)):
        carried = net.start(batch.target.shape[1]) if batch.fresh else carried
        _, carried = net(batch.packed, carried)


def served(net: BehaviourNet, sizes: LogisticConfig | MlpConfig) -> Behaviour:
    weights = {key: each.numpy() for key, each in net.state_dict().items()}
    return mlp(weights, sizes) if isinstance(sizes, MlpConfig) else logistic(weights, sizes)


@pytest.mark.parametrize("sizes", [SIZES, MLP])
def test_what_was_measured_in_training_is_served_and_never_moves_again(
    sizes: LogisticConfig | MlpConfig,
) -> None:
    torch.manual_seed(0)
    net = mlp_net(10, 2, sizes) if isinstance(sizes, MlpConfig) else logistic_net(10, 2, sizes)
    pass_over(net.train(), stream())
    measured = {key: each.clone() for key, each in net.named_buffers()}
    assert measured["batches"] == 7
    assert measured["item_counts"].sum() >= 400
    held = histories(stream(120, seed=1))
    seen = read_interests(net, held).numpy()
    for key, each in net.named_buffers():
        assert torch.equal(each, measured[key]), key
    model, f = served(net, sizes), held.events
    vectors = net.events.items.weight.detach().numpy()
    state = model.start()
    for n in range(119):
        begins = n == 0 or f.user[n] != f.user[n - 1]
        row = int(f.row[n])
        state = model.step(
            model.start() if begins else state,
            EventFeatures(
                row,
                vectors[row],
                int(f.type[n]),
                float(f.weight[n]),
                float(f.value[n]),
                f.time_s[n],
            ),
        )
        if f.user[n + 1] == f.user[n]:
            read = model.read(state, f.time_s[n + 1]).directions
            np.testing.assert_allclose(seen[n], read, atol=1e-5)


def test_events_of_items_without_a_vector_make_no_other_item_rarer() -> None:
    net = logistic_net(10, 2, SIZES).train()
    columns = stream()
    hidden = np.random.default_rng(0).random(400) < 0.3
    masked = columns._replace(row=np.where(hidden, 9, columns.row).astype(np.int32))
    pass_over(net, masked)
    assert net.item_counts[9] == 0
    counts = np.bincount(columns.row[~hidden], minlength=10)
    assert (net.item_counts.numpy() >= counts).all()  # the last event fills the last lane
    assert net.item_counts.sum() < 400


def test_features_have_mean_0_and_deviation_1_over_training() -> None:
    torch.manual_seed(0)
    net = logistic_net(9, 2, SIZES).train()
    features: list[torch.Tensor] = []
    for _ in range(10):
        pass_over(net, stream())
    net.head.register_forward_pre_hook(lambda _, given: features.append(given[0].detach()))
    pass_over(net, stream())
    z = torch.cat([each.flatten(0, 1) for each in features])
    z = z[:, :-WIDTH]  # rare waits are cut
    varies = z.std(0) > 0.01
    assert varies.sum() == len(varies) - 1  # a type that is never met says nothing
    assert z.mean(0).abs().max() < 0.15
    assert (z.std(0)[varies] - 1).abs().max() < 0.2


def test_half_of_a_sum_is_left_after_its_half_life() -> None:
    net = logistic_net(9, 2, SIZES)
    net.item_counts[:] = torch.tensor([1.0, 3, 0, 0, 0, 0, 0, 0, 0])
    model, vectors = served(net, SIZES), net.events.items.weight.detach().numpy()
    once = model.step(model.start(), EventFeatures(0, vectors[0], 1, 2.0, 0.0, 1e9))
    weight = 2 * math.log(4)  # one event in four was of this item
    np.testing.assert_allclose(once.sums[:, :4], np.tile(weight * vectors[0], (2, 1)), rtol=1e-4)
    twice = model.step(once, EventFeatures(1, vectors[1], 1, -1.0, 0.0, 1e9 + HOUR_S))
    against = math.log(4 / 3)
    wanted = 0.5 * weight * vectors[0] - against * vectors[1]
    np.testing.assert_allclose(twice.sums[0, :4], wanted, rtol=1e-4, atol=1e-5)
    assert twice.sums[0, 4] == pytest.approx(0.5 * weight + against, rel=1e-4)
    assert twice.sums[1, 4] == pytest.approx(0.5 ** (1 / 24) * weight + against, rel=1e-4)
    assert twice.counts.tolist() == [0, 2, 0]


def test_the_rarer_an_item_the_more_it_weighs() -> None:
    weights = rarity(np.float32([100, 10, 1, 0]))
    assert np.all(np.diff(weights) > 0)
    assert np.isfinite(weights).all()


def test_a_feature_that_never_varied_in_training_is_not_listened_to() -> None:
    torch.manual_seed(0)
    net = logistic_net(9, 2, SIZES)
    pass_over(net.train(), stream())
    model, vectors = served(net, SIZES), net.events.items.weight.detach().numpy()
    state = model.step(model.start(), EventFeatures(0, vectors[0], 1, 1.0, 0.0, 1e9))
    unknown = state._replace(counts=np.float32([7, 1, 0]))  # events of a type added since
    both = state._replace(counts=np.float32([0, 8, 0]))
    head = net.head.weight.detach().numpy()
    place = 2 * 4 + 2
    assert not net.variance[place]
    apart = model.read(unknown, 1e9).directions - model.read(both, 1e9).directions
    spread = net.variance.sqrt().numpy()[place + 1]
    mean = net.mean.numpy()[place + 1]
    z = np.clip((np.log1p([1, 8]) - mean) / spread, -5, 5)
    np.testing.assert_allclose(apart[0], head[:, place + 1] * (z[0] - z[1]), atol=1e-4)
    assert len(net.mean) == 2 * 5 + 3 + 1 + 4 + WIDTH
