"""`penchant explain`: which events put an item where it stands for one user."""

from dataclasses import asdict
from typing import Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, ClockName, Config, Db

EXAMPLE = "penchant explain u1 0113277"


def explain(
    user: Annotated[str, typer.Argument(help="For whom.")],
    item: Annotated[str, typer.Argument(help="The id of an item.")],
    db: Db = DATABASE,
    n: Annotated[int, typer.Option("-n", help="Places of the slate that is looked at.")] = 10,
    clock: ClockName = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say which events decide an item's place, checked by removing them."""
    from penchant.cli.opening import open_or_ask, warn_if_old
    from penchant.cli.terminal import print_json, stdout

    with open_or_ask(db, config, clock) as engine:
        warn_if_old(engine)
        title = engine.item(item).title
        reasons = engine.explain(user, item, n)
    if as_json:
        told = [{**asdict(reason), "sentence": reason.sentence()} for reason in reasons]
        print_json({"user": user, "item": item, "title": title, "reasons": told})
        return
    out = stdout()
    for reason in reasons:
        out.print(f"{title or item}: {reason.sentence()}", markup=False)
    if not reasons:
        out.print(
            f"no small set of events decides where {title or item} stands for {user}: without any "
            "of them it stands as well, or it is not within reach of the slate",
            markup=False,
        )
