import pytest
import torch

from penchant.training.hardware import Hardware, hardware


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_a_precision_that_was_asked_for_is_used(asked: str) -> None:
    assert hardware(asked).products == getattr(torch, asked)


def test_auto_is_one_of_the_two_and_says_which() -> None:
    chosen = hardware("auto")
    assert chosen.products in (torch.float32, torch.bfloat16)
    assert chosen.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_what_was_chosen_is_told_in_words() -> None:
    assert str(Hardware(torch.device("cpu"), torch.bfloat16)) == "cpu, products in bfloat16"
