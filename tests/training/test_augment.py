import numpy as np
import pytest

from penchant.features.reader import FeatureColumns
from penchant.training.augment import (
    augmented,
    crop,
    leave_out,
    mask,
    noise,
    reorder,
    retime,
    view,
)
from penchant.training.config import AugmentConfig
from penchant.training.streams import Histories, batches, histories

BLANK = 99
LENGTHS = [1, 2, 7, 10, 30]


def held() -> Histories:
    """Every event has an item of its own, 100 u + n, and a value that goes with it."""
    user = np.repeat(np.arange(len(LENGTHS)), LENGTHS).astype(np.int32)
    place = np.concatenate([np.arange(n) for n in LENGTHS])
    row = (100 * (user + 1) + place).astype(np.int32)
    n = len(user)
    return histories(
        FeatureColumns(
            user,
            row,
            np.ones(n, np.int64),
            np.ones(n, np.float32),
            row.astype(np.float32),
            np.arange(n) // 2 * 600.0,
        )
    )


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def everyone(chosen: bool = True) -> np.ndarray:
    return np.full(len(LENGTHS), chosen)


def each(one: Histories) -> list[list[int]]:
    rows = one.events.row
    return [rows[b : b + n].tolist() for b, n in zip(one.begins, one.lengths, strict=True)]


def whole(one: Histories) -> bool:
    """Users keep their events, times do not run backwards, begins and lengths fit."""
    users = [set(one.events.user[b : b + n]) for b, n in zip(one.begins, one.lengths, strict=True)]
    apart = np.diff(one.events.time_s)
    apart[one.begins[1:] - 1] = 0
    return users == [{n} for n in range(len(LENGTHS))] and bool((apart >= 0).all())


def test_a_crop_is_a_run_of_each_chosen_history() -> None:
    cut = crop(held(), everyone(), 0.5, rng())
    assert whole(cut)
    assert cut.lengths.tolist() == [1, 1, 4, 5, 15]
    assert all(np.diff(rows).tolist() == [1] * (len(rows) - 1) for rows in each(cut))
    starts = {each(crop(held(), everyone(), 0.5, rng(seed)))[2][0] for seed in range(40)}
    assert starts == {300, 301, 302, 303}


def test_leaving_out_keeps_the_latest_and_about_the_share_asked_for() -> None:
    left = leave_out(held(), everyone(), 0.5, rng())
    assert whole(left)
    assert [rows[-1] for rows in each(left)] == [rows[-1] for rows in each(held())]
    assert 5 < left.lengths[-1] < 25


def test_a_masked_item_is_read_as_blank_and_still_predicted() -> None:
    hidden = mask(held(), everyone(), 0.4, BLANK, rng())
    blank = hidden.events.row == BLANK
    assert 0.2 < blank.mean() < 0.6
    assert np.array_equal(hidden.events.row[~blank], held().events.row[~blank])
    assert hidden.wanted is not None
    assert np.array_equal(hidden.wanted, held().events.row)
    read = [b for b in batches(hidden, 1, 64, rng())]
    assert BLANK in read[0].packed.row
    assert BLANK not in read[0].target


def test_a_shuffled_run_moves_items_and_leaves_times() -> None:
    mixed = reorder(held(), everyone(), 0.4, rng())
    assert np.array_equal(mixed.events.time_s, held().events.time_s)
    assert [sorted(rows) for rows in each(mixed)] == each(held())
    assert np.array_equal(mixed.events.value, mixed.events.row)
    moved = np.flatnonzero(np.array(each(mixed)[-1]) != np.array(each(held())[-1]))
    assert 2 <= len(moved) <= 12
    assert moved[-1] - moved[0] < 12


def test_noise_is_what_goes_with_an_item_or_any() -> None:
    user = np.repeat(np.arange(40), 3).astype(np.int32)
    row = np.tile([5, 6, 7], 40).astype(np.int32)
    ones = np.ones(120)
    walks = histories(
        FeatureColumns(
            user, row, ones.astype(np.int64), ones.astype(np.float32), ones.astype(np.float32), ones
        )
    )
    near = noise(walks, np.ones(40, bool), 0.5, True, rng())
    assert near.wanted is not None
    assert np.array_equal(near.wanted, row)
    assert 0.3 < (near.events.row != row).mean() < 0.7
    assert set(near.events.row[row == 5]) == {5, 6}
    assert set(near.events.row[row == 6]) == {5, 6, 7}
    anything = noise(walks, np.ones(40, bool), 0.5, False, rng())
    assert set(anything.events.row[row == 5]) == {5, 6, 7}


def test_changed_time_keeps_order_and_instants_and_the_first_event() -> None:
    told = retime(held(), everyone(), 3.0, 0.5, rng())
    assert whole(told)
    before, after = held().events.time_s, told.events.time_s
    assert np.array_equal(after[told.begins], before[told.begins])
    gaps = np.diff(before)[told.begins[-1] :], np.diff(after)[told.begins[-1] :]
    assert np.allclose(gaps[1][gaps[0] == 0], 0, atol=1e-6)
    assert len(np.unique(np.round(gaps[1][gaps[0] > 0], 3))) > 5


def test_one_factor_stretches_a_whole_history() -> None:
    told = retime(held(), everyone(), 3.0, 0.0, rng())
    begin, end = told.begins[-1], told.begins[-1] + LENGTHS[-1] - 1
    was = held().events.time_s
    factor = (told.events.time_s[end] - was[begin]) / (was[end] - was[begin])
    assert 1 / 3 <= factor <= 3
    assert factor != pytest.approx(1, abs=0.01)
    assert np.allclose(
        told.events.time_s[begin : end + 1] - was[begin], factor * (was[begin:] - was[begin])
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda h, who: crop(h, who, 0.5, rng()),
        lambda h, who: leave_out(h, who, 0.5, rng()),
        lambda h, who: mask(h, who, 0.5, BLANK, rng()),
        lambda h, who: noise(h, who, 0.5, False, rng()),
        lambda h, who: reorder(h, who, 0.5, rng()),
        lambda h, who: retime(h, who, 2.0, 0.2, rng()),
    ],
)
def test_histories_not_chosen_stay_and_nothing_given_is_edited(change: object) -> None:
    given = held()
    left = change(given, everyone(False))  # type: ignore[operator]
    for name in FeatureColumns._fields:
        assert np.array_equal(getattr(left.events, name), getattr(held().events, name))
    change(given, everyone())  # type: ignore[operator]
    for name in FeatureColumns._fields:
        assert np.array_equal(getattr(given.events, name), getattr(held().events, name))


def test_by_default_nothing_is_changed_and_no_chance_is_drawn() -> None:
    chance = rng()
    given = held()
    assert augmented(given, AugmentConfig(), BLANK, chance) is given
    assert chance.random() == rng().random()


def test_all_changes_together_come_out_the_same_for_the_same_seed() -> None:
    every = AugmentConfig(crop=1, leave_out=1, noise=1, mask=1, reorder=1, retime=1)
    one, two = (augmented(held(), every, BLANK, rng(3)) for _ in range(2))
    assert whole(one)
    assert np.array_equal(one.events.row, two.events.row)
    assert np.array_equal(one.events.time_s, two.events.time_s)
    assert one.wanted is not None
    assert BLANK not in one.wanted
    assert set(one.wanted) <= set(held().events.row)


def test_a_view_changes_each_history_in_one_way() -> None:
    one, two = (view(held(), AugmentConfig(), BLANK, rng(seed)) for seed in range(2))
    assert whole(one)
    assert each(one) != each(two)
    for rows, was in zip(each(one), each(held()), strict=True):
        ways = [len(rows) < len(was), BLANK in rows, sorted(rows) == was and rows != was]
        assert sum(ways) <= 1
