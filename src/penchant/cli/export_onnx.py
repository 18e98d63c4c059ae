"""`penchant export-onnx`: the interest model for programs in other languages."""

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.options import AsJson, Config

EXAMPLE = "penchant export-onnx shop.db.artifacts/20260501T120000Z-0123456789ab shop-model"


def export_onnx(
    artifact: Annotated[
        Path, typer.Argument(help="A published model: a folder in NAME.db.artifacts.")
    ],
    folder: Annotated[Path, typer.Argument(help="Where to; made where it is not there.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write the interest model's step and read as ONNX, for any language that runs it.

    `step.onnx` moves states by an event, `read.onnx` reads interests from them, `model.json` says
    what goes in and comes out and what a caller does around them; `items.safetensors` and
    `items.json` are the items' vectors and ids. Signals are those of the settings. For the models
    recurrent, lru, gru and lstm; needs the extra `onnx`.
    """
    from penchant.cli.settings import load_settings
    from penchant.cli.terminal import print_json, stdout
    from penchant.engine.export_onnx import export_onnx as export

    told = export(artifact, folder, load_settings(config).signals)
    if as_json:
        print_json({"folder": str(folder), **told})
        return
    items = told["items"]["biases"][0]
    stdout().print(
        f"{folder}: step and read of {told['artifact']} ({told['model']}), vectors of {items:,} "
        "items, and model.json, which says how to use them",
        markup=False,
        soft_wrap=True,
    )
