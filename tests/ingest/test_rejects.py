"""Nothing that could not be read is lost, and a user can be erased from it."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from penchant.core.errors import InvalidDataError
from penchant.ingest.rejects import Rejected, count_kinds, keep, read_back, rejected_path, scrub

ONE = Rejected(7341, "time is 'soon'", "ann,m1,view,soon", "impossible_time")
OTHER = Rejected(9, "user is empty", ",m1,view,\u00e9", "no_user")


def test_rejected_lines_stand_beside_their_target(tmp_path: Path) -> None:
    assert rejected_path(tmp_path / "shop.db").name == "shop.db.rejected.jsonl"


def test_what_is_kept_can_be_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    assert keep(path, [ONE], "log.csv") == 1
    assert keep(path, [OTHER]) == 1
    assert list(read_back(path)) == [ONE, OTHER]
    assert count_kinds(read_back(path)) == {"impossible_time": 1, "no_user": 1}


def test_a_source_whose_name_is_not_utf_8_is_kept_with_escapes_for_its_bytes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.rejected.jsonl"
    assert keep(path, [ONE], os.fsdecode(b"\xd6\xd0z.csv")) == 1
    assert json.loads(path.read_bytes())["source"] == r"\udcd6\udcd0z.csv"
    assert list(read_back(path)) == [ONE]


def test_nothing_rejected_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    assert keep(path, []) == 0
    assert not path.exists()
    assert list(read_back(path)) == []
    assert scrub(path, "ann") == 0


@pytest.mark.parametrize(
    "text",
    [
        "ann,m1,view,soon",
        '{"user": "ann", "time": "soon"}',
        '{"user": "\\u0061nn"}',
        "m1;ann",
    ],
)
def test_erasing_a_user_removes_every_line_that_mentions_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.rejected.jsonl"
    keep(path, [ONE._replace(text=text), OTHER])
    assert scrub(path, "ann") == 1
    assert list(read_back(path)) == [OTHER]
    assert scrub(path, "ann") == 0


def test_erasing_user_12_leaves_user_123_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    keep(path, [ONE._replace(line=1, text="123,m1"), ONE._replace(line=1, text="12,m1")])
    assert scrub(path, "12") == 1
    assert [one.text for one in read_back(path)] == ["123,m1"]


@pytest.mark.parametrize(
    ("user", "other", "encoding"),
    [
        ("张三", "李张三", "gb18030"),
        ("Jürgen", "Jürgens", "latin-1"),
        ("芠乗", "芠乗乗", "gb18030"),
    ],
)
@pytest.mark.parametrize("row", ["{},m1,view,5", '{{"user": "{}", "time": "soon"}}'])
def test_a_user_is_found_in_a_line_that_was_not_utf_8(
    tmp_path: Path, user: str, other: str, encoding: str, row: str
) -> None:
    path = tmp_path / "x.rejected.jsonl"
    kept = [
        row.format(name).encode(encoding).decode("utf-8", "backslashreplace")
        for name in (user, other)
    ]
    assert "\\x" in kept[0]
    keep(path, [ONE._replace(text=text) for text in kept])
    assert scrub(path, user) == 1
    assert [one.text for one in read_back(path)] == kept[1:]


@pytest.mark.parametrize("user", ['a"b', '"a"', 'a""b'])
def test_a_user_with_quotes_is_found_where_csv_doubles_them(tmp_path: Path, user: str) -> None:
    path = tmp_path / "x.rejected.jsonl"
    text = io.StringIO()
    csv.writer(text).writerow([user, "m1", "view", "soon"])
    keep(path, [ONE._replace(text=text.getvalue().rstrip())])
    assert scrub(path, user) == 1


def test_a_torn_line_goes_too_where_it_hides_the_user_in_escapes(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    for name in ("张三", 'a"b'):
        text = f'"{name}",m1'.encode("gb18030").decode("utf-8", "backslashreplace")
        keep(path, [ONE._replace(text=text)])
        path.write_bytes(path.read_bytes()[:-5] + b"\n")
        assert scrub(path, name) == 1


def test_a_user_named_in_the_reason_only_is_erased_too(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    keep(path, [OTHER._replace(reason="time 2099 of user 'J\u00fcrgen' lies in the future")])
    assert scrub(path, "J\u00fcrgen") == 1


def test_a_damaged_file_of_rejects_says_where(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    path.write_text("{}\n")
    with pytest.raises(InvalidDataError, match="line 1 is no rejected line"):
        list(read_back(path))


def test_what_a_killed_process_left_of_a_line_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "x.rejected.jsonl"
    keep(path, [ONE])
    with path.open("ab") as file:
        file.write(b'{"source":"log.csv","li')
    assert list(read_back(path)) == [ONE]
    keep(path, [OTHER])
    assert list(read_back(path)) == [ONE, OTHER]


@pytest.mark.parametrize("user", ["line", "text", "7341", "log.csv", "source"])
def test_what_a_kept_line_is_wrapped_in_is_nobodys_name(tmp_path: Path, user: str) -> None:
    path = tmp_path / "x.rejected.jsonl"
    keep(path, [ONE, OTHER], "log.csv")
    before = path.read_bytes()
    assert scrub(path, user) == 0
    assert path.read_bytes() == before
