"""Erasure: not one byte of a user is left in any file, soon; the receipt says what remains."""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import InvalidRequestError, UnknownIdError
from penchant.engine.config import EngineConfig, MemoryConfig
from penchant.engine.engine import Engine
from penchant.ingest.rejects import Rejected, keep, rejected_path
from penchant.training.checkpoint import save_checkpoint

NOW_S = 1_362_819_516.0 + 86_400.0
GHOST = "ghost-7f3a"


def opened(path: Path) -> Engine:
    config = EngineConfig(memory=MemoryConfig(flush_every_s=0.01))
    return Engine.open(path, config, ManualClock(NOW_S))


def files_with(mark: str, folder: Path) -> Sequence[str]:
    """Read from outside: a file that this process closes would drop SQLite's locks on it."""
    found = subprocess.run(
        ["grep", "-rlaF", mark, str(folder)], capture_output=True, text=True, check=False
    )
    return [Path(line).name for line in found.stdout.splitlines()]


def lived(engine: Engine, n: int) -> list[dict[str, object]]:
    """The events of someone who left traces wherever one can."""
    items = [item.id for item in engine.items()] or [f"i{k}" for k in range(40)]
    return [
        {
            "user": GHOST,
            "item": items[k % len(items)],
            "type": "like",
            "time": NOW_S - 9_000 + k,
            "words": f"{GHOST} said so",
            "context": {"by": GHOST},
            "id": f"{GHOST}-{k}",
        }
        for k in range(n)
    ]


@pytest.mark.parametrize("learned", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_no_byte_of_a_forgotten_user_is_left_within_a_second(
    trained: Callable[[], Path], tmp_path: Path, learned: bool
) -> None:
    path = trained() if learned else tmp_path / "films.db"
    folder = path.parent
    with opened(path) as engine:
        events = lived(engine, 60)
        for at in range(0, 60, 7):
            engine.observe_many(events[at : at + 7])
        engine.undo(f"{GHOST}-3")
        engine.put_user(GHOST, {"by": GHOST, "said": "little"})
        engine.put_user(GHOST, {"by": GHOST, "said": f"{GHOST} " * 100})
        engine.observe("somebody", "i1", "view", time=NOW_S - 60)
        keep(rejected_path(path), [Rejected(3, "no time", f'{{"user": "{GHOST}"}}')], "in.jsonl")
        if learned:
            checkpoint = engine.training_folder / "run.safetensors"
            save_checkpoint(checkpoint, {}, {"epoch": 1})
        engine.recommend(GHOST, reasons=True)
        engine._database.states.flush()
        assert len(files_with(GHOST, folder)) >= 2
        began = time.perf_counter()
        receipt = engine.forget(GHOST)
        took_s = time.perf_counter() - began
        assert files_with(GHOST, folder) == []
        assert took_s < 1.0
        assert (receipt.user, receipt.events, receipt.states) == (GHOST, 59, int(learned))
        said = "films.db.training holds the weights of an unfinished training run"
        assert any(one.startswith(said) for one in receipt.remains) is learned
        assert engine.history(GHOST) == []
        assert engine.recommend(GHOST).state_cursor == "0"
        assert [seen.status for seen in engine.observe_many(events)] == ["undone"] * 60
        assert engine.history("somebody") != []
        with pytest.raises(UnknownIdError, match=f"no user has the id '{GHOST}'; nothing was"):
            engine.forget(GHOST)
        left = files_with(GHOST, folder)
        assert left == []
    assert files_with(GHOST, folder) == []


@pytest.mark.slow
def test_the_receipt_names_the_models_that_had_seen_the_user(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        old = engine.users(1)[0][0]
        receipt = engine.forget(old)
        assert receipt.artifacts == [engine.artifact]
        assert "trained while the user's events were in the log" in receipt.remains[0]
        engine.observe("newcomer", engine.items()[0].id, "like")
        receipt = engine.forget("newcomer")
        assert (receipt.artifacts, receipt.remains) == ([], [])


@pytest.mark.slow
def test_a_damaged_model_does_not_stand_in_the_way_of_erasure(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    with opened(path) as engine:
        engine.observe(GHOST, engine.items()[0].id, "like")
        assert engine.artifact is not None
        card = Path(f"{path}.artifacts") / engine.artifact / "model.json"
        card.write_text("{")
        receipt = engine.forget(GHOST)
        assert receipt.artifacts == [engine.artifact]  # nobody can say that it had not
        assert files_with(GHOST, path.parent) == []


def test_a_forgotten_user_who_comes_back_is_a_stranger(tmp_path: Path) -> None:
    with opened(tmp_path / "films.db") as engine:
        engine.put_items([{"id": "i1"}])
        engine.observe("ann", "i1", "dismiss")
        engine.observe("bob", "i2", "like")
        engine.forget("ann")
        seen = engine.observe("ann", "i2", "view")
        slate = engine.recommend("ann")
        assert slate.state_cursor == seen.cursor
        assert len(engine.history("ann")) == 1
        assert "i1" in [place.item for place in slate.items]


def test_a_user_whose_events_were_all_undone_can_be_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path / "films.db") as engine:
        engine.undo(engine.observe(GHOST, "i1", "like").event)
        assert engine.forget(GHOST).events == 0
        assert files_with(GHOST, tmp_path) == []


def test_a_user_who_was_only_told_of_can_be_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path / "films.db") as engine:
        engine.put_user(GHOST, {"name": GHOST})
        engine.observe("somebody", "i1", "view")
        assert engine.user(GHOST).attributes == {"name": GHOST}
        assert files_with(GHOST, tmp_path) != []
        receipt = engine.forget(GHOST)
        assert (receipt.events, receipt.states, receipt.remains) == (0, 0, [])
        assert files_with(GHOST, tmp_path) == []
        with pytest.raises(UnknownIdError, match=f"no user has the id '{GHOST}'; nothing was"):
            engine.forget(GHOST)
        with pytest.raises(UnknownIdError, match=f"no user has the id '{GHOST}'; allowed are"):
            engine.user(GHOST)
    assert files_with(GHOST, tmp_path) == []


def test_the_receipt_names_the_items_that_only_the_user_had_met(tmp_path: Path) -> None:
    with opened(tmp_path / "films.db") as engine:
        engine.put_items([{"id": "put", "title": "Put"}])
        for item in ("put", "shared", "b", "a", "a", "removed", "undone"):
            seen = engine.observe(GHOST, item, time=NOW_S - 9)
        engine.undo(seen.event)
        engine.remove_item("removed")
        engine.observe("somebody", "shared")
        assert engine.forget(GHOST).remains == [
            "the catalogue keeps the ids of items that only they had met (3): a, b, removed"
        ]
        for n in range(12):
            engine.observe(GHOST, f"i{n:02}")
        (sentence,) = engine.forget(GHOST).remains
        assert sentence.startswith(
            "the catalogue keeps the ids of items that only they had met (12)"
        )
        assert sentence.endswith(": i00, i01, i02, i03, i04, i05, i06, i07, i08, i09 and 2 more")
        engine.observe(GHOST, "shared")
        assert engine.forget(GHOST).remains == []


def test_an_erasure_that_a_long_read_held_up_is_completed_by_asking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.storage.log._SCRUBS", 1)
    with opened(tmp_path / "films.db") as engine:
        engine.put_items([{"id": f"i{k}"} for k in range(5)])
        engine.observe_many(lived(engine, 5))
        with engine._database.log._readers.reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM events").all()
            (first,) = engine.forget(GHOST).remains
            (second,) = engine.forget(GHOST).remains
            assert first == second
            assert "films.db-wal holds old pages" in first
            assert files_with(GHOST, tmp_path) != []
        receipt = engine.forget(GHOST)
        assert (receipt.user, receipt.events, receipt.remains) == (GHOST, 0, [])
        assert files_with(GHOST, tmp_path) == []
        with pytest.raises(UnknownIdError, match="nothing was erased"):
            engine.forget(GHOST)


def test_rejected_lines_go_also_where_nothing_else_is_known_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "films.db"
    with opened(path) as engine:
        engine.observe(GHOST, "i1", time=NOW_S - 9)
        engine.forget(GHOST)
        kept = rejected_path(path)
        keep(kept, [Rejected(2, "time is 'soon'", f"{GHOST},i1,view,soon", "impossible_time")])
        receipt = engine.forget(GHOST)
        assert (receipt.events, receipt.states, receipt.remains) == (0, 0, [])
        assert files_with(GHOST, tmp_path) == []
        with pytest.raises(UnknownIdError, match="nothing was erased"):
            engine.forget(GHOST)
        with pytest.raises(InvalidRequestError, match="user is empty"):
            engine.forget("")


@pytest.mark.slow
def test_a_model_that_learned_from_events_that_were_undone_since_is_named(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        user, other = (name for name, _, _ in engine.users(2))
        for event in engine.history(user):
            engine.undo(str(event.id))
        engine.observe(user, engine.items()[0].id, "like", time=NOW_S - 1)
        receipt = engine.forget(user)
        assert receipt.artifacts == [engine.artifact]
        assert "may have been trained with events of the user that were undone" in str(
            receipt.remains
        )
        assert "was trained while the user's events were in the log" in str(
            engine.forget(other).remains
        )
