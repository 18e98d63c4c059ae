"""`penchant forget`: erase one user, and say what remains."""

from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import DATABASE, AsJson, Config, Db
from penchant.core.errors import ConfigError

if TYPE_CHECKING:
    from penchant.core.contracts import Receipt

EXAMPLE = "penchant forget u1 --yes"


def forget(
    user: Annotated[str, typer.Argument(help="Who is erased.")],
    db: Db = DATABASE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; --json needs it.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Erase a user from log, states, counts and rejected lines; the receipt says what remains."""
    from penchant.cli.opening import open_or_ask
    from penchant.cli.terminal import print_json

    if as_json and not yes:
        raise ConfigError(
            f"{user} was not erased: with --json nobody is asked; add --yes to erase them"
        )
    with open_or_ask(db, config) as engine:
        if not yes:
            events = len(engine.history(user))
            question = f"Erase {user} and {events:,} events for good?"
            typer.confirm(question, abort=True, err=True)
        receipt = engine.forget(user)
    if as_json:
        print_json(receipt._asdict())
    else:
        _show(receipt)


def _show(receipt: "Receipt") -> None:
    from penchant.cli.terminal import stdout

    out = stdout()
    out.print(
        f"{receipt.user}: {receipt.events:,} events and {receipt.states:,} states erased",
        markup=False,
    )
    for sentence in receipt.remains or ("nothing remains",):
        out.print(f"- {sentence}", markup=False)
