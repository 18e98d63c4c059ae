"""Histories changed by chance, anew for each pass: crop, leave out, mask, noise, reorder, retime.

Every function is given which histories to change, `chosen` (U,), and returns new `Histories`; the
order of time inside a history always holds. What a history is changed to is read by the model;
what it is asked to predict stays what was taken (`Histories.wanted`).
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from penchant.core.contracts import Mask
from penchant.training.config import AugmentConfig
from penchant.training.streams import Histories


def augmented(held: Histories, config: AugmentConfig, blank: int, rng: Generator) -> Histories:
    """Each change made to each history with its own probability; none is drawn where all are 0.

    `blank` is the row that stands for an item without a vector.
    """
    if config.crop:
        held = crop(held, _drawn(held, config.crop, rng), config.crop_share, rng)
    if config.leave_out:
        held = leave_out(held, _drawn(held, config.leave_out, rng), config.leave_out_share, rng)
    if config.noise:
        chosen = _drawn(held, config.noise, rng)
        held = noise(held, chosen, config.noise_share, config.noise_from == "neighbours", rng)
    if config.mask:
        held = mask(held, _drawn(held, config.mask, rng), config.mask_share, blank, rng)
    if config.reorder:
        held = reorder(held, _drawn(held, config.reorder, rng), config.reorder_share, rng)
    if config.retime:
        chosen = _drawn(held, config.retime, rng)
        held = retime(held, chosen, config.retime_most, config.retime_jitter, rng)
    return held


def view(held: Histories, config: AugmentConfig, blank: int, rng: Generator) -> Histories:
    """Each history cropped, masked or reordered: one of the three, drawn evenly.

    Xie et al., Contrastive Learning for Sequential Recommendation (CL4SRec), ICDE 2022.
    """
    kind = rng.integers(0, 3, len(held.begins))
    held = crop(held, kind == 0, config.crop_share, rng)
    held = mask(held, kind == 1, config.mask_share, blank, rng)
    return reorder(held, kind == 2, config.reorder_share, rng)


def crop(held: Histories, chosen: Mask, share: float, rng: Generator) -> Histories:
    """A run of `share` of each chosen history, at least one event, beginning anywhere."""
    size, offset = _span(held, share, rng)
    at = _place(held)
    who = _who(held)
    inside = (at >= offset[who]) & (at < (offset + size)[who])
    return _kept(held, inside | ~chosen[who])


def leave_out(held: Histories, chosen: Mask, share: float, rng: Generator) -> Histories:
    """Events left out with probability `share`; never the latest of a history."""
    out = _some(held, chosen, share, rng)
    out[held.begins + held.lengths - 1] = False
    return _kept(held, ~out)


def mask(held: Histories, chosen: Mask, share: float, blank: int, rng: Generator) -> Histories:
    """Items hidden with probability `share`: `blank` is read in their place."""
    hidden = _some(held, chosen, share, rng)
    return _told(held, np.where(hidden, blank, held.events.row).astype(np.int32))


def noise(
    held: Histories, chosen: Mask, share: float, neighbours: bool, rng: Generator
) -> Histories:
    """Items replaced with probability `share`: by one that goes with them, or by any.

    One that goes with an item is what some user took right before or after it, drawn as often as
    that happened; any is drawn as often as it was taken.
    """
    row = held.events.row
    wrong = np.flatnonzero(_some(held, chosen, share, rng))
    if neighbours:
        other = _beside(held, _same_item(row, wrong, rng), rng)
    else:
        other = rng.integers(0, len(row), len(wrong))
    told = row.copy()
    told[wrong] = row[other]
    return _told(held, told)


def reorder(held: Histories, chosen: Mask, share: float, rng: Generator) -> Histories:
    """A run of `share` of each chosen history is shuffled; the times stay where they are."""
    size, offset = _span(held, share, rng)
    who, at = _who(held), _place(held)
    inside = chosen[who] & (at >= offset[who]) & (at < (offset + size)[who])
    key = np.where(inside, offset[who] + rng.random(len(at)) * size[who], at)
    order = np.lexsort((key, who))
    events = held.events.take(order)._replace(time_s=held.events.time_s)
    wanted = None if held.wanted is None else held.wanted[order]
    return held._replace(events=events, wanted=wanted)


def retime(held: Histories, chosen: Mask, most: float, jitter: float, rng: Generator) -> Histories:
    """Gaps of each chosen history stretched by one factor, from 1 / `most` to `most`.

    Each gap is stretched by a factor of its own besides, log-normal with deviation `jitter`. Both
    factors are drawn on a logarithm. The first event keeps its time, and events at one instant
    stay together.
    """
    time_s, who = held.events.time_s, _who(held)
    gap = np.diff(time_s, prepend=time_s[:1])
    gap[held.begins] = 0.0
    factor = np.exp(rng.uniform(-1, 1, len(held.begins)) * np.log(most))[who]
    factor *= np.exp(jitter * rng.standard_normal(len(gap)))
    spent = np.cumsum(gap * factor)
    moved = time_s[held.begins][who] + (spent - spent[held.begins][who])
    return held._replace(events=held.events._replace(time_s=np.where(chosen[who], moved, time_s)))


def _drawn(held: Histories, probability: float, rng: Generator) -> Mask:
    return rng.random(len(held.begins)) < probability


def _some(held: Histories, chosen: Mask, share: float, rng: Generator) -> Mask:
    """(T,) events of chosen histories, each with probability `share`."""
    return np.asarray(chosen[_who(held)] & (rng.random(len(held.events.row)) < share))


def _span(
    held: Histories, share: float, rng: Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Length and offset of a run in each history."""
    size = np.ceil(share * held.lengths).astype(np.intp)
    return size, (rng.random(len(size)) * (held.lengths - size + 1)).astype(np.intp)


def _who(held: Histories) -> NDArray[np.intp]:
    """(T,) the history of each event."""
    return np.repeat(np.arange(len(held.begins)), held.lengths)


def _place(held: Histories) -> NDArray[np.intp]:
    """(T,) the place of each event in its history."""
    return np.arange(len(held.events.row)) - np.repeat(held.begins, held.lengths)


def _kept(held: Histories, kept: Mask) -> Histories:
    """Histories of the events kept; every history keeps one."""
    lengths = np.add.reduceat(kept, held.begins, dtype=np.intp) if len(kept) else held.lengths
    begins = np.cumsum(lengths) - lengths
    wanted = None if held.wanted is None else held.wanted[kept]
    return held._replace(
        events=held.events.take(kept), begins=begins, lengths=lengths, wanted=wanted
    )


def _told(held: Histories, row: NDArray[np.int32]) -> Histories:
    """Other items are read, the same are predicted."""
    wanted = held.events.row if held.wanted is None else held.wanted
    return held._replace(events=held.events._replace(row=row), wanted=wanted)


def _same_item(
    row: NDArray[np.int32], events: NDArray[np.intp], rng: Generator
) -> NDArray[np.intp]:
    """For each of `events` one that took the same item, itself perhaps."""
    order = np.argsort(row, kind="stable")
    begin = np.searchsorted(row[order], row[events], "left")
    end = np.searchsorted(row[order], row[events], "right")
    drawn = begin + (rng.random(len(events)) * (end - begin)).astype(np.intp)
    return np.asarray(order[drawn], np.intp)


def _beside(held: Histories, events: NDArray[np.intp], rng: Generator) -> NDArray[np.intp]:
    """The event before or after each in its history; itself where it is alone."""
    first, last = held.begins, held.begins + held.lengths - 1
    who = np.searchsorted(first, events, "right") - 1
    step = np.where(rng.random(len(events)) < 0.5, -1, 1)
    step = np.where(events == first[who], 1, np.where(events == last[who], -1, step))
    return np.clip(events + step, first[who], last[who])
