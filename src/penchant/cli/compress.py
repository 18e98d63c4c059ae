"""`penchant compress`: the item table in a quarter or a sixteenth of its bytes, and served so."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from penchant.cli.options import DATABASE, AsJson, Config, Db

EXAMPLE = "penchant compress --table int8 --db films.db"


def compress(
    kind: Annotated[
        str,
        typer.Option(
            "--table",
            help="int8: one byte for each number; pq: one for four of them (product quantisation).",
        ),
    ],
    db: Db = DATABASE,
    artifact: Annotated[
        str | None,
        typer.Option("--artifact", help="The one to compress; without it the one that serves."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Publish a trained model again with its item table as codes, and serve with it.

    A pq table is made exact for what users of this log want; events of some of them are replayed to
    see it. The artifact it was made from stays beside the new one. Training that begins from a
    compressed artifact decodes its table first; what it learns is float32 until it is compressed.
    """
    from penchant.cli.opening import open_engine
    from penchant.cli.terminal import Stopwatch, print_json
    from penchant.core.ids import ArtifactId
    from penchant.engine.compress import compressed, use_of

    watch = Stopwatch()
    with open_engine(db, config) as engine:
        source = ArtifactId(artifact) if artifact is not None else engine.artifact
        learned, use = engine.learned(source), None
        if kind == "pq" and learned.table is None:
            use = use_of(learned, engine.columns(), engine.config.signals)
        coded = compressed(learned, kind, source, use)
        made = engine.publish(coded)
    items, dim = coded.vectors.shape
    found = {"artifact": made, "items": items, "dim": dim, **coded.card["table"]}
    if as_json:
        print_json({**found, "seconds": watch.seconds()})
    else:
        _show(found, watch.seconds())


def _show(found: Mapping[str, Any], seconds: float) -> None:
    from penchant.cli.terminal import stdout, table

    out = stdout()
    out.print(f"{found['artifact']}, in {seconds:,.1f} s\n", markup=False)
    rows = [
        ("made from", found["of"]),
        ("items", f"{found['items']:,} of {found['dim']} numbers"),
        ("as float32", f"{found['float32_bytes']:,} bytes"),
        (f"as {found['kind']}", f"{found['items_bytes']:,} bytes"),
        ("to decode them", f"{found['codebook_bytes']:,} bytes"),
    ]
    out.print(table({"item table": "left", "": "fold"}, rows))
