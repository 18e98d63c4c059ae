import pytest
import torch
from torch.nn import functional as F

from penchant.nn import softmax
from penchant.nn.softmax import Taught, full_cross_entropy, full_cross_entropy_of_several


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    queries, table, bias = torch.randn(70, 8), torch.randn(33, 8), torch.randn(33)
    target = torch.randint(0, 33, (70,))
    return queries.requires_grad_(), table.requires_grad_(), bias.requires_grad_(), target


def plain(case: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    queries, table, bias, target = case
    loss = F.cross_entropy(queries @ table.T + bias, target)
    return loss, list(torch.autograd.grad(loss, [queries, table, bias]))


@pytest.mark.parametrize("cells", [600, 1_500_000])  # many chunks, and one
def test_loss_and_gradients_are_those_of_the_whole_matrix(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softmax, "CHUNK_CELLS", cells)
    queries, table, bias, target = case()
    wanted, slopes = plain((queries, table, bias, target))
    loss = full_cross_entropy(queries, table, bias, target)
    torch.testing.assert_close(loss, wanted)
    for made, slope in zip(torch.autograd.grad(loss, [queries, table, bias]), slopes, strict=True):
        torch.testing.assert_close(made, slope)


def test_products_in_bfloat16_are_near() -> None:
    queries, table, bias, target = case()
    wanted, slopes = plain((queries, table, bias, target))
    loss = full_cross_entropy(queries, table, bias, target, torch.bfloat16)
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=0.01)
    for made, slope in zip(torch.autograd.grad(loss, [queries, table, bias]), slopes, strict=True):
        assert made.dtype == torch.float32
        assert float((made - slope).norm() / slope.norm()) < 0.03


def test_logits_that_would_overflow_an_exponential_have_a_finite_loss() -> None:
    queries, table = torch.full((2, 4), 20.0), torch.eye(4)[:3] * 20
    loss = full_cross_entropy(queries, table, torch.zeros(3), torch.tensor([0, 2]))
    assert float(loss) == pytest.approx(1.0986, abs=1e-3)


@pytest.mark.parametrize("cells", [1200, 1_500_000])  # many chunks, and one
def test_of_several_queries_the_largest_product_counts_and_learns(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softmax, "CHUNK_CELLS", cells)
    _, table, bias, target = case()
    queries = torch.randn(70, 3, 8).requires_grad_()
    wanted = F.cross_entropy((queries @ table.T).amax(1) + bias, target)
    slopes = torch.autograd.grad(wanted, [queries, table, bias])
    loss = full_cross_entropy_of_several(queries, table, bias, target)
    torch.testing.assert_close(loss, wanted)
    for made, slope in zip(torch.autograd.grad(loss, [queries, table, bias]), slopes, strict=True):
        torch.testing.assert_close(made, slope)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("cells", [600, 1_500_000])  # many chunks, and one
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_what_another_model_answers_counts_beside_the_targets(
    weight: float, cells: int, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softmax, "CHUNK_CELLS", cells)
    queries, table, bias, target = case()
    taught = Taught(torch.randn(70, 2, 5), torch.randn(33, 5), torch.randn(33), weight)
    soft = ((taught.queries @ taught.table.T).amax(1) + taught.bias).softmax(1)
    if several:
        queries = torch.randn(70, 3, 8).requires_grad_()
        logits = (queries @ table.T).amax(1) + bias
        loss = full_cross_entropy_of_several(queries, table, bias, target, taught=taught)
    else:
        logits = queries @ table.T + bias
        loss = full_cross_entropy(queries, table, bias, target, taught=taught)
    hard = F.cross_entropy(logits, target)
    wanted = (1 - weight) * hard + weight * F.cross_entropy(logits, soft)
    torch.testing.assert_close(loss, wanted)
    inputs = [queries, table, bias]
    slopes = torch.autograd.grad(wanted, inputs)
    for made, slope in zip(torch.autograd.grad(loss, inputs), slopes, strict=True):
        torch.testing.assert_close(made, slope)
