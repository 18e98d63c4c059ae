"""Learn how far to trust each source, from what users took next in a window held out."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from penchant.core.contracts import Mask, Reading
from penchant.engine.replay import Replay
from penchant.engine.stages import FORMS
from penchant.features.reader import FeatureColumns
from penchant.ranking.blend import (
    CONTEXTS,
    INSIDE_S,
    REGIME,
    Blend,
    Form,
    contexts,
    is_inside,
    shaped,
)

DEPTH: Final = 60
"""Best items of each source among which the target must be found; above 10, where NDCG@10 ends."""
RANDOM: Final = 60
"""Items drawn from the whole catalogue beside them, so that depth is seen too."""
MOST: Final = 6_000
"""Targets learned from, evenly spread over the window."""
FIRST: Final = 10
"""Places that count, in what is learned as in what it is judged by."""
STEP: Final = 0.1
"""Highest step size of Adam; falls to nothing over `PASSES`."""
REACH: Final = 2.0
"""So far below the tenth place in score, a target weighs half in what is learned."""
KEPT: Final = 0.95
"""Share of the running mean of the weights' logarithms that a step keeps: it is what is used."""
PASSES: Final = 12
BATCH: Final = 128
SHRINK: Final = 1e-4
"""Pull of what contexts add towards nothing (ridge)."""
LEAST: Final = 100
"""Examples of a regime below which it has no weights of its own."""
FOLDS: Final = 4
"""Stretches of the window, each judged by weights learned on the others."""
BEST: Final = 0.5
"""Logarithm of the weight that the best single source starts with."""
REST: Final = -3.0
"""Logarithm of the weights that all others start with."""


class Examples(NamedTuple):
    """What every source said before each of Q targets; the target is candidate 0."""

    scores: NDArray[np.float32]  # (Q, M, S) raw
    real: NDArray[np.bool_]  # (Q, M) False: padding
    context: NDArray[np.float32]  # (Q, C)
    opening: NDArray[np.bool_]  # (Q,) no event of its user less than a minute before


def spread_targets(f: FeatureColumns, since_s: float, most: int = MOST) -> NDArray[np.intp]:
    """Up to `most` positive events from `since_s` on, evenly spread; half of them, where there are
    as many, open a visit or basket (elsewhere what goes on inside is the most).
    """
    order = np.argsort(f.user, kind="stable")
    gap_s = np.diff(f.time_s[order])
    inside = (f.user[order][1:] == f.user[order][:-1]) & (gap_s < INSIDE_S)
    opening = np.ones(len(order), bool)
    opening[order[1:]] = ~inside
    wanted = (f.time_s >= since_s) & (f.weight > 0) & (f.row >= 0)
    begin, within = np.flatnonzero(wanted & opening), np.flatnonzero(wanted & ~opening)
    some = min(len(begin), max(most // 2, most - len(within)))
    return np.sort(np.r_[_evenly(begin, some), _evenly(within, min(len(within), most - some))])


def _evenly(places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    return places[np.linspace(0, len(places) - 1, count).astype(np.intp)] if count else places[:0]


def gather(
    replay: Replay,
    targets: NDArray[np.intp],
    repeats: bool,
    rng: Generator,
    watch: Callable[[int, int], None] | None = None,
) -> Examples:
    """Replay to each of `targets` (event indices, ascending) and note what the sources say."""
    names = tuple(replay.stages.sources)
    scores, seen, opening = [], [], []
    for number, index in enumerate(targets):
        replay.move_to(int(index))
        f = replay.features
        now = replay.user(int(f.user[index]))
        reading = now.reading(replay.stages.models, float(f.time_s[index]))
        row = int(f.row[index])
        if reading.recent and (repeats or row not in reading.taken):
            scores.append(_candidates(replay, reading, row, repeats, rng, names))
            seen.append(contexts(reading))
            opening.append(not is_inside(reading))
        if watch is not None:
            watch(number + 1, len(targets))
    widths = np.array([len(each) for each in scores], np.intp)
    real = np.arange(widths.max(initial=1)) < widths[:, None]
    padded = np.zeros((*real.shape, len(names)), np.float32)
    if scores:
        padded[real] = np.concatenate(scores)
    return Examples(
        padded,
        real,
        np.array(seen, np.float32).reshape(len(scores), CONTEXTS),
        np.array(opening, bool),
    )


def _candidates(
    replay: Replay,
    reading: Reading,
    row: int,
    repeats: bool,
    rng: Generator,
    names: Sequence[str],
) -> NDArray[np.float32]:
    whole = replay.stages.score(reading, slice(None), names)  # (N, S)
    allowed: Mask = np.ones(len(whole), bool)
    if not repeats:
        allowed[reading.taken.rows()] = False
    allowed[list(reading.dismissed)] = False
    allowed[row] = False
    open_ = np.flatnonzero(allowed)
    best = [open_[_top(whole[open_, s], DEPTH)] for s in range(len(names))]
    drawn = open_[rng.integers(0, len(open_), RANDOM if len(open_) else 0)]
    others = np.unique(np.concatenate([*best, drawn]))
    return whole[np.r_[row, others]]


def _top(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    if len(scores) <= count:
        return np.arange(len(scores))
    return np.argpartition(-scores, count)[:count]


def fit_blend(
    examples: Examples, names: Sequence[str], seed: int
) -> tuple[Blend, dict[str, dict[str, float]]]:
    """The blend, and NDCG@10 of it and of every source over the window, by regime.

    Log-linear: score = sum_s w_s(context) f_s(score_s), w >= 0, learned for the first ten places
    (`_loss`), apart for the events that open a visit and those inside it. Learning starts at the
    best single source. Each of `FOLDS` stretches of the window is judged by weights
    learned on the others, which counts the passes; then all of it is used. Where the blend does
    not beat the best single source, that source has all the weight.
    """
    forms = tuple(FORMS[name] for name in names)
    units = _units(examples, forms)
    bases, chosen, figures = [], [], {}
    for regime, of in (("opening", examples.opening), ("inside", ~examples.opening)):
        some = _take(examples, of)
        if len(some.scores) >= LEAST:
            base, label, figures[regime] = _regime(some, names, forms, units, seed)
            begin = 0 if regime == "opening" else REGIME
            bases.append(base[begin : begin + REGIME])
            chosen.append(label)
    both = np.concatenate([bases[0], bases[-1]])  # a regime hardly seen is judged like the other
    return Blend(tuple(names), forms, units, both, " / ".join(dict.fromkeys(chosen))), figures


def _regime(
    some: Examples,
    names: Sequence[str],
    forms: tuple[Form, ...],
    units: NDArray[np.float32],
    seed: int,
) -> tuple[NDArray[np.float32], str, dict[str, float]]:
    """Weights for one regime, what they are called, and the figures that decided."""
    figures = {name: _ndcg(some.scores[:, :, s], some) for s, name in enumerate(names)}
    best = max(names, key=lambda name: figures[name])
    start = _start(names.index(best), len(names))
    trials, inputs = np.zeros(PASSES), _shaped(some, forms, units)
    for fold in np.array_split(np.arange(len(some.scores)), FOLDS):
        held = np.zeros(len(some.scores), bool)
        held[fold] = True
        judged, theirs = _take(some, held), inputs[held]
        for done, base in enumerate(_learn(_take(some, ~held), inputs[~held], seed, start)):
            trials[done] += _ndcg(_blended(base, theirs, judged), judged) * held.mean()
    passes = int(np.argmax(trials)) + 1
    figures["blend"] = float(trials[passes - 1])
    if figures["blend"] <= figures[best]:
        return Blend.single(names, forms, best).base, best, figures
    *_, learned = _learn(some, inputs, seed, start, passes)
    return learned, "blend", figures


def _start(best: int, sources: int) -> NDArray[np.float32]:
    """(C, 2, S): nearly all weight on one source."""
    base = np.zeros((CONTEXTS, 2, sources), np.float32)
    for begin in (0, REGIME):
        base[begin] = REST
        base[begin, 0, best] = BEST
    return base


def _take(examples: Examples, which: slice | NDArray[np.bool_]) -> Examples:
    return Examples(
        examples.scores[which],
        examples.real[which],
        examples.context[which],
        examples.opening[which],
    )


def _shaped(
    examples: Examples, forms: tuple[Form, ...], units: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(Q, 2S, M): candidates innermost, which is the fastest to weigh."""
    q, m, s = examples.scores.shape
    each = shaped(examples.scores.reshape(q * m, s), forms, units)  # (Q M, 2, S)
    return np.ascontiguousarray(each.reshape(q, m, 2 * s).transpose(0, 2, 1))


def _learn(
    examples: Examples,
    inputs: NDArray[np.float32],
    seed: int,
    start: NDArray[np.float32],
    passes: int = PASSES,
) -> Iterator[NDArray[np.float32]]:
    """The logarithms of the weights, (C, 2, S), after each pass of the same schedule.

    `inputs` (Q, 2S, M) are the scores of `examples` in their shapes.
    """
    given, real = torch.from_numpy(inputs), torch.from_numpy(examples.real)
    context = torch.from_numpy(examples.context)
    torch.manual_seed(seed)
    base = torch.from_numpy(start.reshape(CONTEXTS, -1).copy()).requires_grad_()
    mean = base.detach().clone()
    optimiser = torch.optim.Adam([base], lr=STEP)
    ridge = torch.full((CONTEXTS, 1), SHRINK)
    ridge[0] = ridge[REGIME] = 0.0
    total = PASSES * -(-len(given) // BATCH)
    step = 0
    for _ in range(passes):
        for which in torch.split(torch.randperm(len(given)), BATCH):
            weights = torch.exp(context[which] @ base)  # (B, C) @ (C, 2S) -> (B, 2S)
            scores = torch.bmm(weights[:, None], given.index_select(0, which))[:, 0]
            loss = _loss(scores, real[which]) + (ridge * base.square()).sum()
            optimiser.param_groups[0]["lr"] = STEP * (1 - step / total) + 1e-4
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            mean.lerp_(base.detach(), 1 - KEPT)
            step += 1
        yield mean.numpy().reshape(CONTEXTS, 2, -1).copy()


def _loss(scores: Tensor, real: Tensor) -> Tensor:
    """mean over b of v_b sum_j |g_b0 - g_bj| log(1 + exp(s_bj - s_b0)): (B, M), target first.

    g = 1 / log2(2 + rank) within the first ten places and 0 below, so that each pair weighs what
    NDCG@10 would change if the two changed places (LambdaRank, Burges 2010, section 4; a bound of
    the measure: Wang et al., CIKM 2018). v = sigmoid(s_b0 - tenth best + REACH): who is out of
    reach counts little. Cross entropy spends itself on those: it may lower NDCG@10 on the very
    examples that it learns from.
    """
    held = scores.detach().masked_fill(~real, -torch.inf)
    best = held.topk(min(FIRST, held.shape[1]), dim=1)
    discounts = 1 / torch.log2(torch.arange(best.indices.shape[1]) + 2.0)
    gain = torch.zeros_like(held).scatter_(1, best.indices, discounts.expand(len(held), -1))
    change = (gain[:, 1:] - gain[:, :1]).abs() * real[:, 1:]
    within = torch.sigmoid(held[:, 0] - best.values[:, -1] + REACH)
    over = scores[:, 1:] - scores[:, :1]
    return ((F.softplus(over) * change).sum(dim=1) * within).mean()


def _units(examples: Examples, forms: Sequence[str]) -> NDArray[np.float32]:
    """Mean of the positive counts, standard deviation of the scores; 1 where there is nothing."""
    values = examples.scores[examples.real]
    units = np.ones(values.shape[1], np.float32)
    for s, form in enumerate(forms):
        column = values[:, s]
        if form == "count":
            column = column[column > 0]
            unit = float(column.mean()) if len(column) else 0.0
        else:
            unit = float(column.std())
        units[s] = unit if unit > 0 else 1.0
    return units


def _blended(
    base: NDArray[np.float32], inputs: NDArray[np.float32], examples: Examples
) -> NDArray[np.float32]:
    """(Q, M) scores of the candidates, which `inputs` (Q, 2S, M) are in their shapes."""
    logs = np.tensordot(examples.context, base, axes=1)  # (Q, C) . (C, 2, S) -> (Q, 2, S)
    weights = np.exp(logs).reshape(len(logs), 1, -1)
    return np.asarray((weights @ inputs)[:, 0], np.float32)


def _ndcg(scores: NDArray[np.float32], examples: Examples) -> float:
    """Mean over the examples; equal scores share a rank."""
    right = scores[:, :1]
    better = ((scores > right) & examples.real).sum(axis=1)
    equal = ((scores == right) & examples.real).sum(axis=1) - 1
    rank = better + equal / 2
    placed = ~np.isnan(right[:, 0]) & (rank < FIRST)
    return float(np.where(placed, 1 / np.log2(np.maximum(rank, 0.0) + 2), 0.0).mean())
