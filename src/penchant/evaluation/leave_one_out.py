"""Leave-one-out, as papers report it: each user's last event is predicted from all before it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import EventFeatures, Reading, Source
from penchant.core.errors import ConfigError, NotEnoughDataError
from penchant.core.events import EventColumns
from penchant.core.signals import Signal
from penchant.engine.user_now import UserNow
from penchant.evaluation.contest import masked_rows
from penchant.evaluation.net_ranks import Asked, net_ranks
from penchant.features.reader import EventReader, FeatureColumns
from penchant.interests.nets import NETS
from penchant.measures.intervals import mean_interval
from penchant.measures.ranking import hr, mean_rank, ndcg
from penchant.retrieval.ease import Ease, lately
from penchant.retrieval.habit import Habit
from penchant.retrieval.item_item import ItemItem
from penchant.retrieval.learn_ease import learn_ease
from penchant.retrieval.learn_item_item import learn_item_item
from penchant.retrieval.transition import Transition, count_transitions
from penchant.retrieval.trending import Trending
from penchant.training.compact import compact_mask, compact_rows
from penchant.training.config import ModelName, TrainingConfig
from penchant.training.distil import train_model
from penchant.training.fit import Tell, repeats_usual
from penchant.training.sequence import Watch
from penchant.training.streams import histories
from penchant.training.teacher import net_of
from penchant.training.validation import Held

BASELINES: Final = ("popular", "habit", "transition", "item_item", "ease", "ease_recent")
"""Rows beside the sequence models; what is popular is counted over all training events."""
_SIDES: Final = ("left", "right")
LEAST: Final = 3
"""Positive events of a user who is tested; those with fewer only train."""


class Split(NamedTuple):
    """Which events train, validate and test; indexes into the columns."""

    features: FeatureColumns  # (T,) made by a reader that knows the training events alone
    types: int
    train: NDArray[np.bool_]  # (T,)
    valid: NDArray[np.intp]  # (Q,) the last but one positive event of each tested user
    test: NDArray[np.intp]  # (Q,) the last one
    hides: NDArray[np.bool_]  # (T,) whether the event dismisses its item
    keeps: bool


def evaluate_leave_one_out(  # noqa: PLR0913  data, settings, and who is watching
    name: str,
    columns: EventColumns,
    signals: Mapping[str, Signal],
    training: TrainingConfig,
    seeds: Sequence[int],
    ordered: bool = False,
    query_time: bool = False,
    repeats: bool | None = None,
    models: frozenset[str] | None = None,
    watch: Watch | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Every row with its interval over users, JSON-ready; only for comparison with papers.

    The last positive event of each user tests and the one before validates; a sequence model has
    the weights of its best pass on the validation events, and the validation event is part of the
    history when the last one is predicted. It is asked at the time of the event before the
    target, or with `query_time` at the target's own, as it was trained to be. `columns` are in
    fold order; `ordered`: so are the events of one user at one instant.
    """
    if training.begin is not None:
        raise ConfigError(
            f"training.begin = {training.begin}: leave-one-out trains from nothing, since an "
            "artifact may know the events that it asks for"
        )
    split = split_last(columns, signals, repeats)
    users = columns.user[split.test]
    lasts = list(_lasts(split, query_time))
    n_items = len(columns.items)
    rows = []
    popular = _popular(split, n_items)
    ease = cache(lambda: _ease(split, n_items, training))  # two rows ask one table
    for model in _chosen(models, training):
        facts: dict[str, Any] = {}
        if model in BASELINES:
            ranks = _by_source(model, split, lasts, popular, ease, tell)
        else:
            ranks, facts = _by_net(
                cast(ModelName, model),
                split,
                lasts,
                n_items,
                training,
                seeds,
                ordered,
                query_time,
                watch,
            )
        rows.append({**_row(model, ranks, users), **facts})
    return {
        "data": name,
        "protocol": "leave-one-out",
        "repeats": "keep" if split.keeps else "drop",
        "query_time": "the target" if query_time else "the event before it",
        "seeds": list(seeds),
        "events": int(split.train.sum()),
        "users": len(users),
        "items": len(columns.items),
        "rows": rows,
    }


def split_last(
    columns: EventColumns, signals: Mapping[str, Signal], repeats: bool | None = None
) -> Split:
    """Hold out the last two positive events on items of every user who has three or more.

    What a user does after the last of them is nowhere; what lies between them and is no target
    belongs to the history.
    """
    weight = EventReader.fit(signals, columns).columns(columns).weight
    positive = np.flatnonzero((weight > 0) & (columns.row >= 0))
    positive = positive[np.argsort(columns.user[positive], kind="stable")]
    user = columns.user[positive]
    last = np.flatnonzero(np.r_[user[1:] != user[:-1], True][: len(user)])
    tested = last[np.diff(np.r_[-1, last]) >= LEAST]
    if not len(tested):
        raise NotEnoughDataError(
            f"no user has {LEAST} positive events on items; leave-one-out tests those who do"
        )
    valid, test = positive[tested - 1], positive[tested]
    ends = np.full(len(columns.users), len(columns))
    ends[columns.user[test]] = valid
    train = np.arange(len(columns)) < ends[columns.user]
    known = columns.take(train)
    reader = EventReader.fit(signals, known)
    hides = np.array([signals[name].hides for name in columns.types])[columns.type]
    keeps = repeats_usual(known, signals) if repeats is None else repeats
    return Split(
        reader.columns(columns), len(reader.types), train, valid, test, np.asarray(hides), keeps
    )


def _chosen(models: frozenset[str] | None, training: TrainingConfig) -> list[str]:
    known = [*BASELINES, *NETS]
    for model in sorted((models or frozenset()) - {*known}):
        raise ConfigError(f"no row is named {model!r}; choose from {', '.join(sorted(known))}")
    return [m for m in known if m in (models or {*BASELINES, training.model})]


class _Last(NamedTuple):
    """One user just before the last event, and what that was."""

    reading: Reading
    row: int
    masked: NDArray[np.intp]  # (M,) rows that leave the contest


def _lasts(split: Split, query_time: bool) -> Iterator[_Last]:
    """In the order of `split.test`."""
    f = split.features
    order = np.argsort(f.user, kind="stable")
    begins, ends = (np.searchsorted(f.user[order], f.user[split.test], s) for s in _SIDES)
    for begin, end, at in zip(begins, ends, split.test.tolist(), strict=True):
        now = UserNow.stranger({})
        own = order[begin:end]
        for index in own[own < at].tolist():
            now.remember(_event(f, index), bool(split.hides[index]))
        then_s = float(f.time_s[at]) if query_time else now.recent[-1].time_s
        reading = now.reading({}, then_s)
        gone = sorted(masked_rows(reading, split.keeps))
        yield _Last(reading, int(f.row[at]), np.array(gone, np.intp))


def _event(f: FeatureColumns, index: int) -> EventFeatures:
    return EventFeatures(
        int(f.row[index]),
        None,
        int(f.type[index]),
        float(f.weight[index]),
        float(f.value[index]),
        float(f.time_s[index]),
    )


def _by_source(
    name: str,
    split: Split,
    lasts: Sequence[_Last],
    popular: Trending,
    ease: Callable[[], Ease],
    tell: Tell | None,
) -> NDArray[np.float64]:
    """(1, Q) ranks by a source that knows the training events; no seed moves it."""
    source = _source(name, split, popular, ease)
    ranks = np.empty((1, len(lasts)))
    for number, last in enumerate(lasts):
        scores = source.score(last.reading, slice(None))
        ranks[0, number] = mean_rank(scores, last.row, last.masked)
        if tell is not None and number % 100 == 0:
            tell(f"last:{name}", (number + 1) / len(lasts))
    return ranks


def _popular(split: Split, n_items: int) -> Trending:
    """Counts of all training events."""
    f = split.features.take(split.train)
    popular = Trending(np.inf, n_items)
    for index in range(len(f.row)):
        popular.absorb((), _event(f, index))
    return popular


def _ease(split: Split, n_items: int, config: TrainingConfig) -> Ease:
    f = split.features.take(split.train)
    table = learn_ease(
        f.user,
        f.row,
        f.weight,
        n_items,
        penalty=config.ease_penalty,
        most_items=config.ease_items,
    )
    return Ease(table)


def _source(name: str, split: Split, popular: Trending, ease: Callable[[], Ease]) -> Source:
    f, n_items = split.features.take(split.train), popular.n_items
    match name:
        case "habit":
            return Habit(popular)
        case "transition":
            return Transition(count_transitions(f.user, f.row, f.weight, n_items), popular)
        case "item_item":
            return ItemItem(learn_item_item(f.user, f.row, f.weight, n_items))
        case "ease":
            return ease()
        case "ease_recent":
            return ease().with_inputs(lately)
        case _:
            return popular


def _by_net(
    model: ModelName,
    split: Split,
    lasts: Sequence[_Last],
    n_items: int,
    config: TrainingConfig,
    seeds: Sequence[int],
    ordered: bool,
    query_time: bool,
    watch: Watch | None,
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """(S, Q) ranks, one row per seed, and what training told."""
    sizes = config.model_copy(update={"model": model}).sizes
    sizes = sizes.model_copy(update={"query_time": query_time})
    f, met = split.features, np.zeros(n_items, bool)
    taken = f.row[split.train & (f.row >= 0)]
    met[taken] = True
    known = histories(compact_rows(f.take(split.train), met), ordered)
    past, valid = _up_to(f, split.valid)
    held = Held.make(compact_rows(past, met), valid, compact_mask(met), split.keeps)
    whole, test = _up_to(f, split.test)
    at = np.empty(len(lasts), np.intp)
    at[np.argsort(split.test)] = np.flatnonzero(test)
    asked = Asked(at, [last.masked for last in lasts])
    items = len(compact_mask(met))
    ranks, runs = [], []
    for seed in seeds:
        trained = train_model(
            known,
            items,
            split.types,
            config.model_copy(update={"model": model, model: sizes}),
            seed,
            held,
            stage=f"learn:{model}",
            watch=watch,
        )
        net = net_of(model, items, split.types, sizes, config.schedule, trained.weights)
        ranks.append(net_ranks(net, whole, asked, met, query_time))
        runs.append(trained)
    return np.stack(ranks), {
        "passes": [run.epochs for run in runs],
        "validation_ndcg@10": [[round(n, 5) for n in run.ndcgs] for run in runs],
        "train_events_per_s": [round(run.events_per_s) for run in runs],
    }


def _up_to(f: FeatureColumns, last: NDArray[np.intp]) -> tuple[FeatureColumns, NDArray[np.bool_]]:
    """The events of each tested user up to their `last`, and which of these are the last."""
    ends = np.full(int(f.user.max()) + 1, -1)
    ends[f.user[last]] = last
    kept = np.arange(len(f.user)) <= ends[f.user]
    is_last = np.zeros(len(f.user), bool)
    is_last[last] = True
    return f.take(kept), is_last[kept]


def _row(model: str, ranks: NDArray[np.float64], users: NDArray[np.int32]) -> dict[str, Any]:
    """Means over users and seeds, (S, Q), and the interval over users."""
    row: dict[str, Any] = {"model": model}
    for name, measure in (("ndcg@10", ndcg), ("hr@10", hr)):
        gains = np.stack([measure(each, 10) for each in ranks])
        interval = mean_interval(gains.mean(0), users, np.random.default_rng(0))
        row[name] = round(float(gains.mean()), 5)
        row[f"{name}_ci95"] = [round(interval.low, 5), round(interval.high, 5)]
        row[f"{name}_by_seed"] = [round(float(gain), 5) for gain in gains.mean(1)]
    return row
