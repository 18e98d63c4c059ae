"""Search for the settings of a sequence model that predict later events best (Optuna)."""

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from penchant.core.errors import (
    ArtifactError,
    ConfigError,
    DivergedError,
    MissingExtraError,
    NotEnoughDataError,
)
from penchant.core.events import EventColumns
from penchant.core.signals import Signal
from penchant.training.config import ScheduleConfig, SequenceConfig, TrainingConfig
from penchant.training.distil import train_teacher
from penchant.training.following import Task, differing
from penchant.training.prepare import prepare
from penchant.training.sequence import Watch, train_sequence

try:
    import optuna
except ImportError as error:
    raise MissingExtraError("tune", "searching for settings", "optuna") from error

SIZES: Final = (32, 48, 64, 96, 128)
"""Item vector lengths tried; the served step costs their square."""
GIVEN: Final = "given"
"""Mark of the trial with the settings that were given, whatever the search can note of them."""
LANES: Final = (8, 16, 32, 64)
"""Batch sizes tried, in users read side by side."""


class Trial(NamedTuple):
    """One set of settings, tried."""

    number: int
    ndcg: float | None
    """NDCG@10 on later events; None: given up before its end."""
    settings: Mapping[str, Any]


class Tuned(NamedTuple):
    """What a search found."""

    best: Trial
    trials: tuple[Trial, ...]
    config: TrainingConfig
    """The settings given, with the best ones in their places."""


def tune(  # noqa: PLR0913  data, where to begin, how long, and who is watching
    columns: EventColumns,
    later: EventColumns,
    signals: Mapping[str, Signal],
    keeps: bool,
    config: TrainingConfig,
    trials: int,
    seed: int,
    study: Path | None = None,
    watch: Watch | None = None,
    tell: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Until `trials` sets of settings have been tried on `later`, what `columns` does not have.

    The first is `config` itself, so that the best is never worse. A trial whose NDCG@10 after a
    pass is below the median of earlier ones after theirs is given up. `study` is an SQLite file;
    a search that was cut off goes on from it. A teacher is trained once, as `config` has it, and
    teaches every trial.

    Raises ArtifactError where `study` has trials of the same model on other events or from other
    settings, whose figures cannot be compared with these, or is no file for them;
    NotEnoughDataError where nothing can be predicted of what `later` adds; ConfigError where
    training is to begin from an artifact, whose weights fit one size alone.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    begin = _task(columns, later, signals, keeps, config, seed)
    search = optuna.create_study(
        storage=None if study is None else _storage(study),
        study_name=config.model,
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=1),
    )
    _same(search, {**begin.told(), "teacher": _teacher(config)}, study)
    search.sampler = optuna.samplers.TPESampler(
        seed=seed + len(search.trials),  # a search that goes on draws what it has not drawn yet
        n_startup_trials=max(4, trials // 4),
    )
    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    tried = len(search.get_trials(deepcopy=False, states=ended))
    missing = trials - tried
    if missing > 0:
        _, teacher = train_teacher(
            begin.events, begin.items, begin.types, config, seed, begin.held, watch=watch
        )
        begin = begin._replace(teacher=teacher)

    def objective(trial: optuna.Trial) -> float:
        sizes, schedule = _drawn(trial, config)
        task = begin._replace(sizes=sizes, schedule=schedule)

        def go_on(epoch: int, ndcg: float) -> bool:
            trial.report(ndcg, epoch)
            return not trial.should_prune()

        try:
            trained = train_sequence(task, f"settings:{trial.number + 1} of {trials}", watch, go_on)
        except DivergedError:  # settings to stay away from
            raise optuna.TrialPruned from None
        if trial.should_prune():
            raise optuna.TrialPruned
        return trained.ndcg

    if not tried:
        search.enqueue_trial(_inside(_places(config)), user_attrs={GIVEN: True})
    if missing > 0:
        told = [] if tell is None else [lambda _, frozen: tell(_trial(frozen, config))]
        search.optimize(objective, n_trials=missing, callbacks=told)
    every = tuple(_trial(one, config) for one in search.get_trials(states=ended))
    best = _best(every, config)
    return Tuned(best, every, _placed(config, best.settings))


def _task(
    columns: EventColumns,
    later: EventColumns,
    signals: Mapping[str, Signal],
    keeps: bool,
    config: TrainingConfig,
    seed: int,
) -> Task:
    """What every trial trains, with the settings that were given."""
    if config.begin is not None:
        raise ConfigError(
            f"training.begin = {config.begin}: sizes are searched, and its weights have but one"
        )
    ready = prepare(columns, signals, keeps, later)
    if ready.held is None or not len(ready.held.target):
        raise NotEnoughDataError(
            f"of {len(later) - len(columns):,} later events none follows another of its user, on "
            "an item known by then, so that no trial could be judged"
        )
    return Task(
        ready.histories,
        ready.items,
        len(ready.reader.types),
        config.model,
        config.sizes,
        config.schedule,
        seed,
        ready.held,
    )


def _storage(study: Path) -> optuna.storages.RDBStorage:
    """The file of `--study`, whatever its name has in it."""
    try:
        study.parent.mkdir(parents=True, exist_ok=True)
        connect = partial(sqlite3.connect, study, check_same_thread=False)
        return optuna.storages.RDBStorage("sqlite://", engine_kwargs={"creator": connect})
    except (OSError, SQLAlchemyError, sqlite3.Error) as error:
        said = getattr(error, "orig", None) or error
        raise ArtifactError(
            f"{study} keeps no trials: {said}; allowed is a file of an earlier search, or a new one"
        ) from None


def _same(search: optuna.Study, told: dict[str, str], path: Path | None) -> None:
    """Note what the search is of, or refuse to go on with that of another one."""
    if not search.trials:
        search.set_user_attr("told", told)
    elif other := differing(told, search.user_attrs.get("told", {})):
        raise ArtifactError(
            f"{path} has the search of another training: its {other} differ; give another file"
        )


def _teacher(config: TrainingConfig) -> str:
    name = config.distil.teacher
    if name is None:
        return "none"
    sizes = config.model_copy(update={"model": name}).sizes
    return f"{config.distil.model_dump_json()} {sizes.model_dump_json()}"


def _best(every: tuple[Trial, ...], config: TrainingConfig) -> Trial:
    done = [trial for trial in every if trial.ndcg is not None]
    if not done:
        raise DivergedError("every trial", 1, config.sizes.learning_rate)
    return max(done, key=lambda trial: trial.ndcg or 0.0)


def _drawn(trial: optuna.Trial, config: TrainingConfig) -> tuple[SequenceConfig, ScheduleConfig]:
    """Settings that every model has; those that one alone has stay as they are."""
    begin = config.sizes.learning_rate
    heads = getattr(config.sizes, "heads", 1)
    widths = tuple(size for size in SIZES if size % heads == 0)
    found = {
        "dim": trial.suggest_categorical("dim", _with(widths, config.sizes.dim)),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        "learning_rate": trial.suggest_float("learning_rate", begin / 6, begin * 3, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-4, 0.3, log=True),
        "lanes": trial.suggest_categorical("lanes", _with(LANES, config.schedule.lanes)),
    }
    placed = config if GIVEN in trial.user_attrs else _placed(config, found)
    return placed.sizes, placed.schedule


def _with(choices: tuple[int, ...], given: int) -> tuple[int, ...]:
    return tuple(sorted({*choices, given}))


def _places(config: TrainingConfig) -> dict[str, Any]:
    """Where the search begins."""
    return {
        "dim": config.sizes.dim,
        "dropout": config.sizes.dropout,
        "learning_rate": config.sizes.learning_rate,
        "weight_decay": config.schedule.weight_decay,
        "lanes": config.schedule.lanes,
    }


def _inside(places: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the search can note it."""
    return {
        **places,
        "dropout": min(0.6, places["dropout"]),
        "weight_decay": min(0.3, max(1e-4, places["weight_decay"])),
    }


def _placed(config: TrainingConfig, found: Mapping[str, Any]) -> TrainingConfig:
    """`config` with the settings found, each in the section that has it."""
    sizes, schedule = type(config.sizes).model_fields, ScheduleConfig.model_fields
    whole = config.model_dump()
    whole[config.model].update({k: v for k, v in found.items() if k in sizes})
    whole["schedule"].update({k: v for k, v in found.items() if k in schedule})
    return TrainingConfig.model_validate(whole)


def _trial(frozen: optuna.trial.FrozenTrial, config: TrainingConfig) -> Trial:
    pruned = frozen.state == optuna.trial.TrialState.PRUNED
    settings = _places(config) if GIVEN in frozen.user_attrs else frozen.params
    return Trial(frozen.number, None if pruned else frozen.value, settings)
