"""Tables hold text as it is, whatever it contains; JSON is JSON in every encoding."""

import io
import json
import sys

import pytest
from rich.console import Console

from penchant.cli.terminal import print_json, table


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


@pytest.mark.parametrize(
    ("encoding", "title", "says"),
    [
        ("utf-8", "霸王别姬 🍵", '{"title": "霸王别姬 🍵"}'),
        ("gbk", "霸王别姬", '{"title": "霸王别姬"}'),
        ("gbk", "绿茶 🍵", '{"title": "\\u7eff\\u8336 \\ud83c\\udf75"}'),
        ("cp1252", "茶", '{"title": "\\u8336"}'),
        ("ascii", "é", '{"title": "\\u00e9"}'),
        ("utf-8", "x\udcff", '{"title": "x\\udcff"}'),
    ],
)
def test_json_is_escaped_where_the_stream_cannot_hold_it(
    monkeypatch: pytest.MonkeyPatch, encoding: str, title: str, says: str
) -> None:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding)
    monkeypatch.setattr(sys, "stdout", out)
    print_json({"title": title})
    out.flush()
    told = written.getvalue().decode(encoding)
    assert told.rstrip() == says
    assert json.loads(told) == {"title": title}
