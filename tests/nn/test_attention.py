"""Banded attention, against the same written out pair by pair."""

import pytest
import torch

from penchant.nn.attention import FAR, BandedAttention, band

HEADS, DIM, WINDOW, LENGTH = 2, 8, 4, 6


def test_a_band_names_each_distance_and_hides_the_rest() -> None:
    places = torch.tensor([0.0, 1.0, 2.0])  # of distances 0, 1, 2
    x = FAR
    assert band(places, 3).tolist() == [
        [2.0, 1.0, 0.0, x, x],
        [x, 2.0, 1.0, 0.0, x],
        [x, x, 2.0, 1.0, 0.0],
    ]


@pytest.mark.parametrize("pointwise", [False, True])
def test_each_position_is_a_mean_of_the_values_it_sees(pointwise: bool) -> None:
    torch.manual_seed(0)
    made = BandedAttention(DIM, HEADS, pointwise)
    x = torch.randn(LENGTH, 1, DIM)
    before = (torch.randn(1, WINDOW - 1, DIM), torch.randn(1, WINDOW - 1, DIM))
    bias = band(torch.randn(HEADS, WINDOW), LENGTH)[:, None]
    seen = torch.full((1, LENGTH), WINDOW)
    said, (keys, values) = made(x, before, bias, seen)
    query, key, _, *gate = made.into(x[:, 0]).chunk(4 if pointwise else 3, -1)
    assert torch.equal(keys[0], torch.cat([before[0][0], key]))
    for t in range(LENGTH):
        found = []
        for h in range(HEADS):
            own = slice(h * DIM // HEADS, (h + 1) * DIM // HEADS)
            near = slice(t, t + WINDOW)  # of the keys, those at distance WINDOW - 1 to 0
            scores = keys[0, near, own] @ query[t, own] / (DIM // HEADS) ** 0.5
            scores = scores + bias[h, 0, t, near]
            shares = torch.nn.functional.silu(scores) / WINDOW if pointwise else scores.softmax(0)
            found.append(shares @ values[0, near, own])
        wanted = made.norm(torch.cat(found))
        if pointwise:
            wanted = wanted * torch.nn.functional.silu(gate[0][t])
        torch.testing.assert_close(said[t, 0], made.out(wanted), atol=1e-5, rtol=1e-4)


def test_what_is_far_has_no_gradient() -> None:
    torch.manual_seed(0)
    for pointwise in (False, True):
        made = BandedAttention(DIM, HEADS, pointwise)
        x = torch.randn(LENGTH, 1, DIM, requires_grad=True)
        before = (torch.zeros(1, WINDOW - 1, DIM), torch.zeros(1, WINDOW - 1, DIM))
        bias = band(torch.zeros(HEADS, WINDOW), LENGTH)[:, None]
        said, _ = made(x, before, bias, torch.full((1, LENGTH), WINDOW))
        said[4].sum().backward()
        assert x.grad is not None
        assert (x.grad[:, 0].abs().sum(-1) > 0).tolist() == [False, True, True, True, True, False]
