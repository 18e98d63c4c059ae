"""What a data set is worth: completeness, consistency, accuracy, diversity, and is it enough."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from penchant.core.events import EventColumns
from penchant.core.items import Item
from penchant.core.signals import Signal

KEEP_REPEATS_ABOVE: Final = 0.05
"""Share of repeated positive (user, item) pairs before the cut above which repeats are kept."""
CUT: Final = 0.9
"""Quantile of time that divides training from test."""
MIN_TARGETS: Final = 1_000
MIN_USERS: Final = 50
MIN_EVENTS_PER_USER: Final = 3
MIN_ITEMS: Final = 20
MIN_EVENTS_PER_ITEM: Final = 5
QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Completeness:
    """Share of events or items that have a field."""

    event_item: float
    event_value: float
    item_title: float
    item_categories: float
    item_description: float


@dataclass(frozen=True)
class Consistency:
    """What does not fit together."""

    types_without_items: tuple[str, ...]
    """Event types none of whose events has an item."""
    types_without_signal: tuple[str, ...]
    """Event types that no Signal gives a worth."""
    events_outside_catalogue: int
    """Events for items of which only the id is known."""
    out_of_order_share: float
    """Of rows that stood in the file after a later event of their user."""
    duplicate_share: float
    """Of events that repeat user, item, type, value and time of another."""


@dataclass(frozen=True)
class Accuracy:
    """What cannot be right; shares are of the rows read."""

    rejected_share: float
    sentinel_share: float
    not_finite_share: float
    flags: Mapping[str, int]


@dataclass(frozen=True)
class Diversity:
    """How widely events spread."""

    users: int
    items_met: int
    items_in_catalogue: int
    gini_of_items: float
    """0: every met item as often as any; near 1: all events on one item."""
    top_1_percent_share: float
    """Share of events on the most frequent 1 % of met items."""
    entropy_bits: float
    """Of items over events."""
    events_per_user: Mapping[str, float]
    """Quantiles."""


@dataclass(frozen=True)
class Values:
    """The values of one event type."""

    events: int
    with_value: int
    mean: float | None
    quantiles: Mapping[str, float]
    hint: str | None
    """What to set where values would be misread."""


@dataclass(frozen=True)
class Repeats:
    """How often users come back to an item, before the cut."""

    share: float
    auto: Literal["keep", "drop"]
    """What `repeats = auto` does here."""


@dataclass(frozen=True)
class Enough:
    """Whether there is enough to train on, and what is missing by how much."""

    enough: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class QualityReport:
    """All of it; `to_dict` is JSON."""

    events: int
    start_s: float | None
    end_s: float | None
    completeness: Completeness
    consistency: Consistency
    accuracy: Accuracy
    diversity: Diversity
    ties_share: float
    """Share of neighbours of one user with equal time: their order says nothing."""
    repeats: Repeats
    values: Mapping[str, Values]
    enough: Enough
    counts: Mapping[str, int] = field(default_factory=dict)
    """What reading and cleaning counted, by reason."""

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers."""
        return asdict(self)


def quality_report(
    columns: EventColumns,
    items: Sequence[Item],
    signals: Mapping[str, Signal],
    counts: Mapping[str, int] | None = None,
) -> QualityReport:
    """Judge events and their catalogue; `counts` is what reading and cleaning counted."""
    counted = counts or {}
    positive = positive_events(columns, signals)
    empty = len(columns) == 0
    return QualityReport(
        events=len(columns),
        start_s=None if empty else float(columns.time_s.min()),
        end_s=None if empty else float(columns.time_s.max()),
        completeness=_completeness(columns, items),
        consistency=_consistency(columns, items, signals, counted),
        accuracy=_accuracy(columns, counted),
        diversity=_diversity(columns, items),
        ties_share=ties_share(columns),
        repeats=repeats(columns, signals),
        values={
            name: _values(name, columns.value[columns.type == code], signals.get(name))
            for code, name in enumerate(columns.types)
        },
        enough=_enough(columns, positive),
        counts=dict(counted),
    )


def positive_events(columns: EventColumns, signals: Mapping[str, Signal]) -> Mask:
    """(T,) whether an event speaks for its item, by the Signal of its type and its value."""
    weight = np.array([_worth(signals, name) for name in columns.types] or [0.0])
    threshold = np.array([_threshold(signals, name) for name in columns.types] or [-np.inf])
    disliked = columns.value < threshold[columns.type]  # NaN: False
    return np.asarray((columns.row >= 0) & (weight[columns.type] > 0) & ~disliked)


def repeats(columns: EventColumns, signals: Mapping[str, Signal]) -> Repeats:
    """Share of positive events before the cut that repeat a (user, item)."""
    if not len(columns):
        return Repeats(0.0, "drop")
    before = columns.time_s < cut_time(columns)
    pairs = _pairs(columns)[before & positive_events(columns, signals)]
    share = 1 - len(np.unique(pairs)) / len(pairs) if len(pairs) else 0.0
    return Repeats(share, "keep" if share > KEEP_REPEATS_ABOVE else "drop")


def cut_time(columns: EventColumns, quantile: float = CUT) -> float:
    """The time of the event nearest to `quantile` of all."""
    if not len(columns):
        return float("nan")
    return float(np.quantile(columns.time_s, quantile, method="nearest"))


def ties_share(columns: EventColumns) -> float:
    """Share of neighbours of one user with equal time."""
    order = np.lexsort((columns.time_s, columns.user))
    user, time = columns.user[order], columns.time_s[order]
    neighbours = user[1:] == user[:-1]
    return _share(neighbours & (time[1:] == time[:-1]), int(neighbours.sum()))


def _worth(signals: Mapping[str, Signal], name: str) -> float:
    """The weight of a type; an unknown one speaks neither for nor against."""
    return signals[name].weight if name in signals else 0.0


def _threshold(signals: Mapping[str, Signal], name: str) -> float:
    """Values below it speak against the item."""
    found = signals[name].threshold if name in signals else None
    return -np.inf if found is None else found


def _pairs(columns: EventColumns) -> NDArray[np.int64]:
    """(T,) one number per (user, item)."""
    return columns.user.astype(np.int64) * (len(columns.items) + 1) + columns.row


def _share(mask: Mask, of: int) -> float:
    """Share of true ones, 0 of nothing."""
    return float(mask.sum() / of) if of else 0.0


def _completeness(columns: EventColumns, items: Sequence[Item]) -> Completeness:
    """Share present, per field."""
    events, count = len(columns), len(items)
    return Completeness(
        event_item=_share(columns.row >= 0, events),
        event_value=_share(~np.isnan(columns.value), events),
        item_title=_share(np.array([item.title is not None for item in items], bool), count),
        item_categories=_share(np.array([bool(item.categories) for item in items], bool), count),
        item_description=_share(
            np.array([item.description is not None for item in items], bool), count
        ),
    )


def _consistency(
    columns: EventColumns,
    items: Sequence[Item],
    signals: Mapping[str, Signal],
    counts: Mapping[str, int],
) -> Consistency:
    """What does not fit together."""
    told = {item.id for item in items if item != Item(item.id)}
    stub = np.array([item not in told for item in columns.items] or [True])
    with_items = set(np.unique(columns.type[columns.row >= 0]).tolist())
    types = enumerate(columns.types)
    return Consistency(
        types_without_items=tuple(name for code, name in types if code not in with_items),
        types_without_signal=tuple(name for name in columns.types if name not in signals),
        events_outside_catalogue=int((stub[columns.row] & (columns.row >= 0)).sum()),
        out_of_order_share=counts.get("out_of_order", 0) / max(counts.get("rows", len(columns)), 1),
        duplicate_share=_share(_duplicates(columns), len(columns)),
    )


def _duplicates(columns: EventColumns) -> Mask:
    """(T,) whether an earlier event is the same in all columns."""
    pairs = _pairs(columns)
    _, place, often = np.unique(pairs, return_inverse=True, return_counts=True)
    maybe = np.flatnonzero(often[place] > 1)
    keys = [column[maybe] for column in (pairs, columns.type, columns.value, columns.time_s)]
    order = np.lexsort(keys)  # stable: of what is the same the earliest stands first
    same = np.ones(max(len(maybe) - 1, 0), bool)
    for key in keys:
        here, before = key[order[1:]], key[order[:-1]]
        same &= (here == before) | (np.isnan(here) & np.isnan(before))
    found = np.zeros(len(columns), bool)
    found[maybe[order[1:][same]]] = True
    return found


def _accuracy(columns: EventColumns, counts: Mapping[str, int]) -> Accuracy:
    """What cannot be right."""
    rows = max(counts.get("rows", len(columns)), 1)
    rejected = sum(
        n for kind, n in counts.items() if kind.startswith(("rejected_", "dropped_no_"))
    ) - counts.get("rejected_items", 0)
    return Accuracy(
        rejected_share=rejected / rows,
        sentinel_share=counts.get("value_sentinel", 0) / rows,
        not_finite_share=counts.get("value_not_finite", 0) / rows,
        flags={
            kind.removeprefix("flag_"): n for kind, n in counts.items() if kind.startswith("flag_")
        },
    )


def _diversity(columns: EventColumns, items: Sequence[Item]) -> Diversity:
    """How widely events spread."""
    per_item = np.bincount(columns.row[columns.row >= 0], minlength=1)
    # (M,) events per met item, most first
    met: NDArray[np.float64] = np.sort(per_item[per_item > 0])[::-1].astype(np.float64)
    total = met.sum()
    shares = met / total if total else met
    per_user = np.bincount(columns.user, minlength=1)
    return Diversity(
        users=int((per_user > 0).sum()),
        items_met=len(met),
        items_in_catalogue=len(items),
        gini_of_items=_gini(met),
        top_1_percent_share=float(shares[: -(-len(met) // 100)].sum()),
        entropy_bits=float(-(shares * np.log2(shares)).sum()) if total else 0.0,
        events_per_user=_quantiles(per_user[per_user > 0]),
    )


def _gini(descending: NDArray[np.float64]) -> float:
    """Gini coefficient of positive numbers.

    >>> _gini(np.array([1.0, 1.0])), round(_gini(np.array([100.0, *[1e-9] * 99])), 2)
    (0.0, 0.99)
    """
    count = len(descending)
    if count == 0:
        return 0.0
    rising = descending[::-1]
    rank = np.arange(1, count + 1)
    return float((2 * rank - count - 1) @ rising / (count * rising.sum()))


def _quantiles(values: NDArray[Any]) -> dict[str, float]:
    """Values by name of their quantile; nothing of nothing."""
    if not len(values):
        return {}
    found = np.quantile(values, QUANTILES)
    return {f"{q:.0%}": float(value) for q, value in zip(QUANTILES, found, strict=True)}


def _values(name: str, values: NDArray[np.float32], signal: Signal | None) -> Values:
    """The values of one type, and whether they would be misread."""
    known = values[~np.isnan(values)].astype(np.float64)
    return Values(
        events=len(values),
        with_value=len(known),
        mean=float(known.mean()) if len(known) else None,
        quantiles=_quantiles(known),
        hint=_hint(name, known, signal),
    )


def _hint(name: str, known: NDArray[np.float64], signal: Signal | None) -> str | None:
    """A sentence where low ratings would count as liking."""
    rated = name in ("rating", "review") and len(np.unique(known)) > 2
    if not rated or signal is None or signal.threshold is not None:
        return None
    middle = (known.min() + known.max()) / 2
    low = float((known < middle).mean())
    return (
        f"low values count as liking: {low:.0%} of {name} values lie below {middle:g}; "
        f"set signals.{name}.threshold, for example to {middle:g}"
    )


def _enough(columns: EventColumns, positive: Mask) -> Enough:
    """Whether the three minima are reached and time divides it; what is not, with its number."""
    _, firsts = np.unique(columns.user, return_index=True)
    later = np.ones(len(columns), bool)
    later[firsts] = False
    per_user = np.bincount(columns.user, minlength=1)
    per_item = np.bincount(columns.row[columns.row >= 0], minlength=1)
    found = (
        (int((positive & later).sum()), MIN_TARGETS, "positive events after a user's first"),
        (
            int((per_user >= MIN_EVENTS_PER_USER).sum()),
            MIN_USERS,
            f"users with at least {MIN_EVENTS_PER_USER} events",
        ),
        (
            int((per_item >= MIN_EVENTS_PER_ITEM).sum()),
            MIN_ITEMS,
            f"items with at least {MIN_EVENTS_PER_ITEM} events",
        ),
    )
    missing = tuple(
        f"{has:,} {what}; {needs:,} are needed, {needs - has:,} more"
        for has, needs, what in found
        if has < needs
    )
    missing += _undivided(columns)
    return Enough(not missing, missing or tuple(f"{has:,} {what}" for has, _, what in found))


def _undivided(columns: EventColumns) -> tuple[str, ...]:
    """A sentence where too many events have the earliest time, so that none comes before a cut."""
    if not len(columns) or cut_time(columns) > columns.time_s.min():
        return ()
    first = float((columns.time_s == columns.time_s.min()).mean())
    return (
        f"{first:.0%} of {len(columns):,} events have the earliest time there is; less than "
        f"{CUT:.0%} may, so that the log can be cut into earlier and later ones",
    )
