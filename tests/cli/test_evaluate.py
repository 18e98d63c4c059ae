"""`penchant evaluate` measures on a source or a log, and its rows can be read and kept."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import Result

from penchant.cli.evaluate import by_row
from penchant.cli.evaluation_tables import headline, report, tabled
from penchant.core.events import EventColumns
from penchant.core.ids import ItemId
from penchant.core.items import Item

Run = Callable[..., Result]
Ask = Callable[..., dict[str, Any]]
TINY = """
[training]
ease_items = 100
[training.recurrent]
dim = 8
state = 8
hidden = 8
[training.schedule]
epochs = 1
"""


def row(model: str, variant: str, subset: str, ndcg: float) -> dict[str, Any]:
    given = {"model": model, "variant": variant, "subset": subset, "ndcg@10": ndcg}
    return {**given, "hr@10": 2 * ndcg, "ci95": [ndcg - 0.01, ndcg + 0.01], "by_seed": [ndcg]}


def test_the_table_lists_the_best_state_first_and_all_events_before_first_ones() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(
        report(
            [
                row("ease", "frozen", "all", 0.5),
                row("habit", "state", "first_of_group", 0.4),
                row("popular", "state", "all", 0.1),
                row("engine", "state", "all", 0.2),
            ]
        )
    )
    names = [line.split()[1] for line in console.export_text().splitlines()[1:]]
    assert names == ["engine", "popular", "ease", "habit"]


CI = [0.1, 0.2]
MEANS = [0.2, 0.1, None]
TABLES = {
    "leave-one-out": ({"ndcg@10_ci95": CI, "hr@10": 0.3, "hr@10_ci95": CI}, "0.3000"),
    "prequential": (
        {
            "variant": "state",
            "by_window": [0.1, 0.24],
            "worst_window": 0.1,
            "slope": -0.05,
            "slope_ci95": CI,
            "less_engine": 0.02,
            "less_engine_ci95": CI,
        },
        "0.100 0.240",
    ),
    "cold": (
        {"of": "items", "bucket": "1-5", "events": 9, "control": "ids", "ci95": CI},
        "items with 1-5",
    ),
    "shuffle": (
        {"shuffled_ndcg@10": 0.1, "lost_share": 0.41, "lost": 0.07, "lost_ci95": CI},
        "+41%",
    ),
    "drift": (
        {
            "recovered_after": None,
            "area_lost": 0.5,
            "area_lost_ci95": CI,
            "native": MEANS,
            "spliced": MEANS,
            "frozen": MEANS,
        },
        "never",
    ),
}


@pytest.mark.parametrize("protocol", TABLES)
def test_every_protocol_has_a_table_and_a_headline(protocol: str) -> None:
    said, shows = TABLES[protocol]
    facts = {"data": "films", "repeats": "drop", "seeds": [0], "events": 20, "users": 4}
    result = {
        **facts,
        "protocol": protocol,
        "query_time": "the target",
        "splices": 1000,
        "rows": [{"model": "ease", "ndcg@10": 0.17, **said}],
    }
    console = Console(width=240, record=True, file=io.StringIO())
    console.print(headline(result))
    console.print(tabled(result))
    text = console.export_text()
    assert text.startswith(f"films, {protocol}: ")
    assert shows in text
    assert "ease" in text


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["leave-one-out", "shuffle"])
def test_a_protocol_is_chosen_by_name(ask: Ask, films: Path, tmp_path: Path, protocol: str) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:2_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    told = ask("evaluate", "some.csv", "--protocol", protocol, "--models", "popular,recurrent")
    assert told["protocol"] == protocol
    assert [row["model"] for row in told["rows"]] == ["popular", "recurrent"]


def test_items_come_in_the_order_of_the_rows_and_unknown_ones_are_their_id() -> None:
    nothing = np.zeros(0)
    ids = [ItemId("b"), ItemId("x"), ItemId("a")]
    columns = EventColumns(
        nothing.astype(np.int32),
        nothing.astype(np.int32),
        nothing.astype(np.int16),
        nothing.astype(np.float32),
        nothing,
        [],
        ids,
        [],
    )
    a, b = Item(ItemId("a"), "A"), Item(ItemId("b"), "B")
    assert by_row(columns, [a, b]) == [b, Item(ItemId("x")), a]


@pytest.mark.slow
def test_the_same_events_from_a_file_and_from_a_log_give_the_same_rows(
    run: Run, ask: Ask, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:2_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    chosen = ("--models", "engine,popular", "--seeds", "0,1", "--repeats", "drop")
    told = ask("evaluate", "some.csv", *chosen, "--out", "result.json")
    assert told["protocol"] == "successive"
    assert (told["data"], told["repeats"], told["seeds"]) == ("some.csv", "drop", [0, 1])
    assert {one["model"] for one in told["rows"]} == {"engine", "popular"}
    assert json.loads((tmp_path / "result.json").read_text()) == told
    run("ingest", "some.csv")
    logged = ask("evaluate", "--db", "penchant.db", *chosen)
    assert logged["events"] == told["events"]
    popular = [one for one in told["rows"] if one["model"] == "popular"]
    assert [one for one in logged["rows"] if one["model"] == "popular"] == popular


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "either a source or --db"),
        (("movietweetings", "--db", "x.db"), "either a source or --db"),
        (("--db", "x.db", "--order", "seq"), "say how to read a file"),
        (("movietweetings", "--seeds", "one"), "--seeds 'one'"),
        (("movietweetings", "--seeds", "0,-1"), "--seeds '0,-1'; allowed are whole numbers from 0"),
        (("movietweeting",), "did you mean 'movietweetings'?"),
        (("--db", "x.db"), "x.db does not exist"),
        (("movietweetings", "--query-time"), "--query-time with --protocol successive"),
    ],
)
def test_what_cannot_be_evaluated_says_why(run: Run, args: tuple[str], says: str) -> None:
    assert says in run("evaluate", *args, code=1).stderr


@pytest.mark.slow
def test_a_row_that_is_none_is_refused_before_anything_is_trained(run: Run) -> None:
    told = run("evaluate", "movietweetings", "--models", "engin", code=1).stderr
    assert "no row is named 'engin'" in told


def test_too_little_is_an_error(run: Run, small: Path) -> None:
    assert "training needs at least 100" in run("evaluate", small, code=1).stderr


def test_the_folder_of_out_is_made_before_anything_is_trained(
    run: Run, small: Path, tmp_path: Path
) -> None:
    told = run("evaluate", small, "--out", "new/folder/x.json", code=1).stderr
    assert "training needs at least 100" in told
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_an_out_that_can_be_no_file_is_refused_before_anything_is_read(run: Run) -> None:
    told = run("evaluate", "none.csv", "--out", ".", code=1).stderr
    assert told == "error: --out . is a folder; allowed is a file\n"
    Path("plain").touch()
    told = run("evaluate", "none.csv", "--out", "plain/x.json", code=1).stderr
    assert told.startswith("error: plain: ")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file that is always full")
def test_what_cannot_be_written_in_the_end_is_printed_all_the_same(
    run: Run, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text(TINY)
    lines = (films / "events.csv").read_text().splitlines(keepends=True)[:2_000]
    (tmp_path / "some.csv").write_text("".join(lines))
    chosen = ("--models", "popular", "--protocol", "leave-one-out", "--out", "/dev/full")
    told = run("evaluate", "some.csv", *chosen, "--json", code=1)
    assert [row["model"] for row in json.loads(told.stdout)["rows"]] == ["popular"]
    assert "error: --out /dev/full was not written: No space left on device" in told.stderr


@pytest.mark.parametrize("command", ["evaluate", "tune", "compare"])
def test_a_log_without_events_is_an_error(run: Run, command: str) -> None:
    run("init")
    assert "there is no event" in run(command, "--db", "penchant.db", code=1).stderr


def test_a_log_of_one_instant_cannot_be_cut(run: Run, tmp_path: Path) -> None:
    rows = [f"u{n % 9},i{n % 7},view,2024-01-01" for n in range(400)]
    (tmp_path / "day.csv").write_text("\n".join(["user_id,item_id,event_type,timestamp", *rows]))
    told = run("evaluate", "day.csv", code=1).stderr
    assert "100% of 400 events have the earliest time there is" in told
