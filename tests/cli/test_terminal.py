"""Tables hold text as it is, whatever it contains."""

import io

from rich.console import Console

from penchant.cli.terminal import table


def printed(made: object) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=60).print(made)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_brackets_are_no_markup_and_wide_letters_are_aligned() -> None:
    rows = [["[REC]", 1], ["霸王别姬", 20]]
    assert printed(table({"film": "left", "n": "right"}, rows)) == [
        "film       n",
        "[REC]      1",
        "霸王别姬  20",
    ]


def test_a_table_without_names_has_no_head() -> None:
    assert printed(table({"": "left", " ": "fold"}, [["a", "b"]])) == ["a  b"]
