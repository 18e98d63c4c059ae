"""The search for settings, on users who walk through a small catalogue in steps of one."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.core.errors import ArtifactError, ConfigError, NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.ids import ItemId, UserId
from penchant.core.signals import SHIPPED
from penchant.training import sequence
from penchant.training.config import (
    DistilConfig,
    GatedConfig,
    RecurrentConfig,
    ScheduleConfig,
    TrainingConfig,
    TransformerConfig,
)
from penchant.training.sequence import Progress, Watch
from penchant.training.tune import Trial, Tuned, tune

START = TrainingConfig(
    recurrent=RecurrentConfig(dim=8, state=8, hidden=8, layers=1, dropout=0.1),
    schedule=ScheduleConfig(epochs=2, lanes=4, length=16),
)


def log(n: int = 600) -> EventColumns:
    user = np.random.default_rng(0).integers(0, 20, n).astype(np.int32)
    order = np.argsort(np.argsort(user, kind="stable"))
    return EventColumns(
        user=user,
        row=((order + user * 7) % 20).astype(np.int32),
        type=np.zeros(n, np.int16),
        value=np.full(n, np.nan, np.float32),
        time_s=np.arange(n) * 600.0,
        users=tuple(UserId(f"u{k}") for k in range(20)),
        items=tuple(ItemId(f"i{k}") for k in range(20)),
        types=("view",),
    )


def found(
    trials: int,
    study: Path | None = None,
    told: list[Trial] | None = None,
    config: TrainingConfig = START,
    watch: Watch | None = None,
) -> Tuned:
    columns, seen = log(), [] if told is None else told
    early = columns.take(slice(500))
    return tune(early, columns, SHIPPED, True, config, trials, 3, study, watch, seen.append)


@pytest.mark.slow
def test_the_first_trial_is_where_one_stands_and_the_best_is_never_worse() -> None:
    told: list[Trial] = []
    result = found(4, told=told)
    first = result.trials[0]
    assert first.settings["learning_rate"] == START.recurrent.learning_rate
    assert (first.settings["dim"], first.settings["lanes"]) == (8, 4)
    assert len(result.trials) == len(told) == 4
    assert result.best.ndcg == max(t.ndcg for t in result.trials if t.ndcg is not None)
    assert first.ndcg is not None
    assert result.best.ndcg >= first.ndcg
    assert result.config.recurrent.dim == result.best.settings["dim"]
    assert result.config.schedule.lanes == result.best.settings["lanes"]
    assert result.config.recurrent.hidden == 8  # what was not searched stays


@pytest.mark.slow
def test_the_first_trial_is_what_was_given_even_where_nothing_like_it_is_drawn() -> None:
    odd = START.model_copy(
        update={
            "recurrent": START.recurrent.model_copy(update={"dropout": 0.8}),
            "schedule": START.schedule.model_copy(update={"weight_decay": 0.0}),
        }
    )
    result = found(1, config=odd)
    assert result.config == odd
    settings = result.trials[0].settings
    assert (settings["dropout"], settings["weight_decay"]) == (0.8, 0.0)


@pytest.mark.slow
def test_a_study_is_kept_under_any_name_and_in_a_folder_that_was_not_there(tmp_path: Path) -> None:
    study = tmp_path / "new" / "stu?dy #1 {a}.db"
    assert len(found(1, study).trials) == 1
    assert [path.name for path in study.parent.iterdir()] == [study.name]
    assert len(found(1, study).trials) == 1


def test_a_file_that_is_no_study_is_named(tmp_path: Path) -> None:
    study = tmp_path / "notes.txt"
    study.write_text("not a database, only some text that is long enough for a header" * 9)
    with pytest.raises(ArtifactError, match=r"notes\.txt keeps no trials: .*not a database"):
        found(1, study)
    with pytest.raises(ArtifactError, match="keeps no trials"):
        found(1, tmp_path)


def test_events_that_nothing_can_be_predicted_of_are_no_ground_to_choose_on() -> None:
    columns = log()
    strangers = columns.user.copy()
    strangers[500:] = 20 + np.arange(100)
    users = tuple(UserId(f"u{k}") for k in range(120))
    later = replace(columns, user=strangers, users=users)
    early = later.take(slice(500))
    with pytest.raises(NotEnoughDataError, match="of 100 later events none follows another"):
        tune(early, later, SHIPPED, True, START, 2, 3)


def test_sizes_are_not_searched_from_an_artifact_of_one_size() -> None:
    columns = log()
    begun = START.model_copy(update={"begin": Path("somewhere")})
    with pytest.raises(ConfigError, match=r"training\.begin = somewhere"):
        tune(columns.take(slice(500)), columns, SHIPPED, True, begun, 2, 3)


@pytest.mark.slow
def test_a_search_that_was_cut_off_goes_on_and_one_that_is_done_tries_nothing(
    tmp_path: Path,
) -> None:
    study, told = tmp_path / "study.db", list[Trial]()
    assert len(found(2, study).trials) == 2
    result = found(3, study, told)
    assert [trial.number for trial in told] == [2]
    again = found(3, study, told)
    assert len(told) == 1
    assert again.trials == result.trials


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"recurrent": RecurrentConfig(dim=12, state=8, hidden=8, layers=1)}, "sizes"),
        ({"schedule": ScheduleConfig(epochs=3, lanes=6, length=16)}, "schedule"),
        ({"distil": DistilConfig(teacher="gru")}, "teacher"),
    ],
)
def test_a_search_of_other_settings_is_not_gone_on_from(
    other: dict[str, Any], named: str, tmp_path: Path
) -> None:
    study = tmp_path / "study.db"
    found(1, study)
    with pytest.raises(ArtifactError, match=rf"study\.db .* its {named} differ.* another file"):
        found(2, study, config=START.model_copy(update=other))


@pytest.mark.slow
def test_a_search_over_other_events_is_not_gone_on_from(tmp_path: Path) -> None:
    study, columns = tmp_path / "study.db", log()
    found(1, study)
    fewer = columns.take(slice(450))
    with pytest.raises(ArtifactError, match="its events, targets differ"):
        tune(fewer, columns, SHIPPED, True, START, 1, 3, study)


@pytest.mark.slow
def test_a_teacher_is_trained_once_and_teaches_every_trial() -> None:
    stages: list[str] = []

    def watch(at: Progress) -> None:
        if at.stage not in stages:
            stages.append(at.stage)

    taught = START.model_copy(
        update={"distil": DistilConfig(teacher="gru"), "gru": GatedConfig(dim=8, state=8)}
    )
    result = found(2, config=taught, watch=watch)
    assert stages == ["teacher:gru", "settings:1 of 2", "settings:2 of 2"]
    alone = found(1)
    assert result.trials[0].settings == alone.trials[0].settings
    assert result.trials[0].ndcg != alone.trials[0].ndcg
    assert result.config.distil == taught.distil


@pytest.mark.slow
def test_a_search_cut_off_in_its_first_trial_tries_where_one_stands_again(tmp_path: Path) -> None:
    study = tmp_path / "study.db"

    def cut_off(at: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found(2, study, watch=cut_off)
    first = found(2, study).trials[0]
    assert first.settings["learning_rate"] == START.recurrent.learning_rate
    assert first.settings["dim"] == 8


@pytest.mark.slow
def test_a_search_that_goes_on_tries_what_it_has_not_tried(tmp_path: Path) -> None:
    study = tmp_path / "study.db"
    found(3, study)
    rates = [trial.settings["learning_rate"] for trial in found(6, study).trials]
    assert len(set(rates)) == 6


@pytest.mark.slow
def test_widths_that_heads_do_not_divide_are_not_tried() -> None:
    config = START.model_copy(
        update={
            "model": "transformer",
            "transformer": TransformerConfig(dim=12, heads=3, hidden=16, window=8),
        }
    )
    widths = {trial.settings["dim"] for trial in found(4, config=config).trials}
    assert widths <= {12, 48, 96, 192}


@pytest.mark.slow
def test_settings_with_which_the_loss_diverges_are_given_up_and_the_search_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates: list[float] = []

    def loss(*given: Any) -> Any:
        found = next_item_loss(*given)
        rates.append(float(found.detach()))
        return found * float("nan") if len(rates) == 1 else found

    next_item_loss = sequence.next_item_loss
    monkeypatch.setattr(sequence, "next_item_loss", loss)
    result = found(2)
    assert [trial.ndcg is None for trial in result.trials] == [True, False]
    assert result.best.number == 1


@pytest.mark.slow
def test_a_trial_below_the_median_of_earlier_ones_is_given_up_before_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ndcgs = itertools.chain([0.5] * 9, itertools.repeat(0.1))  # three trials of three passes
    ended: set[tuple[str, int]] = set()

    def seen(at: Progress) -> None:
        ended.add((at.stage, at.epoch))

    monkeypatch.setattr(sequence, "ndcg_at_10", lambda *_: next(ndcgs))
    schedule = START.schedule.model_copy(update={"epochs": 3})
    result = found(5, config=START.model_copy(update={"schedule": schedule}), watch=seen)
    assert [trial.ndcg for trial in result.trials] == [0.5, 0.5, 0.5, None, None]
    passes = [sum(stage.startswith(f"settings:{n} ") for stage, _ in ended) for n in range(1, 6)]
    assert passes == [3, 3, 3, 1, 1]
    assert result.best.number == 0
