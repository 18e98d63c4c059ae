import numpy as np
import pytest
import torch

from penchant.core.contracts import EventFeatures
from penchant.features.reader import FeatureColumns
from penchant.interests.topic_average import TopicAverage
from penchant.interests.topic_net import TopicNet
from penchant.training.streams import histories, whole_histories

ITEMS, TOPICS, TYPES = 15, 5, 2
DAY_S = 86_400.0


def columns(n: int = 160, seed: int = 0) -> FeatureColumns:
    """Users whose events are for, against and neither, with waits of every length."""
    rng = np.random.default_rng(seed)
    return FeatureColumns(
        rng.integers(0, 12, n).astype(np.int32),
        rng.integers(0, ITEMS, n).astype(np.int32),
        rng.integers(0, TYPES + 1, n),
        rng.choice([1.0, 2.0, -1.0, 0.0, 0.5], n).astype(np.float32),
        np.zeros(n, np.float32),
        1e9 + np.cumsum(rng.choice([0.0, 60.0, DAY_S, 40 * DAY_S], n)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_what_is_learned_from_is_what_the_topic_average_reads(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.ones(TOPICS)).astype(np.float32)
    vectors = rng.normal(size=(ITEMS, 4)).astype(np.float32)
    net = TopicNet(torch.from_numpy(prior), TYPES, 0.2, 3 * DAY_S)
    with torch.no_grad():
        net.rate_logits += torch.randn(TYPES + 1)
    rates = torch.sigmoid(net.rate_logits).tolist()
    matrix = 2 * rng.normal(size=(TOPICS, 4)).astype(np.float32)
    one = TopicAverage(matrix, np.zeros(TOPICS, np.float32), rates, 3 * DAY_S, prior)
    held = histories(columns(seed=seed))
    f, v = held.events, torch.from_numpy(one.memberships(vectors))
    read = np.zeros((len(f.row), TOPICS), np.float32)
    carried: list[torch.Tensor] = []
    for batch in whole_histories(held, 3, 7):
        carried = net.start(batch.target.shape[1]) if batch.fresh else carried
        out, carried = net(v[batch.packed.row], batch.packed, carried)
        inside = batch.place >= 0
        read[batch.place[inside]] = out.detach()[torch.from_numpy(inside)].numpy()
    state = one.start()
    for n in range(len(f.row)):
        begins = n == 0 or f.user[n] != f.user[n - 1]
        ends = n + 1 == len(f.row) or f.user[n + 1] != f.user[n]
        event = EventFeatures(
            0, vectors[f.row[n]], int(f.type[n]), float(f.weight[n]), 0.0, float(f.time_s[n])
        )
        state = one.step(one.start() if begins else state, event)
        if not ends:
            wanted = one.read(state, float(f.time_s[n + 1])).directions[0]
            np.testing.assert_allclose(read[n], wanted, atol=1e-5)
