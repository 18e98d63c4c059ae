"""The topic average in torch, so that its rates and its fading can be learned."""

import torch
from torch import Tensor, nn

from penchant.interests.sequence_net import Carried, Packed


class TopicNet(nn.Module):
    """Walks lanes of events exactly as `TopicAverage` does; rates by event type and tau learn."""

    prior: Tensor

    def __init__(
        self,
        prior: Tensor,
        types: int,
        rate: float,
        tau_s: float,
        prior_mass: float = 2.0,
        memory: float = 200.0,
    ) -> None:
        """`prior` (T,); every type begins with `rate`. Of what is fixed, the serving model's."""
        super().__init__()
        self.register_buffer("prior", prior)
        self.rate_logits = nn.Parameter(torch.full((types + 1,), rate).logit())
        self.log_tau_s = nn.Parameter(torch.tensor(tau_s).log())
        self.prior_mass, self.memory = prior_mass, memory

    def start(self, lanes: int) -> Carried:
        """Of `lanes` strangers: short and long interest, evidence, when it moved and was seen."""
        never = torch.full((lanes,), -torch.inf, dtype=torch.float64)
        here = self.prior.expand(lanes, -1)
        return [here, here, torch.zeros(lanes), never, never]

    def forward(self, v: Tensor, packed: Packed, start: Carried) -> tuple[Tensor, Carried]:
        """Interests at every query from memberships `v`: (T, B, K) -> (T, B, K), and the state."""
        fresh = self.start(v.shape[1])
        keeps = nn.functional.logsigmoid(-self.rate_logits)[packed.type]  # log(1 - a), (T, B)
        state, read = start, []
        for t in range(len(v)):
            first = packed.first[t]
            state = [
                torch.where(first[:, None] if old.ndim > 1 else first, new, old)
                for new, old in zip(fresh, state, strict=True)
            ]
            state = self._moved(state, v[t], keeps[t], packed.weight[t], packed.time_s[t])
            read.append(self._faded(state, torch.maximum(packed.query_s[t], state[4])))
        return torch.stack(read), [each.detach() for each in state]

    def _moved(
        self, state: Carried, v: Tensor, keep: Tensor, weight: Tensor, time_s: Tensor
    ) -> Carried:
        """One event of every lane; `keep` is log(1 - a)."""
        short, long, mass, moved_s, seen_s = state
        now_s = torch.maximum(time_s, seen_s)
        strength = weight.abs()
        left, mass_left = self._left(mass, moved_s, now_s)
        keep = (strength * keep).exp()
        slow = (strength / (mass_left + strength).clamp(min=1e-9))[:, None]
        short_on = torch.lerp(v, short, (keep * left)[:, None])
        long_on = torch.lerp(long, v, slow)
        against = (weight < 0)[:, None]
        if bool(against.any()):
            faded = self._faded(state, now_s)
            short_off = torch.lerp(_away(faded, v), faded, keep[:, None])
            short_on = torch.where(against, short_off, short_on)
            long_on = torch.where(against, torch.lerp(long, _away(long, v), slow), long_on)
        moves = weight != 0
        return [
            torch.where(moves[:, None], short_on, short),
            torch.where(moves[:, None], long_on, long),
            torch.where(moves, (mass_left + strength).clamp(max=self.memory), mass),
            torch.where(moves, now_s, moved_s),
            now_s,
        ]

    def _left(self, mass: Tensor, moved_s: Tensor, now_s: Tensor) -> tuple[Tensor, Tensor]:
        """exp(-dt / tau), and the evidence that is left: (B,), (B,); a stranger does not age."""
        elapsed_s = torch.where(mass > 0, now_s - moved_s, 0.0).float()
        tau_s = self.log_tau_s.exp()
        return (-elapsed_s / tau_s).exp(), mass * (-elapsed_s / (20 * tau_s)).exp()

    def _faded(self, state: Carried, now_s: Tensor) -> Tensor:
        """The interest as of `now_s`: (B, K)."""
        short, long, mass, moved_s, _ = state
        left, mass_left = self._left(mass, moved_s, now_s)
        trusted = mass_left / (mass_left + self.prior_mass)
        return torch.lerp(torch.lerp(self.prior, long, trusted[:, None]), short, left[:, None])


def _away(u: Tensor, v: Tensor) -> Tensor:
    """What is left of `u` without the topics of `v`, as `topic_average` has it: (B, K)."""
    left, rest = u * (1 - v), 1 - v
    total, total_rest = left.sum(-1, keepdim=True), rest.sum(-1, keepdim=True)
    spare = torch.where(total_rest > 1e-6, rest / total_rest.clamp(min=1e-6), u)
    return torch.where(total > 1e-6, left / total.clamp(min=1e-6), spare)
