"""`penchant recommend`: a slate for one user."""

from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, ClockName, Config, Db

if TYPE_CHECKING:
    from penchant.core.slates import Slate

EXAMPLE = "penchant recommend u1 -n 5 --reasons"


def recommend(  # noqa: PLR0913  the command line of one command
    user: Annotated[str, typer.Argument(help="Whose; a stranger gets what is trending.")],
    db: Db = DATABASE,
    n: Annotated[int, typer.Option("-n", help="How many items.")] = 10,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="An item that must not appear.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", help="Only items of it, or of these.")
    ] = None,
    no_repeats: Annotated[
        bool, typer.Option("--no-repeats", help="Without items that the user has taken.")
    ] = False,
    diversity: Annotated[
        float, typer.Option("--diversity", help="From 0, relevance, to 1, variety; with a model.")
    ] = 0.0,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Say which events put an item there.")
    ] = False,
    next_: Annotated[
        str | None, typer.Option("--next", help="The token of the page before.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--after", help="The cursor of an event that must be known.")
    ] = None,
    clock: ClockName = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Recommend items to one user, knowing every event of theirs."""
    from penchant.cli.opening import open_or_ask, warn_if_old
    from penchant.cli.terminal import print_json

    with open_or_ask(db, config, clock) as engine:
        warn_if_old(engine)
        slate = engine.recommend(
            user,
            n,
            exclude=exclude or (),
            categories=category or (),
            repeats=not no_repeats,
            diversity=diversity,
            reasons=reasons,
            next=next_,
            after=after,
        )
    if as_json:
        print_json(slate.to_dict())
    else:
        _show(slate, reasons)


def _show(slate: "Slate", reasons: bool) -> None:
    from penchant.cli.terminal import stdout, table

    out = stdout()
    if not slate.items:
        out.print(
            f"no item is left for {slate.user}: each is excluded, unavailable, taken before or of "
            "another category",
            markup=False,
        )
        return
    head = {"": "right", "item": "fold", "categories": "fold", "score": "right", "source": "left"}
    rows = []
    for place, item in enumerate(slate.items, start=1):
        name = item.item if item.title is None else f"{item.title}  [{item.item}]"
        row = [place, name, ", ".join(item.categories), f"{item.score:.3f}", item.source]
        rows.append([*row, "; ".join(why.sentence() for why in item.reasons)] if reasons else row)
    out.print(table({**head, "why": "fold"} if reasons else head, rows))
    made = f"made with {slate.artifact}" if slate.artifact else "nothing is trained yet"
    out.print(f"\nknows events up to {slate.state_cursor}; {made}", markup=False)
    if slate.next:
        out.print(f"more: --next {slate.next}", markup=False, soft_wrap=True)
