"""`penchant recommend`: a slate in the terminal and as JSON, and every condition on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def filled(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "penchant.toml").write_text("after_wait_s = 0.01\n")
    run("ingest", small, "--items", "items.csv")


@pytest.mark.usefixtures("filled")
def test_titles_are_printed_in_any_script_and_with_brackets(run: Run) -> None:
    told = run("recommend", "eve", "--clock", "log").stdout
    assert "霸王别姬 (1993)" in told
    assert "Heat [1995]" in told
    assert "nothing is trained yet" in told


@pytest.mark.usefixtures("filled")
def test_json_holds_the_slate(ask: Ask) -> None:
    told = ask("recommend", "eve", "-n", 2, "--clock", "log")
    assert told["user"] == "eve"
    assert [place["item"] for place in told["items"]] == ["m2", "m1"]
    assert told["items"][0]["title"] == "Heat [1995]"
    assert told["artifact"] is None


@pytest.mark.usefixtures("filled")
def test_exclude_category_and_repeats_hold(ask: Ask) -> None:
    def items(*args: object) -> set[str]:
        return {p["item"] for p in ask("recommend", *args, "--clock", "log")["items"]}

    assert items("eve") == {"m1", "m2", "m3", "m4"}
    assert items("eve", "--exclude", "m1", "--exclude", "m2") == {"m3", "m4"}
    assert items("eve", "--category", "Horror") == {"m4"}
    assert items("ann", "--no-repeats") == {"m4"}


@pytest.mark.usefixtures("filled")
def test_pages_follow_each_other_without_repeats(ask: Ask) -> None:
    first = ask("recommend", "eve", "-n", 3, "--clock", "log")
    second = ask("recommend", "eve", "-n", 3, "--clock", "log", "--next", first["next"])
    shown = [place["item"] for page in (first, second) for place in page["items"]]
    assert sorted(shown) == ["m1", "m2", "m3", "m4"]


@pytest.mark.usefixtures("filled")
def test_old_data_on_the_wall_clock_is_a_note_that_says_how_to_choose(run: Run) -> None:
    assert "--clock log" in run("recommend", "eve").stderr
    assert run("recommend", "eve", "--clock", "log").stderr == ""


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--diversity", 3), "diversity is 3; allowed is 0 to 1"),
        (("-n", 0), "n is 0"),
        (("--next", "nonsense"), "`next` is"),
        (("--after", "soon"), "after is 'soon'"),
        (("--after", 999), "events up to 999 were not folded"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(ask: Ask, args: tuple[Any], says: str) -> None:
    assert says in ask("recommend", "eve", *args, code=1)["error"]


@pytest.mark.usefixtures("filled")
def test_nothing_under_these_conditions_is_said(run: Run) -> None:
    told = run("recommend", "eve", "--category", "Opera").stdout
    assert "no item is left for eve: each is excluded, unavailable, taken before" in told


def test_a_missing_database_is_not_made(run: Run, tmp_path: Path) -> None:
    assert "penchant.db does not exist" in run("recommend", "eve", code=1).stderr
    assert list(tmp_path.iterdir()) == []
