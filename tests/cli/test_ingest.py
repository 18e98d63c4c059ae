"""`penchant ingest`: good rows land once, bad ones are named and kept beside."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from penchant.core.events import Event
from penchant.engine.engine import Engine, Observed

Run = Callable[..., Result]

Ask = Callable[..., dict[str, Any]]
HEAD = "user_id,item_id,event_type,timestamp,value\n"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_a_folder_lands_with_its_items_and_lands_once(ask: Ask, films: Path) -> None:
    first = ask("ingest", films)
    assert (first["rows"], first["landed"], first["new"]) == (9_999, 9_999, 9_999)
    assert first["items"] > 1_000
    again = ask("ingest", films)
    assert (again["new"], again["known"], again["rejected"]) == (0, 9_999, 0)
    with Engine.open("penchant.db") as engine:
        assert engine.facts()["events"] == 9_999


@pytest.mark.slow
def test_line_7341_of_10000_is_named_and_the_others_land(
    run: Run, ask: Ask, films: Path, tmp_path: Path
) -> None:
    lines = (films / "events.csv").read_text().splitlines()
    lines.insert(7_340, "this is no event")  # the header is line 1
    broken = tmp_path / "broken.csv"
    broken.write_text("\n".join(lines) + "\n")
    told = run("ingest", broken, code=1)
    assert "9,999 of 10,000 landed" in told.stdout
    assert "line 7,341: the line " in told.stderr
    kept = lines_of(tmp_path / "penchant.db.rejected.jsonl")
    assert [(one["line"], one["text"]) for one in kept] == [(7_341, "this is no event")]
    again = ask("ingest", broken, code=1)
    assert (again["new"], again["rejected"]) == (0, 1)
    assert lines_of(tmp_path / "penchant.db.rejected.jsonl") == kept


def test_a_file_whose_name_is_not_utf_8_lands(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xd6\xd0z.csv")
    file.write_text(HEAD + "7,m1,view,1714564800,\n7,m2,purr,1714564801,\n")
    command = [sys.executable, "-m", "penchant", "ingest", str(file), "--db", f"{tmp_path}/x.db"]
    done = subprocess.run([*command, "--json"], capture_output=True, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert (told["source"], told["landed"], told["rejected"]) == (str(file), 1, 1)
    kept = lines_of(tmp_path / "x.db.rejected.jsonl")
    assert [one["source"].endswith(r"/\udcd6\udcd0z.csv") for one in kept] == [True]


def test_strict_stores_all_or_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text(HEAD + "ann,m1,view,5,\nann,m2,veiw,6,\n")
    told = run("ingest", file, "--strict", code=1).stderr
    assert "nothing was stored" in told
    assert "line 3" in told
    assert not (tmp_path / "penchant.db").exists()


def test_broken_items_are_counted_apart_and_kept_under_the_file_they_are_of(
    run: Run, ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "v.csv").write_text(HEAD + "ann,m1,view,5,\n")
    (tmp_path / "goods.csv").write_text("item_id,title\nm1,Tea\n,Pot\n")
    told = run("ingest", "v.csv", "--items", "goods.csv", "--strict", code=1).stderr
    assert "error: 1 of the items cannot be read and --strict" in told
    assert "nothing was stored; goods.csv, line 3: item id is missing" in told
    told = ask("ingest", "v.csv", "--items", "goods.csv", code=1)
    assert (told["rows"], told["landed"], told["rejected"], told["rejected_items"]) == (1, 1, 0, 1)
    assert told["counts"]["rejected_items"] == 1
    assert [(one["source"], one["line"]) for one in told["first_rejected"]] == [("goods.csv", 3)]
    kept = lines_of(tmp_path / "penchant.db.rejected.jsonl")
    assert [(one["source"], one["line"]) for one in kept] == [("goods.csv", 3)]
    told = run("ingest", "v.csv", "--items", "goods.csv", code=1).stderr
    assert "goods.csv, line 3: item id is missing" in told
    assert "all 1 rejected lines are in" in told


def test_broken_items_of_a_folder_are_kept_under_the_file_they_are_of(
    ask: Ask, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "events.csv").write_text(HEAD + "ann,m1,view,5,\nann,m1,veiw,6,\n")
    (folder / "items.csv").write_text("item_id,title\n,Pot\n")
    told = ask("ingest", "shop", code=1)
    assert (told["rows"], told["landed"], told["rejected"], told["rejected_items"]) == (2, 1, 1, 1)
    kept = lines_of(tmp_path / "penchant.db.rejected.jsonl")
    assert [(one["source"], one["line"]) for one in kept] == [("shop", 3), ("shop/items.csv", 2)]


@pytest.mark.parametrize(
    ("row", "kind", "says"),
    [
        ("ann,m1,veiw,5,", "unknown_type", "did you mean 'view'?"),
        (",m1,view,5,", "no_user", "user is empty"),
        ("ann,m1,view,,", "no_time", "time is missing"),
        ("ann,m1,view,NaN,", "impossible_time", "time is 'NaN'"),
        ("ann,m1,view,yesterday,", "impossible_time", "time is 'yesterday'"),
        ("ann,m1,rating,5,many", "malformed", "value is 'many'"),
    ],
)
def test_a_bad_row_says_what_which_value_and_what_is_allowed(
    ask: Ask, tmp_path: Path, row: str, kind: str, says: str
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(HEAD + "bob,m1,view,4,\n" + row + "\n")
    told = ask("ingest", file, code=1)
    assert (told["landed"], told["rejected"]) == (1, 1)
    (first,) = told["first_rejected"]
    assert (first["line"], first["kind"]) == (3, kind)
    assert says in first["reason"]


def test_a_value_of_nan_becomes_missing_and_is_counted(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text(HEAD + "ann,m1,rating,5,NaN\n")
    told = ask("ingest", file)
    assert (told["landed"], told["counts"]["value_sentinel"]) == (1, 1)
    with Engine.open("penchant.db") as engine:
        assert next(engine.events()).value is None


RATINGS = [
    f"ann,{item},rating,170000000{n},{value}"
    for n, (item, value) in enumerate([("a", 7), ("b", 8), ("c", 99)])
]


def test_a_file_that_has_grown_lands_its_old_rows_once_though_they_are_cleaned_otherwise(
    ask: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(HEAD + "\n".join(RATINGS) + "\n")
    assert "value_sentinel" not in ask("ingest", file)["counts"]
    file.write_text(file.read_text() + "bob,a,rating,1700000010,6\nbob,b,rating,1700000011,9\n")
    told = ask("ingest", file)
    assert told["counts"]["value_sentinel"] == 1
    assert (told["new"], told["known"]) == (2, 3)


def test_imputed_rows_of_a_file_that_has_grown_land_once(ask: Ask, tmp_path: Path) -> None:
    Path("penchant.toml").write_text('[clean]\nimpute = "mean"\n')
    file = tmp_path / "e.csv"
    rows = [f"ann,m{n},rating,{1_700_000_000 + n},{n if n % 2 else ''}" for n in range(10)]
    file.write_text(HEAD + "\n".join(rows) + "\n")
    assert ask("ingest", file)["counts"]["imputed_mean"] == 5
    more = [f"bob,m{n},rating,{1_700_000_100 + n},9" for n in range(10)]
    file.write_text(file.read_text() + "\n".join(more) + "\n")
    told = ask("ingest", file)
    assert told["counts"]["imputed_mean"] == 5
    assert (told["new"], told["known"]) == (10, 10)


def test_events_of_2099_are_flagged_kept_counted_and_move_nothing(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text(HEAD + "ann,m1,view,2024-05-01T12:00:00Z,\nann,m2,view,2099-01-01T00:00:00Z,\n")
    told = ask("ingest", file)
    assert (told["new"], told["counts"]["flag_future"]) == (2, 1)
    with Engine.open("penchant.db") as engine:
        assert engine.facts()["flags"] == {"future": 1}
        assert len(engine.columns()) == 1


def test_mapping_type_and_items_name_what_a_file_leaves_out(
    ask: Ask, small: Path, tmp_path: Path
) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text("who,itemid,ts\n7,m1,1714564800\n7,m2,1714564801\n")
    told = ask(
        "ingest", file, "--map", "user_id=who", "--type", "click", "--items", tmp_path / "items.csv"
    )
    assert (told["new"], told["items"]) == (2, 4)
    assert "items_only_in_events" not in told["counts"]
    with Engine.open("penchant.db") as engine:
        assert [(e.user, e.item, e.type) for e in engine.events()] == [
            ("7", "m1", "click"),
            ("7", "m2", "click"),
        ]
        assert engine.item("m1").title == "霸王别姬 (1993)"


def test_an_order_column_places_events_of_one_instant(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text("user,item,type,time,seq\n1,a,view,5,2\n1,b,view,5,1\n")
    ask("ingest", file, "--order", "seq")
    with Engine.open("penchant.db") as engine:
        assert [event.item for event in engine.history("1")] == ["b", "a"]


@pytest.mark.parametrize(
    "times",
    [
        ("1714564803", "1714564801", "1714564802"),
        ("2024-05-03", "2024-05-01T08:00+08:00", "2024-05-02T00:00:00Z"),
    ],
)
def test_an_order_column_is_also_the_field_that_it_names(
    ask: Ask, tmp_path: Path, times: tuple[str, ...]
) -> None:
    file = tmp_path / "e.csv"
    rows = [
        f"1,{item},view,{time},{n}\n" for item, time, n in zip("abc", times, "231", strict=True)
    ]
    file.write_text("user,item,type,time,value\n" + "".join(rows))
    for order, items in (("time", ["b", "c", "a"]), ("value", ["c", "a", "b"])):
        assert ask("ingest", file, "--db", f"{order}.db", "--order", order)["landed"] == 3
        with Engine.open(f"{order}.db") as engine:
            events = engine.history("1")
            assert [event.item for event in events] == items
            assert {event.item: event.value for event in events} == {"a": 2, "b": 3, "c": 1}


def test_an_order_that_is_no_number_is_a_rejected_line_and_an_empty_one_is_counted(
    run: Run, ask: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        "user,item,type,time,seq\n1,a,view,5,2\n1,b,view,5,x\n1,c,view,5,\n1,d,view,5, 1\n"
        "1,e,view,5,nan\n"
    )
    strict = run("ingest", file, "--order", "seq", "--strict", code=1).stderr
    assert "2 of 5 rows cannot be read and --strict stores all or nothing" in strict
    told = ask("ingest", file, "--order", "seq", code=1)
    assert (told["landed"], told["rejected"], told["counts"]["no_order"]) == (2, 2, 1)
    kept = lines_of(Path("penchant.db.rejected.jsonl"))
    assert [(one["line"], one["text"], one["kind"]) for one in kept] == [
        (3, "1,b,view,5,x", "malformed"),
        (6, "1,e,view,5,nan", "malformed"),
    ]
    says = "order column 'seq' is 'x'; allowed are finite numbers, or nothing"
    assert kept[0]["reason"] == says
    with Engine.open("penchant.db") as engine:
        assert [event.item for event in engine.history("1")] == ["d", "a"]


def test_an_order_column_of_words_is_an_error_that_names_column_line_and_value(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    file.write_text("user,item,type,time\n1,茶,view,5\n", "utf-8")
    told = run("ingest", file, "--order", "item", code=1).stderr
    assert "line 2: order column 'item' is '茶'; allowed are finite numbers, or nothing" in told


def test_a_mapping_that_is_none_says_what_is_allowed(run: Run, small: Path) -> None:
    assert "FIELD=COLUMN" in run("ingest", small, "--map", "user", code=1).stderr
    told = run("ingest", small, "--map", "usr=user_id", code=1).stderr
    assert "did you mean 'user'?" in told
    turned = run("ingest", small, "--map", "user_id=user", code=1).stderr
    assert "no column 'user'" in turned


@pytest.mark.parametrize("other", ["user_id", "user"])
def test_a_field_has_one_column(run: Run, tmp_path: Path, other: str) -> None:
    file = tmp_path / "e.csv"
    file.write_text("a,b,item,type,time\n1,2,tea,view,5\n", "utf-8")
    told = run("ingest", file, "--map", "user_id=a", "--map", f"{other}=b", code=1).stderr
    assert "twice" in told
    assert "'a' and 'b'; allowed is one" in told


def test_columns_of_items_are_named_with_map_too(run: Run, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("买家,商品,行为,time\n7,m1,view,1714564800\n", "utf-8")
    (tmp_path / "items.csv").write_text("商品,标题,类目\nm1,茶壶,茶具|厨房\n", "utf-8")
    events = [part for pair in ("user=买家", "item=商品", "type=行为") for part in ("--map", pair)]
    told = run("ingest", tmp_path, *events, code=1).stderr
    assert "items.csv has no column 'id'" in told
    assert "--map item.id=COLUMN" in told
    told = run("ingest", tmp_path, *events, "--map", "item.name=标题", code=1).stderr
    assert "no field is named 'item.name'" in told
    assert "allowed are item.attributes, item.available" in told
    told = run("ingest", tmp_path, *events, "--map", "item.标题=title", code=1).stderr
    assert "(it is FIELD=COLUMN: item.title=标题?)" in told
    told = run(
        "ingest", tmp_path / "events.csv", *events, "--map", "item.title=标题", code=1
    ).stderr
    assert "item.title is named, and no file of items is read" in told
    named = [
        part
        for pair in ("item.id=商品", "item.title=标题", "item.categories=类目")
        for part in ("--map", pair)
    ]
    ask("ingest", tmp_path, *events, *named)
    ask("ingest", tmp_path / "events.csv", *events, "--items", tmp_path / "items.csv", *named)
    with Engine.open("penchant.db") as engine:
        item = engine.item("m1")
        assert (item.title, list(item.categories)) == ("茶壶", ["茶具", "厨房"])


def test_a_pair_of_map_the_wrong_way_round_is_recognised(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text("买家,item,type,time\n7,m1,view,1714564800\n", "utf-8")
    told = run("ingest", file, "--map", "买家=user", code=1).stderr
    assert "no field is named '买家' (it is FIELD=COLUMN: user=买家?)" in told


def test_a_file_that_is_not_utf8_says_how_to_make_it_so(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes("买家,item,type,time\n7,m1,view,1714564800\n".encode("gbk"))
    assert "iconv -f GB18030 -t UTF-8" in run("ingest", file, code=1).stderr


def test_a_type_beyond_ascii_is_asked_for_as_toml_takes_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text("user,item,type,time\n7,m1,浏览,1714564800\n", "utf-8")
    assert 'add your own under [signals."浏览"]' in run("ingest", file, code=1).stderr
    Path("penchant.toml").write_text('[signals."浏览"]\nweight = 1.0\n', "utf-8")
    assert "1 of 1 landed" in run("ingest", file).stdout


def test_a_date_without_dashes_is_left_out_and_says_why(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_text("user,item,type,time\n7,m1,view,20240611\n7,m2,view,1714564800\n", "utf-8")
    told = ask("ingest", file, code=1)
    assert (told["landed"], told["rejected"]) == (1, 1)
    assert "reads as a date without dashes; write 2024-06-11" in told["first_rejected"][0]["reason"]


def test_a_folder_that_cannot_be_written_is_one_line(run: Run, small: Path) -> None:
    told = run("ingest", small, "--db", "/proc/none/films.db", code=1).stderr
    assert told.startswith("error: /proc/none")
    assert told.count("\n") == 1


def test_ctrl_c_says_what_is_kept_and_the_same_command_adds_the_rest(
    run: Run, ask: Ask, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, batches = Engine.observe_many, iter(range(2))

    def interrupted(self: Engine, events: list[Event]) -> list[Observed]:
        if next(batches) == 1:
            raise KeyboardInterrupt
        return whole(self, events)

    with monkeypatch.context() as patch:
        patch.setattr("penchant.cli.ingest.BATCH", 4)
        patch.setattr(Engine, "observe_many", interrupted)
        assert "stopped; 4 of 6 events are kept" in run("ingest", small, code=130).stderr
    told = ask("ingest", small)
    assert (told["new"], told["known"]) == (2, 4)


def test_a_file_of_another_program_is_refused(run: Run, small: Path) -> None:
    told = run("ingest", small, "--db", small, code=1).stderr
    assert "is not a SQLite database" in told


@pytest.mark.slow
def test_a_second_process_is_refused_with_the_pid_of_the_first(small: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "penchant", "ingest", str(small), "--db", "films.db"]
    with Engine.open(tmp_path / "films.db"):
        done = subprocess.run(
            [*command, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        holder = (tmp_path / "films.db.lock").read_text().strip()
    assert done.returncode == 1
    assert f"is in use by process {holder}" in done.stderr
    assert json.loads(done.stdout) == {"error": done.stderr.removeprefix("error: ").strip()}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_bundled_films_land_whole(ask: Ask) -> None:
    told = ask("ingest", "movietweetings")
    assert (told["new"], told["items"], told["rejected"]) == (100_000, 10_506, 0)
    assert told["seconds"] < 60


def test_the_same_broken_line_of_another_file_is_kept_too(run: Run, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "a.csv"):
        Path(name).write_text(HEAD + "ann,tea,view,soon,\nann,tea,view,5,\n")
        run("ingest", name, code=1)
    kept = lines_of(tmp_path / "penchant.db.rejected.jsonl")
    assert [(one["source"], one["line"]) for one in kept] == [("a.csv", 2), ("b.csv", 2)]
