"""Learn how fast the topic average moves, by event type, and how fast it fades."""

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from penchant.core.interests import Vectors
from penchant.interests.topic_average import TopicPace
from penchant.interests.topic_net import TopicNet
from penchant.training.streams import Histories, batches

LANES, LENGTH = 64, 64
STEP = 0.05
"""Of Adam, in log-odds of a rate and the logarithm of tau; 100 steps can go anywhere."""
BEGIN = TopicPace()
"""Where learning begins, and where types stay that are not met."""


def learn_pace(
    memberships: Vectors,
    prior: NDArray[np.float32],
    held: Histories,
    types: int,
    rng: Generator,
    passes: int = 4,
    step: float = STEP,
) -> TopicPace:
    """Rates by event type and tau by gradient of the likelihood of each next positive event.

    `memberships` (N, T) of the items by row, `prior` (T,). An interest u says of item i
    p(i) = sum_t u_t p(i | t) with p(i | t) = n_i v_it / sum_j n_j v_jt, n_i the item's events in
    `held`. Gradients go back to the beginning of each stretch of `LENGTH` events.
    """
    v = torch.from_numpy(memberships)
    counts = np.bincount(held.events.row, minlength=len(v)).astype(np.float32)
    spoken = v * torch.from_numpy(counts)[:, None]
    spoken = spoken / spoken.sum(0).clamp(min=1e-9)  # (N, T) p(i | t)
    net = TopicNet(torch.from_numpy(prior), types, BEGIN.rates[0], BEGIN.tau_s)
    optimiser = torch.optim.Adam(net.parameters(), lr=step)
    state: list[Tensor] = []
    for _ in range(passes):
        for batch in batches(held, LANES, LENGTH, rng):
            state = net.start(batch.target.shape[1]) if batch.fresh else state
            read, state = net(v[batch.packed.row], batch.packed, state)
            wanted = batch.target >= 0
            if not bool(wanted.any()):
                continue
            chance = (read[wanted] * spoken[batch.target[wanted]]).sum(-1)
            loss = -chance.clamp(min=1e-12).log().mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    rates = torch.sigmoid(net.rate_logits.detach()).clamp(max=0.99)
    return TopicPace(tuple(rates.tolist()), float(net.log_tau_s.detach().exp()))
