import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures
from penchant.core.elapsed import WIDTH, gap_features
from penchant.features.reader import FeatureColumns
from penchant.interests.recurrent import Recurrent, RecurrentState
from penchant.interests.recurrent_net import Packed, RecurrentNet
from penchant.training.streams import batches, histories

ITEMS, TYPES, DIM = 12, 4, 16
YEAR_S = 31_536_000.0
GAPS_S = (0.0, 0.0, 1.0, 30.0, 3600.0, 86_400.0, 5 * YEAR_S)


def net(seed: int = 0, layers: int = 2) -> RecurrentNet:
    torch.manual_seed(seed)
    made = RecurrentNet(ITEMS, TYPES, WIDTH, DIM, state=24, hidden=20, layers=layers)
    with torch.no_grad():  # as after training: no part is silent
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter) / parameter.shape[-1] ** 0.5
        made.types.weight *= 5
    return made.eval()


def served(made: RecurrentNet) -> Recurrent:
    return Recurrent({name: each.numpy() for name, each in made.state_dict().items()})


def stream(lengths: list[int], seed: int) -> FeatureColumns:
    """Users whose events interleave in time; types, signed weights, values, gaps of every size."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(len(lengths)), lengths)
    gaps = rng.choice(GAPS_S, len(user))
    begins = np.r_[0, np.cumsum(lengths)[:-1]]
    time_s = 1.3e9 + np.cumsum(gaps) - np.repeat(np.cumsum(gaps)[begins], lengths)
    columns = FeatureColumns(
        user.astype(np.int32),
        rng.integers(0, ITEMS, len(user)).astype(np.int32),
        rng.integers(0, TYPES + 1, len(user)),
        rng.choice([1.0, 0.5, 3.0, -1.0, -2.0, 0.0], len(user)).astype(np.float32),
        rng.normal(size=len(user)).astype(np.float32),
        time_s,
    )
    return columns.take(np.lexsort((np.arange(len(user)), time_s)))


def ahead(waits_s: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(gap_features(waits_s.ravel()).reshape(*waits_s.shape, WIDTH))


def event(made: RecurrentNet, columns: FeatureColumns, n: int) -> EventFeatures:
    return EventFeatures(
        int(columns.row[n]),
        made.items.weight[int(columns.row[n])].detach().numpy(),
        int(columns.type[n]),
        float(columns.weight[n]),
        float(columns.value[n]),
        float(columns.time_s[n]),
    )


def read_one_by_one(made: RecurrentNet, columns: FeatureColumns, waits_s: np.ndarray) -> np.ndarray:
    """(T, D): the served model after each event, read `waits_s` later."""
    model, out = served(made), []
    state = model.start()
    for n in range(len(columns.row)):
        begins = n == 0 or columns.user[n] != columns.user[n - 1]
        state = model.step(model.start() if begins else state, event(made, columns, n))
        out.append(model.read(state, columns.time_s[n] + waits_s[n]).directions[0])
    return np.array(out)


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
    length=st.integers(2, 40),
    layers=st.integers(1, 3),
)
def test_stepping_and_reading_is_the_forward_pass_at_every_position(
    lengths: list[int], seed: int, length: int, layers: int
) -> None:
    """Users follow one another in one lane; states are carried from batch to batch."""
    made, held = net(seed, layers), histories(stream(lengths, seed))
    waits_s = np.random.default_rng(seed).choice(GAPS_S, len(held.events.row))
    wanted = read_one_by_one(made, held.events, waits_s)
    state, at, seen = made.start(1), 0, []
    every = batches(held, 1, length, np.random.default_rng(0), ties=False, shuffle=False)
    with torch.no_grad():
        for batch in every:
            stop = at + batch.target.shape[0]
            packed = batch.packed._replace(ahead=ahead(waits_s[at:stop, None]))
            interests, state = made(packed, state)
            seen.append(interests[:, 0])
            at = stop
    np.testing.assert_allclose(torch.cat(seen).numpy(), wanted, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 20), min_size=4, max_size=12),
    seed=st.integers(0, 10_000),
    lanes=st.integers(2, 5),
)
def test_lanes_side_by_side_do_not_touch_each_other(
    lengths: list[int], seed: int, lanes: int
) -> None:
    """In every lane, from the first user who begins in it, over as many batches as it takes."""
    made, held = net(seed), histories(stream(lengths, seed))
    follow = np.r_[np.diff(held.events.time_s), np.nan]
    last = np.r_[held.events.user[1:] != held.events.user[:-1], True]
    wanted = read_one_by_one(made, held.events, np.where(last, 0.0, follow))
    where = {float(value): n for n, value in enumerate(held.events.value)}
    begun = np.zeros(lanes, bool)
    checked, state = 0, []
    every = batches(held, lanes, 4, np.random.default_rng(0), ties=False, shuffle=False)
    with torch.no_grad():
        for batch in every:
            packed = batch.packed
            state = made.start(packed.row.shape[1]) if batch.fresh else state
            interests, state = made(packed, state)
            for t, b in np.ndindex(*packed.row.shape):
                begun[b] |= bool(packed.first[t, b])
                n = where[float(packed.value[t, b])]
                if begun[b] and not last[n]:
                    np.testing.assert_allclose(interests[t, b].numpy(), wanted[n], atol=1e-5)
                    checked += 1
    assert checked > 0


def test_a_history_of_one_has_finite_gradients() -> None:
    made = net().train()
    one = torch.zeros(1, 1)
    none = torch.zeros(1, 1, WIDTH)
    packed = Packed(one.long(), one.long(), one, one, none, none, one == 0)
    interests, _ = made(packed, made.start(1))
    torch.logsumexp(interests @ made.items.weight.T, -1).sum().backward()
    for name, parameter in made.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name
    assert made.items.weight.grad is not None


def test_a_stranger_wants_nothing_in_particular() -> None:
    model = served(net())
    assert model.read(model.start(), 1e9).directions.tolist() == [[0.0] * DIM]


def test_an_event_of_an_unknown_type_is_read_as_type_0() -> None:
    made = net()
    model, columns = served(made), stream([3], seed=1)
    known = event(made, columns, 0)
    state = model.step(model.start(), event(made, columns, 1))
    one = model.step(state, known._replace(type=0))
    two = model.step(state, known._replace(type=TYPES + 7))
    assert one.latest.tolist() == two.latest.tolist()


def test_the_longer_the_wait_the_nearer_the_interest_to_the_lasting_one() -> None:
    made = net()
    with torch.no_grad():  # what is kept falls with every knot of elapsed time
        made.fade.weight[:] = torch.linspace(3, -9, WIDTH)
        made.fade.bias.fill_(0.0)
    model, columns = served(made), stream([8], seed=2)
    state: RecurrentState = model.start()
    for n in range(8):
        state = model.step(state, event(made, columns, n))
    lasting = model.read(state, state.time_s + 50 * YEAR_S).directions[0]
    waits_s = (0.0, 60.0, 3600.0, 86_400.0, 30 * 86_400.0, YEAR_S)
    far = [
        float(np.linalg.norm(model.read(state, state.time_s + s).directions[0] - lasting))
        for s in waits_s
    ]
    assert far == sorted(far, reverse=True)
    assert far[0] > 0
    assert far[-1] == pytest.approx(0.0, abs=1e-3)
