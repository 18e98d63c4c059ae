"""A library that only an extra brings is missed in one sentence that names the extra."""

import importlib
import sys

import pytest

from penchant.core.errors import MissingExtraError


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("penchant.interests.onnx_values", "onnx", "onnx"),
        ("penchant.training.figures", "matplotlib.figure", "report"),
        ("penchant.training.run_folder", "tensorboardX", "report"),
        ("penchant.training.tune", "optuna", "tune"),
    ],
)
def test_without_the_extra_one_sentence_names_it(
    module: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    name = library.partition(".")[0]
    with pytest.raises(MissingExtraError, match=rf"{name}.*pip install 'penchant\[{extra}\]'"):
        importlib.import_module(module)
