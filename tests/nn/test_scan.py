import numpy as np
import pytest
import torch

from penchant.nn.scan import _Walk, doubling_scan, linear_scan


def inputs(length: int, seed: int, lanes: int = 3, size: int = 4) -> tuple[torch.Tensor, ...]:
    rng = torch.Generator().manual_seed(seed)
    shape = (length, lanes, size)
    gates = torch.rand(shape, generator=rng, dtype=torch.float64)
    gates[torch.rand(shape[:2], generator=rng) < 0.2] = 0.0  # a new user begins here
    values = torch.randn(shape, generator=rng, dtype=torch.float64)
    start = torch.randn(shape[1:], generator=rng, dtype=torch.float64)
    return tuple(tensor.requires_grad_() for tensor in (gates, values, start))


def by_hand(gates: np.ndarray, values: np.ndarray, start: np.ndarray) -> np.ndarray:
    out, h = [], start
    for a, b in zip(gates, values, strict=True):
        h = a * h + b
        out.append(h)
    return np.stack(out)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13, 64])
def test_walking_and_doubling_are_the_recurrence_and_have_one_gradient(length: int) -> None:
    gradients = []
    for scan in (linear_scan, doubling_scan):
        gates, values, start = inputs(length, seed=length)
        out = scan(gates, values, start)
        wanted = by_hand(*(each.detach().numpy() for each in (gates, values, start)))
        np.testing.assert_allclose(out.detach().numpy(), wanted, atol=1e-12)
        pull = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).double()
        gradients.append(torch.autograd.grad((out * pull).sum(), (gates, values, start)))
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, atol=1e-10, rtol=0.0)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_gradient_of_the_walk_is_that_of_finite_differences(length: int) -> None:
    assert torch.autograd.gradcheck(_Walk.apply, inputs(length, seed=7, lanes=2, size=2))


def complex_inputs(length: int, seed: int) -> tuple[torch.Tensor, ...]:
    real = inputs(length, seed, lanes=2, size=2)
    imaginary = inputs(length, seed + 1, lanes=2, size=2)
    return tuple(
        torch.complex(one.detach(), two.detach()).requires_grad_()
        for one, two in zip(real, imaginary, strict=True)
    )


@pytest.mark.parametrize("length", [1, 2, 5])
def test_of_complex_numbers_it_is_the_recurrence_with_the_gradient_of_finite_differences(
    length: int,
) -> None:
    gates, values, start = complex_inputs(length, seed=11)
    wanted = by_hand(*(each.detach().numpy() for each in (gates, values, start)))
    for scan in (linear_scan, doubling_scan):
        np.testing.assert_allclose(scan(gates, values, start).detach().numpy(), wanted, atol=1e-12)
    assert torch.autograd.gradcheck(_Walk.apply, (gates, values, start))


def test_a_scan_in_two_parts_that_hands_its_state_on_is_one_scan() -> None:
    gates, values, start = inputs(20, seed=3)
    whole = linear_scan(gates, values, start)
    first = linear_scan(gates[:9], values[:9], start)
    second = linear_scan(gates[9:], values[9:], first[-1])
    torch.testing.assert_close(torch.cat([first, second]), whole, atol=1e-12, rtol=0.0)
