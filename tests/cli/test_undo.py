"""`penchant undo` takes one event back for good."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

from penchant.engine.engine import Engine

Run = Callable[..., Result]

Ask = Callable[..., dict[str, Any]]


def test_an_event_is_gone_and_a_resend_stays_out(run: Run, ask: Ask, small: Path) -> None:
    run("ingest", small)
    with Engine.open("penchant.db") as engine:
        event = engine.history("ann")[0].id
    assert ask("undo", event) == {"event": event, "undone": True}
    again = ask("ingest", small)
    assert (again["new"], again["known"], again["undone_before"]) == (0, 5, 1)
    with Engine.open("penchant.db") as engine:
        assert [e.item for e in engine.history("ann")] == ["m2", "m3"]


def test_an_unknown_event_is_an_error(run: Run, ask: Ask, small: Path) -> None:
    run("ingest", small)
    assert "no event has the id 'x'" in ask("undo", "x", code=1)["error"]
