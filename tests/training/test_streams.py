import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.features.reader import FeatureColumns
from penchant.training.streams import (
    Histories,
    batches,
    batches_of,
    histories,
    side_by_side,
    whole_histories,
)


def log(lengths: list[int], seed: int) -> FeatureColumns:
    """Interleaved users whose row is the event's own number, so that each can be told apart."""
    rng = np.random.default_rng(seed)
    user = rng.permutation(np.repeat(np.arange(len(lengths)), lengths))
    n = len(user)
    return FeatureColumns(
        user.astype(np.int32),
        np.arange(n, dtype=np.int32),
        np.ones(n, np.int64),
        rng.choice([1.0, 1.0, 0.5, -1.0, 0.0], n).astype(np.float32),
        np.zeros(n, np.float32),
        np.sort(rng.integers(0, 1 + n // 3, n)).astype(np.float64),
    )


def epoch(held: Histories, lanes: int, length: int, seed: int, **how: bool) -> dict[int, int]:
    """Row -> target of every event of one epoch; an event seen twice may have only one target."""
    found: dict[int, list[int]] = {}
    for batch in batches(held, lanes, length, np.random.default_rng(seed), **how):
        assert batch.target.shape == batch.packed.row.shape
        pairs = zip(batch.packed.row.ravel().tolist(), batch.target.ravel().tolist(), strict=True)
        for row, target in pairs:
            found.setdefault(row, []).append(target)
    repeated = [row for row, targets in found.items() if len(targets) > 1]
    assert len(repeated) <= 1  # the last event fills the end of the last lanes, without a target
    for row in repeated:
        assert sorted(found[row])[:-1] == [-1] * (len(found[row]) - 1)
    return {row: max(targets) for row, targets in found.items()}


streams = {
    "lengths": st.lists(st.integers(1, 25), min_size=1, max_size=8),
    "seed": st.integers(0, 10_000),
    "lanes": st.integers(1, 40),
    "length": st.integers(2, 20),
}


@settings(max_examples=60, deadline=None)
@given(**streams)
def test_every_event_appears_once_an_epoch(
    lengths: list[int], seed: int, lanes: int, length: int
) -> None:
    columns = log(lengths, seed)
    for ties in (True, False):
        found = epoch(histories(columns), lanes, length, seed, ties=ties)
        assert sorted(found) == columns.row.tolist()


@settings(max_examples=60, deadline=None)
@given(**streams)
def test_an_epoch_has_as_many_batches_and_events_as_are_told_before(
    lengths: list[int], seed: int, lanes: int, length: int
) -> None:
    held = histories(log(lengths, seed))
    found = list(batches(held, lanes, length, np.random.default_rng(seed)))
    assert len(found) == batches_of(sum(lengths), lanes, length)
    assert sum(int((batch.place >= 0).sum()) for batch in found) == sum(lengths)


@settings(max_examples=60, deadline=None)
@given(**streams)
def test_the_target_is_the_next_event_of_the_same_user_where_that_is_positive(
    lengths: list[int], seed: int, lanes: int, length: int
) -> None:
    columns = log(lengths, seed)
    found = epoch(histories(columns), lanes, length, seed, ties=False)
    for who in range(len(lengths)):
        own = np.flatnonzero(columns.user == who)
        for this, following in zip(own, [*own[1:], -1], strict=True):
            learns = following >= 0 and columns.weight[following] > 0
            assert found[int(this)] == (following if learns else -1)


@settings(max_examples=60, deadline=None)
@given(**streams)
def test_ties_change_places_only_inside_their_instant(
    lengths: list[int], seed: int, lanes: int, length: int
) -> None:
    columns = log(lengths, seed)
    found = epoch(histories(columns), lanes, length, seed, ties=True)
    for this, following in found.items():
        if following >= 0:
            assert columns.user[following] == columns.user[this]
            assert columns.time_s[following] >= columns.time_s[this]
            between = (columns.time_s > columns.time_s[this]) & (
                columns.time_s < columns.time_s[following]
            )
            assert not (between & (columns.user == columns.user[this])).any()


def test_an_order_that_was_given_is_kept_inside_an_instant() -> None:
    columns = log([12, 9], 3)._replace(time_s=np.zeros(21))
    for seed in range(3):
        found = epoch(histories(columns, ordered=True), 2, 5, seed)
        assert found == epoch(histories(columns), 2, 5, seed, ties=False)


def test_ties_are_drawn_afresh_each_epoch() -> None:
    columns = log([40], seed=3)._replace(time_s=np.zeros(40), weight=np.ones(40, np.float32))
    held, rng = histories(columns), np.random.default_rng(0)
    one, two = ([b.packed.row.tolist() for b in batches(held, 1, 8, rng)] for _ in range(2))
    assert one != two


def test_the_gap_is_to_the_users_own_previous_event() -> None:
    columns = FeatureColumns(
        np.int32([0, 1, 0, 1]),
        np.int32([0, 1, 2, 3]),
        np.ones(4, np.int64),
        np.ones(4, np.float32),
        np.zeros(4, np.float32),
        np.array([0.0, 10.0, 60.0, 86_410.0]),
    )
    (batch,) = whole_histories(histories(columns), 1, 4)
    assert batch.packed.row[:, 0].tolist() == [0, 2, 1, 3]
    assert batch.packed.first[:, 0].tolist() == [True, False, True, False]
    knots = [gap.argmax().item() if gap.any() else None for gap in batch.packed.gap[:, 0]]
    assert knots == [None, 1, None, 5]  # a first event, a minute, a first event, a day
    ahead = [gap.argmax().item() if gap.any() else None for gap in batch.packed.ahead[:, 0]]
    assert ahead == [1, None, 5, None]
    assert batch.target[:, 0].tolist() == [2, -1, 3, -1]


def test_two_histories_of_one_user_side_by_side_know_nothing_of_each_other() -> None:
    events = log([6], seed=2)._replace(time_s=np.arange(6) * 86_400.0)
    cut = Histories(events, np.array([0, 4]), np.array([4, 2]))
    batch = side_by_side(cut)
    assert batch.packed.first[:2].tolist() == [[True, True], [False, False]]
    assert not batch.packed.gap[0].any()
    assert not batch.packed.ahead[3, 0].any()
    assert (batch.packed.query_s >= batch.packed.time_s).all()
    assert batch.target[3, 0] == -1


def test_events_without_an_item_are_left_out() -> None:
    columns = log([5, 4], seed=1)
    columns = columns._replace(row=np.where(columns.row == 3, -1, columns.row).astype(np.int32))
    assert 3 not in histories(columns).events.row
    assert len(histories(columns).events.row) == 8
