"""From a log to everything an artifact holds: the recipe, read downwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penchant.core.errors import ArtifactMissingError, NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.interests import Vectors
from penchant.core.items import Item
from penchant.core.signals import Signal
from penchant.encoders.fit_topics import fit_topics
from penchant.encoders.topics import Topics
from penchant.engine.learned import Learned, load_learned
from penchant.engine.replay import Replay, cut_at
from penchant.engine.stages import FORMS, Live, counts_alike, learned_sources, learned_stages
from penchant.features.reader import EventReader, FeatureColumns
from penchant.interests.event_input import VECTORS
from penchant.interests.topic_average import TopicPace
from penchant.ranking.blend import Blend
from penchant.retrieval.ease import Ease
from penchant.retrieval.learn_ease import learn_ease
from penchant.retrieval.learn_item_item import learn_item_item
from penchant.retrieval.transition import Transition, count_transitions
from penchant.training.blend import LEAST, fit_blend, gather, spread_targets
from penchant.training.compact import compact_rows, compacted, expanded
from penchant.training.config import TopicsConfig
from penchant.training.config import TrainingConfig as TrainingConfig
from penchant.training.distil import train_model
from penchant.training.prepare import Prepared, prepare
from penchant.training.sequence import Trained, Watch, refresh_sequence
from penchant.training.streams import histories
from penchant.training.topics import learn_pace
from penchant.training.transfer import transferred

Tell = Callable[[str, float], None]
"""Stage and share of it that is done, 0 to 1."""
LEAST_EVENTS = LEAST
"""Positive events that follow another of their user, below which nothing can be learned."""


def fit(
    columns: EventColumns,
    items: Sequence[Item],
    signals: Mapping[str, Signal],
    config: TrainingConfig,
    seed: int,
    repeats: bool | None = None,
    watch: Watch | None = None,
    tell: Tell | None = None,
    checkpoint: Path | None = None,
) -> Learned:
    """Train twice: up to the latest `held_out` events to learn passes and blend, then on all.

    `columns` are in fold order and `items` are theirs by row. `repeats`: whether taken items may
    be recommended; None: if more than 5 % of positive events repeat a (user, item).
    """
    say = tell or _silent
    enough(columns, signals)
    keeps = repeats_usual(columns, signals) if repeats is None else repeats
    cut = cut_at(columns.time_s, 1 - config.held_out)
    early = columns.take(columns.time_s < cut)
    enough(early, signals, f" before the latest {config.held_out:.0%}, which are held out,")
    drafts = None if checkpoint is None else checkpoint.with_name("choose-" + checkpoint.name)
    first, chosen = _learn(
        early, items, signals, config, seed, keeps, columns, None, "choose", watch, say, drafts
    )
    blend, figures = _blend(first, columns, cut, signals, keeps, seed, say)
    final, trained = _learn(
        columns,
        items,
        signals,
        config,
        seed,
        keeps,
        None,
        chosen,
        "train",
        watch,
        say,
        checkpoint,
    )
    card = _card(columns, chosen, trained, figures, blend, seed, config)
    return replace(final, blend=blend, card=card)


def refresh(
    learned: Learned,
    columns: EventColumns,
    since_s: float,
    signals: Mapping[str, Signal],
    config: TrainingConfig,
    seed: int,
) -> Learned:
    """The same artifact with what has come: counts anew, and one gentle pass of the recurrence.

    The pass reads the users with an event since `since_s`, and as many others, drawn by `seed`,
    so that what was learned before is not forgotten. Topics and blend stay. A compressed table is
    decoded first, and what comes out is float32.
    """
    learned = learned.decoded()
    reader = EventReader.from_json(signals, learned.reader)
    f = reader.columns(columns)
    active = np.unique(f.user[f.time_s >= since_s])
    others = np.setdiff1d(np.unique(f.user), active)
    rng = np.random.default_rng(seed)
    replayed = rng.choice(others, min(len(others), len(active)), replace=False)
    chosen = f.take(np.isin(f.user, np.r_[active, replayed]))
    met = learned.met.copy()
    met[f.row[f.row >= 0]] = True
    small = refresh_sequence(
        compacted(learned.weights, learned.met, met, rng),
        histories(compact_rows(chosen, met)),
        len(reader.types),
        config.model,
        config.sizes,
        config.schedule,
        seed,
    )
    weights = expanded(small, met)
    counted = tables(f, len(columns.items), config, _silent)
    return replace(learned, weights=weights, met=met, tables=counted)


def _silent(stage: str, share: float) -> None:
    """Nobody is watching."""


def enough(columns: EventColumns, signals: Mapping[str, Signal], which: str = "") -> None:
    """Raise `NotEnoughDataError` when next to nothing could be learned; `which` events they are."""
    f = EventReader.fit(signals, columns).columns(columns)
    positive = (f.weight > 0) & (f.row >= 0)
    user = f.user[positive]
    follow = len(user) - len(np.unique(user))
    if follow < LEAST_EVENTS:
        raise NotEnoughDataError(
            f"{follow} positive events{which} follow another of their user; training needs at "
            f"least {LEAST_EVENTS}. Until then trending, habit and live item-item serve"
        )


def repeats_usual(columns: EventColumns, signals: Mapping[str, Signal]) -> bool:
    """Whether more than 5 % of the positive events repeat a (user, item)."""
    f = EventReader.fit(signals, columns).columns(columns)
    positive = (f.weight > 0) & (f.row >= 0)
    pair = f.user[positive].astype(np.int64) * len(columns.items) + f.row[positive]
    return bool(len(pair)) and 1 - len(np.unique(pair)) / len(pair) > 0.05


def tables(
    f: FeatureColumns, n_items: int, config: TrainingConfig, say: Tell
) -> dict[str, dict[str, NDArray[Any]]]:
    """The sources that are counted or solved, as arrays."""
    live = Live(n_items)
    return {
        "transition": Transition(
            count_transitions(f.user, f.row, f.weight, n_items), live.popular
        ).to_arrays(),
        "item_item": learn_item_item(f.user, f.row, f.weight, n_items, progress=say).to_arrays(),
        "ease": Ease(
            learn_ease(
                f.user,
                f.row,
                f.weight,
                n_items,
                penalty=config.ease_penalty,
                most_items=config.ease_items,
                progress=say,
            )
        ).to_arrays(),
    }


def topics_of(
    weights: Mapping[str, NDArray[np.float32]],
    f: FeatureColumns,
    items: Sequence[Item],
    met: NDArray[np.bool_],
    seed: int,
) -> Topics:
    """Topics of the items that have a vector."""
    rows = np.flatnonzero(met)
    counts = np.bincount(f.row[f.row >= 0], minlength=len(met))[rows].astype(np.float32)
    return fit_topics(
        weights[VECTORS][rows],
        [items[int(row)] for row in rows],
        counts,
        np.random.default_rng(seed),
    )


def pace_of(
    config: TopicsConfig,
    topics: Topics,
    vectors: Vectors,
    ready: Prepared,
    seed: int,
) -> TopicPace:
    """How fast interests over `topics` move; `vectors` are those of the compact rows."""
    match config.rate:
        case "fixed":
            return TopicPace()
        case "adaptive":
            return TopicPace(change=config.change)
        case "learned":
            return learn_pace(
                topics.memberships(vectors),
                topics.prior,
                ready.histories,
                len(ready.reader.types),
                np.random.default_rng(seed),
            )


def _learn(  # noqa: PLR0913  a recipe names its ingredients
    columns: EventColumns,
    items: Sequence[Item],
    signals: Mapping[str, Signal],
    config: TrainingConfig,
    seed: int,
    keeps: bool,
    later: EventColumns | None,
    chosen: Trained | None,
    stage: str,
    watch: Watch | None,
    say: Tell,
    checkpoint: Path | None,
) -> tuple[Learned, Trained]:
    """Everything but the blend, from `columns`; passes are chosen on what `later` adds to them."""
    ready = prepare(columns, signals, keeps, later)
    trained = train_model(
        ready.histories,
        ready.items,
        len(ready.reader.types),
        config,
        seed,
        ready.held,
        chosen,
        stage,
        watch,
        checkpoint,
        begun=_begun(config, columns, ready, seed),
    )
    met, f = ready.met, ready.features
    weights = expanded(trained.weights, met)
    names = learned_sources(config.model)
    topics = topics_of(weights, f, items, met, seed)
    learned = Learned(
        tuple(columns.items),
        ready.reader.to_json(),
        config.model,
        config.sizes.model_dump(mode="json"),
        weights,
        met,
        topics,
        tables(f, len(columns.items), config, say),
        Blend.single(names, tuple(FORMS[name] for name in names), config.model),
        keeps,
        {},
        pace_of(config.topics, topics, trained.weights[VECTORS], ready, seed),
    )
    return learned, trained


def _begun(
    config: TrainingConfig, columns: EventColumns, ready: Prepared, seed: int
) -> Mapping[str, NDArray[np.float32]] | None:
    if config.begin is None:
        return None
    if not config.begin.is_dir():
        raise ArtifactMissingError(f"there is no artifact to begin training from at {config.begin}")
    return transferred(
        load_learned(config.begin),
        columns.items,
        ready.met,
        ready.reader.types,
        config.model,
        config.sizes,
        seed,
    )


def _blend(
    learned: Learned,
    columns: EventColumns,
    cut: float,
    signals: Mapping[str, Signal],
    keeps: bool,
    seed: int,
    say: Tell,
) -> tuple[Blend, dict[str, dict[str, float]]]:
    live = Live(len(learned.items), columns.put_s)
    stages = learned_stages(learned, signals, live, len(learned.items))
    replay = Replay(stages, live, columns, signals)
    f = replay.features
    targets = spread_targets(f, cut)
    rng = np.random.default_rng(seed)
    examples = gather(replay, targets, keeps, rng, lambda done, total: say("blend", done / total))
    if max(examples.opening.sum(), (~examples.opening).sum()) < LEAST_EVENTS:
        return counts_alike(tuple(stages.sources)), {}
    return fit_blend(examples, tuple(stages.sources), seed)


def _card(
    columns: EventColumns,
    chosen: Trained,
    trained: Trained,
    figures: Mapping[str, Mapping[str, float]],
    blend: Blend,
    seed: int,
    config: TrainingConfig,
) -> dict[str, Any]:
    return {
        "events": len(columns),
        "users": len(np.unique(columns.user)),
        "items": len(columns.items),
        "newest_s": float(columns.time_s[-1]),
        "oldest_s": float(columns.time_s[0]),
        "seed": seed,
        "passes": trained.epochs,
        "losses": list(trained.losses),
        "held_out_ndcg10_by_pass": list(chosen.ndcgs),
        "teacher_held_out_ndcg10_by_pass": list(chosen.teacher.ndcgs) if chosen.teacher else [],
        "events_per_s": trained.events_per_s,
        "hardware": trained.hardware,
        "held_out_ndcg10": {regime: dict(each) for regime, each in figures.items()},
        "serves": blend.chosen,
        "config": config.model_dump(mode="json"),
    }
