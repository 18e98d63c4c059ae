"""Learn how far to trust each source, from what users took next in a window held out."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.nn import functional as F

from penchant.core.contracts import Mask, Reading
from penchant.engine.replay import Replay
from penchant.engine.stages import FORMS
from penchant.features.reader import FeatureColumns
from penchant.ranking.blend import CONTEXTS, Blend, contexts, shaped

DEPTH: Final = 60
"""Best items of each source among which the target must be found; above 10, where NDCG@10 ends."""
RANDOM: Final = 60
"""Items drawn from the whole catalogue beside them, so that depth is seen too."""
MOST: Final = 6_000
"""Targets learned from, evenly spread over the window."""
STEP: Final = 0.1
"""Highest step size of Adam; falls to nothing."""
SHRINK: Final = 1e-4
"""Pull of what contexts add towards nothing (ridge)."""
RESERVED: Final = 0.4
"""Share of the window, its latest, that decides between the blend and the best single source."""


class Examples(NamedTuple):
    """What every source said before each of Q targets; the target is candidate 0."""

    scores: NDArray[np.float32]  # (Q, M, S) raw
    real: NDArray[np.bool_]  # (Q, M) False: padding
    context: NDArray[np.float32]  # (Q, C)
    first: NDArray[np.bool_]  # (Q,) the first event of its user's instant


def spread_targets(f: FeatureColumns, since_s: float, most: int = MOST) -> NDArray[np.intp]:
    """Up to `most` positive events from `since_s` on, evenly spread; half of them, where there are
    as many, the first of their user's instant (elsewhere a basket's later events are the most).
    """
    order = np.argsort(f.user, kind="stable")
    same = (f.user[order][1:] == f.user[order][:-1]) & (f.time_s[order][1:] == f.time_s[order][:-1])
    first = np.ones(len(order), bool)
    first[order[1:]] = ~same
    wanted = (f.time_s >= since_s) & (f.weight > 0) & (f.row >= 0)
    begin, within = np.flatnonzero(wanted & first), np.flatnonzero(wanted & ~first)
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
    scores, real, seen, first = [], [], [], []
    width = 1 + RANDOM + DEPTH * len(names)
    for number, index in enumerate(targets):
        replay.move_to(int(index))
        f = replay.features
        now = replay.user(int(f.user[index]))
        reading = now.reading(replay.stages.models, float(f.time_s[index]))
        row = int(f.row[index])
        if reading.recent and (repeats or row not in reading.taken):
            found = _candidates(replay, reading, row, repeats, rng, names)
            padded = np.zeros((width, len(names)), np.float32)
            padded[: len(found)] = found
            scores.append(padded)
            real.append(np.arange(width) < len(found))
            seen.append(contexts(reading))
            first.append(reading.recent[-1].time_s != f.time_s[index])
        if watch is not None:
            watch(number + 1, len(targets))
    return Examples(
        np.array(scores, np.float32).reshape(len(scores), width, len(names)),
        np.array(real, bool).reshape(len(scores), width),
        np.array(seen, np.float32).reshape(len(scores), CONTEXTS),
        np.array(first, bool),
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
        allowed[list(reading.taken)] = False
    allowed[list(reading.dismissed)] = False
    allowed[row] = False
    open_ = np.flatnonzero(allowed)
    best = [open_[_top(whole[open_, s], DEPTH)] for s in range(len(names))]
    drawn = open_[rng.integers(0, len(open_), RANDOM)]
    others = np.unique(np.concatenate([*best, drawn]))
    return whole[np.r_[row, others]]


def _top(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    if len(scores) <= count:
        return np.arange(len(scores))
    return np.argpartition(-scores, count)[:count]


def fit_blend(
    examples: Examples, names: Sequence[str], seed: int, passes: int = 12
) -> tuple[Blend, dict[str, float]]:
    """The blend, or the single source that it does not beat; and NDCG@10 of each on the latest.

    Log-linear: score = sum_s w_s(context) f_s(score_s), w >= 0, by cross entropy of the target
    among the candidates, the first events of an instant counting as much as all others. The
    decision is made on the latest 40 % of the window, with weights learned on the rest; then all
    of it is used.
    """
    forms = tuple(FORMS[name] for name in names)
    split = int(len(examples.scores) * (1 - RESERVED))
    early, late = _take(examples, slice(split)), _take(examples, slice(split, None))
    figures = {name: _ndcg(late.scores[:, :, s], late) for s, name in enumerate(names)}
    blend = _learn(early, names, forms, seed, passes)
    figures["blend"] = _ndcg(_blended(blend, late), late)
    best = max(names, key=lambda name: figures[name])
    if figures["blend"] <= figures[best]:
        return Blend.single(names, forms, best), figures
    return _learn(examples, names, forms, seed, passes), figures


def _take(examples: Examples, which: slice) -> Examples:
    return Examples(
        examples.scores[which], examples.real[which], examples.context[which], examples.first[which]
    )


def _learn(
    examples: Examples, names: Sequence[str], forms: Sequence[str], seed: int, passes: int
) -> Blend:
    units = _units(examples, forms)
    q, m, s = examples.scores.shape
    flat = shaped(examples.scores.reshape(q * m, s), forms, units)  # type: ignore[arg-type]
    inputs = torch.from_numpy(flat.reshape(q, m, 2 * s))
    real = torch.from_numpy(examples.real)
    context = torch.from_numpy(examples.context)
    torch.manual_seed(seed)
    base = torch.zeros(CONTEXTS, 2 * s)
    base[0] = -2.0
    base.requires_grad_()
    optimiser = torch.optim.Adam([base], lr=STEP)
    worth = _worth(torch.from_numpy(examples.first))
    steps, size = 0, 128
    total = passes * -(-q // size)
    for _ in range(passes):
        for which in torch.split(torch.randperm(q), size):
            weights = torch.exp(context[which] @ base)  # (B, C) @ (C, 2S) -> (B, 2S)
            logits = torch.bmm(inputs[which], weights[:, :, None])[:, :, 0]
            logits = logits.masked_fill(~real[which], -torch.inf)
            surprise = F.cross_entropy(
                logits, torch.zeros(len(which), dtype=torch.long), reduction="none"
            )
            loss = (surprise * worth[which]).mean() + SHRINK * base[1:].square().sum()
            optimiser.param_groups[0]["lr"] = STEP * (1 - steps / total) + 1e-4
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            steps += 1
    learned = base.detach().numpy().reshape(CONTEXTS, 2, s).copy()
    return Blend(tuple(names), tuple(forms), units, learned)  # type: ignore[arg-type]


def _worth(first: torch.Tensor) -> torch.Tensor:
    """(Q,) weights that let the first events of an instant and the later ones count alike."""
    share = first.float().mean()
    if not 0 < float(share) < 1:
        return torch.ones(len(first))
    return torch.where(first, 0.5 / share, 0.5 / (1 - share))


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


def _blended(blend: Blend, examples: Examples) -> NDArray[np.float32]:
    q, m, s = examples.scores.shape
    each = shaped(examples.scores.reshape(q * m, s), blend.forms, blend.units)
    weights = np.exp(np.tensordot(examples.context, blend.base, axes=1))  # (Q, 2, S)
    return np.asarray(np.einsum("qmfs,qfs->qm", each.reshape(q, m, 2, s), weights), np.float32)


def _ndcg(scores: NDArray[np.float32], examples: Examples) -> float:
    """Mean over all events plus mean over the first of each instant, halved; ties share a rank."""
    right = scores[:, :1]
    better = ((scores > right) & examples.real).sum(axis=1)
    equal = ((scores == right) & examples.real).sum(axis=1) - 1
    rank = better + equal / 2
    gain = np.where(rank < 10, 1 / np.log2(rank + 2), 0.0)
    firsts = gain[examples.first]
    return float((gain.mean() + (firsts.mean() if len(firsts) else gain.mean())) / 2)
