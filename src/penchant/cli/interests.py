"""`penchant interests`: what one user wants, as a person can read it."""

from typing import Annotated, Any

import typer

from penchant.cli.options import DATABASE, AsJson, ClockName, Config, Db

EXAMPLE = "penchant interests u1 --clock log"
EVIDENCE = 3
"""Items that are named for each interest."""


def interests(
    user: Annotated[str, typer.Argument(help="Whose; a stranger has none.")],
    db: Db = DATABASE,
    clock: ClockName = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List one user's interests with weight, trend, half-life and evidence."""
    from penchant.cli.opening import open_or_ask, warn_if_old
    from penchant.cli.terminal import print_json, stdout, table

    with open_or_ask(db, config, clock) as engine:
        warn_if_old(engine)
        told = engine.profile(user)
        found, following = told["interests"], told["next_behaviour"]
        artifact, events = engine.artifact, len(engine.history(user))
    if as_json:
        about = {"user": user, "artifact": artifact, "events": events}
        print_json({**about, "interests": found, "next_behaviour": following})
        return
    if not found:
        stdout().print(_why_none(user, artifact, events), markup=False)
        return
    head = {"interest": "fold", "weight": "right", "share": "right", "trend": "left"}
    rest = {"half-life": "right", "in a week": "right", "evidence": "fold"}
    stdout().print(table({**head, **rest}, [_row(one) for one in found]))
    if following is not None:
        stdout().print(f"\n{_following(following)}", markup=False)


def _row(one: dict[str, Any]) -> list[str]:
    days = one["half_life_days"]
    named = [item["title"] or item["item"] for item in one["evidence"][:EVIDENCE]]
    return [
        one["label"],
        f"{one['weight']:.3f}",
        f"{one['share']:.0%}",
        one["trend"]["direction"],
        "" if days is None else f"{days:,.0f} days",
        f"{one['weight_in_a_week']:.3f}",
        "; ".join(named),
    ]


def _following(behaviour: dict[str, Any]) -> str:
    """As `next: view 71 %, purchase 20 %, some 3.2 hours after the latest event`."""
    likely = [f"{name} {chance:.0%}" for name, chance in behaviour["types"].items()][:EVIDENCE]
    hours = behaviour["gap_s"] / 3600
    after = f"{hours / 24:,.1f} days" if hours >= 48 else f"{hours:,.1f} hours"
    return f"next: {', '.join(likely)}, some {after} after the latest event"


def _why_none(user: str, artifact: str | None, events: int) -> str:
    if not events:
        return f"{user} is a stranger: no event of theirs is in the log"
    if artifact is None:
        return "topics are learned by `penchant train`, and nothing is trained yet"
    return f"none of the {events:,} events of {user} speaks for an item known to the model"
