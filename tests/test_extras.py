"""What is loaded: an extra's library is missed in one sentence; a server needs none to learn."""

import importlib
import subprocess
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


def test_a_server_loads_no_library_that_only_tables_and_training_need() -> None:
    code = (
        "import sys, penchant.serving.app, penchant.serving.server;"
        "print([name for name in ('torch', 'polars', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
