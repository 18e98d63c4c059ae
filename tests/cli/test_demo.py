"""The demo: learns from what was, follows what comes, tells it in two languages, measures it."""

import json
import socket
import string
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penchant.cli import demo, films
from penchant.cli.main import build
from penchant.cli.words import GENRES, SOURCES, WORDS, Words
from penchant.core.ids import ItemId
from penchant.engine.stages import FORMS, learned_sources
from penchant.ingest.datasets import open_dataset

KEYS = {
    "train_s",
    "train_events_per_s",
    "events",
    "event_to_slate_ms",
    "http_event_to_slate_ms",
    "slates_changed",
    "ndcg10",
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> films.Films:
    """The first of the films alone, and a model that is learned in seconds."""
    whole = open_dataset("movietweetings")
    few = replace(whole, table=whole.table.head(4_000))
    monkeypatch.setattr(films, "open_dataset", lambda _: few)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "EASE_ITEMS", 200)
    return films.open_films()


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(build(), ["demo", *arguments])
    return result.exit_code, result.stdout, result.stderr


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, text in WORDS["en"].items():
        assert placeholders(text) == placeholders(WORDS["zh"][key]), key


def test_chinese_names_every_source_and_every_genre_of_the_films() -> None:
    met = {c for item in open_dataset("movietweetings").items for c in item.categories}
    assert met <= GENRES.keys()
    assert FORMS.keys() <= SOURCES.keys()
    assert Words("zh").source("transition") == "看完接着看"
    assert Words("en").source("transition") == "transition"


def test_newcomers_have_no_event_before_the_cut_and_come_with_most_events_first() -> None:
    found = films.open_films()
    known = {event.user for event in found.before}
    users = found.newcomers()
    assert not known & set(users)
    counts = [sum(e.user == user for e in found.later) for user in users[:6]]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 121
    assert len(found.before) + len(found.later) == 100_000
    assert all(event.time_s < found.cut_s for event in found.before)


def test_the_user_who_is_followed_has_one_clear_taste() -> None:
    found = films.open_films()
    items = {item.id: item for item in found.data.items}
    taken = films.first_items(found, films.clearest(found))
    shared = set.intersection(*(set(items[item].categories) for item in taken))
    assert len(taken) == films.SHOWN
    assert shared


def test_a_database_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "films.db").write_bytes(b"mine")
    code, out, err = run("--dir", str(tmp_path))
    assert code == 1
    assert "films.db exists already" in err.replace("\n", " ")
    assert out == ""
    assert (tmp_path / "films.db").read_bytes() == b"mine"


@pytest.mark.slow
def test_the_check_ends_with_one_json_object_of_figures(small: films.Films) -> None:
    code, out, _ = run("--check")
    assert code == 0
    figures = json.loads(out.splitlines()[-1])
    assert figures.keys() == KEYS
    followed = small.newcomers()[:5]
    assert figures["events"] == sum(event.user in followed for event in small.later)
    assert 0 < figures["slates_changed"] <= figures["events"]
    assert 0 < figures["event_to_slate_ms"]["p50"] <= figures["event_to_slate_ms"]["p99"]
    assert figures["ndcg10"].keys() == {*learned_sources("recurrent"), "engine", "slate"}
    assert all(0 <= value <= 1 for value in figures["ndcg10"].values())


@pytest.mark.slow
def test_with_json_the_check_prints_nothing_else_on_stdout(small: films.Films) -> None:
    code, out, err = run("--check", "--json")
    assert code == 0
    assert json.loads(out).keys() == KEYS
    assert "Learned in" in err


@pytest.mark.slow
def test_the_story_tells_events_interests_and_slates_in_chinese(
    small: films.Films, tmp_path: Path
) -> None:
    code, out, _ = run("--lang", "zh", "--no-page", "--dir", str(tmp_path / "kept"))
    assert code == 0
    user = films.clearest(small)
    titles = {item.id: item.title for item in small.data.items}
    for number, item in enumerate(films.first_items(small, user), start=1):
        assert f"{number}. 《{titles[ItemId(item)]}》" in out.replace("\n", "")
    assert out.count("兴趣") >= len(films.first_items(small, user))
    assert "列表恢复原样" in out
    assert (tmp_path / "kept" / "films.db").exists()


@pytest.mark.slow
def test_as_json_the_story_gives_every_step(small: films.Films) -> None:
    code, out, _ = run("--json")
    assert code == 0
    told = json.loads(out)
    events = [step["event"]["item"] for step in told["steps"]]
    assert events == films.first_items(small, told["user"])
    for step in told["steps"]:
        shown = [place["item"] for place in step["slate"]["items"]]
        assert shown
        assert step["event"]["item"] not in shown
        assert step["event_to_slate_ms"] > 0


@pytest.mark.parametrize("port", ["taken", "99999"])
def test_a_port_that_cannot_be_listened_on_is_said_before_anything_is_learned(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    def learn(*_: object) -> float:
        raise AssertionError("it learns")

    monkeypatch.setattr(demo, "_learn", learn)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = str(taken.getsockname()[1]) if port == "taken" else port
        code, _, told = run("--port", given)
    assert code in (1, 2)
    assert "--port" in told
