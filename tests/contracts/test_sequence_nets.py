"""What every trained model keeps to: served event by event, it is what its net computes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from penchant.core.contracts import EventFeatures, InterestModel
from penchant.core.elapsed import WIDTH
from penchant.features.reader import FeatureColumns
from penchant.interests.models import SEQUENCE_MODELS, serve
from penchant.interests.nets import NETS
from penchant.interests.next_behaviour import Foretelling
from penchant.interests.next_behaviour_net import ForetellingNet
from penchant.interests.sequence_net import Packed, SequenceNet
from penchant.training.config import AugmentConfig, ContrastConfig, ModelName, TrainingConfig
from penchant.training.contrastive import Contrast
from penchant.training.sequence import next_item_loss
from penchant.training.streams import batches, histories, whole_histories
from penchant.training.validation import read_interests

ITEMS, TYPES, DIM = 12, 4, 16
YEAR_S = 31_536_000.0
GAPS_S = (0.0, 0.0, 1.0, 30.0, 3600.0, 86_400.0, 5 * YEAR_S)
SMALL: Mapping[str, Mapping[str, Any]] = {
    "recurrent": {"dim": DIM, "state": 24, "hidden": 20, "layers": 2},
    "lru": {"dim": DIM, "state": 12, "hidden": 20, "layers": 2},
    "gru": {"dim": DIM, "state": 12, "layers": 2},
    "lstm": {"dim": DIM, "state": 10, "layers": 1},
    "cnn": {"dim": DIM, "kernel": 3, "dilations": (1, 3)},
    "bilstm": {"dim": DIM, "state": 6, "window": 5},
    "mlp": {"dim": DIM, "half_lives_s": (60.0, 7200.0, 1e8), "hidden": 12},
    "logistic": {"dim": DIM, "half_lives_s": (60.0, 1e8)},
    "transformer": {"dim": DIM, "heads": 2, "hidden": 20, "layers": 2, "window": 9},
}
"""Sizes to test each model with; a model is tested by being listed."""

every_net = pytest.mark.parametrize("name", SMALL)


def test_every_model_is_listed() -> None:
    assert set(SMALL) == set(NETS) == set(SEQUENCE_MODELS) == set(get_args(ModelName))


@every_net
def test_settings_are_kept_under_the_name_of_their_model(name: ModelName) -> None:
    assert type(TrainingConfig(model=name).sizes) is SEQUENCE_MODELS[name].config


def net(name: str, seed: int = 0, **sizes: object) -> SequenceNet:
    """As after training: no part is silent."""
    torch.manual_seed(seed)
    config = SEQUENCE_MODELS[name].config(**{**SMALL[name], **sizes})
    made = NETS[name](ITEMS, TYPES, config)
    assert isinstance(made, nn.Module)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter) / parameter.shape[-1] ** 0.5
        made.events.types.weight *= 5
    return made.eval()


def served(name: str, made: SequenceNet, **sizes: object) -> InterestModel:
    assert isinstance(made, nn.Module)
    weights = {key: each.numpy() for key, each in made.state_dict().items()}
    return serve(name, {**SMALL[name], **sizes}, weights)


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


def event(made: SequenceNet, columns: FeatureColumns, n: int) -> EventFeatures:
    return EventFeatures(
        int(columns.row[n]),
        made.events.items.weight[int(columns.row[n])].detach().numpy(),
        int(columns.type[n]),
        float(columns.weight[n]),
        float(columns.value[n]),
        float(columns.time_s[n]),
    )


def read_one_by_one(
    model: InterestModel, made: SequenceNet, columns: FeatureColumns
) -> list[np.ndarray]:
    """(T) of (K, D): the served model after each event, read at the time of the user's next."""
    out, state = [], model.start()
    for n in range(len(columns.row)):
        begins = n == 0 or columns.user[n] != columns.user[n - 1]
        ends = n + 1 == len(columns.row) or columns.user[n + 1] != columns.user[n]
        state = model.step(model.start() if begins else state, event(made, columns, n))
        now_s = columns.time_s[n] if ends else columns.time_s[n + 1]
        read = model.read(state, now_s)
        out.append(read.directions * read.weights[:, None])
    return out


@every_net
@settings(max_examples=10, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
    query_time=st.booleans(),
)
def test_stepping_and_reading_is_the_forward_pass_at_every_position(
    name: str, lengths: list[int], seed: int, query_time: bool
) -> None:
    """Users follow one another in lanes; what is carried goes from stretch to stretch."""
    made, held = net(name, seed, query_time=query_time), histories(stream(lengths, seed))
    wanted = read_one_by_one(served(name, made, query_time=query_time), made, held.events)
    last = np.r_[held.events.user[1:] != held.events.user[:-1], True]
    seen = read_interests(made, held, query_time, lanes=2, length=7).numpy()
    for n in np.flatnonzero(~last | (not query_time)):  # where the query's time is the next event's
        np.testing.assert_allclose(seen[n], wanted[n], atol=1e-5)


@pytest.mark.parametrize("name", ["recurrent", "lru"])
def test_the_next_behaviour_is_what_the_net_foretells_and_asking_changes_nothing(name: str) -> None:
    made, columns = net(name, behaviour=0.5), stream([6], seed=4)
    assert isinstance(made, ForetellingNet)
    assert made.behaviour is not None
    model = served(name, made, behaviour=0.5)
    assert isinstance(model, Foretelling)
    state = model.fold(model.start(), [event(made, columns, n) for n in range(6)])
    before, told = model.dump(state), model.next_behaviour(state)
    assert model.dump(state) == before
    (batch,) = whole_histories(histories(columns), 1, 6)
    with torch.no_grad():
        types, gaps = made.behaviour(made.heard(batch.packed, made.start(1))[2][-1, 0])
    np.testing.assert_allclose(told.types, types.softmax(-1).numpy(), atol=1e-5)
    np.testing.assert_allclose(told.gaps, gaps.softmax(-1).numpy(), atol=1e-5)
    assert model.next_behaviour(model.start()) is None
    silent = served(name, net(name))
    assert silent.next_behaviour(silent.fold(silent.start(), [event(made, columns, 0)])) is None


@pytest.mark.parametrize("name", ["recurrent", "lru"])
def test_several_interests_are_read_as_the_forward_pass_computes_them(name: str) -> None:
    made, held = net(name, interests=3), histories(stream([9, 1, 14], seed=5))
    wanted = read_one_by_one(served(name, made, interests=3), made, held.events)
    last = np.r_[held.events.user[1:] != held.events.user[:-1], True]
    seen = read_interests(made, held, lanes=2, length=7).numpy()
    assert seen.shape == (24, 3, DIM)
    assert not np.allclose(seen[:, 0], seen[:, 2], atol=0.1)
    for n in np.flatnonzero(~last):
        np.testing.assert_allclose(seen[n], wanted[n], atol=1e-5)


@every_net
@settings(max_examples=10, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 20), min_size=4, max_size=12),
    seed=st.integers(0, 10_000),
    lanes=st.integers(2, 5),
)
def test_lanes_side_by_side_do_not_touch_each_other(
    name: str, lengths: list[int], seed: int, lanes: int
) -> None:
    """In every lane of a training pass, from the first user who begins in it."""
    made, held = net(name, seed), histories(stream(lengths, seed))
    last = np.r_[held.events.user[1:] != held.events.user[:-1], True]
    wanted = read_interests(made, held).numpy()
    begun = np.zeros(lanes, bool)
    checked, state = 0, []
    with torch.no_grad():
        for batch in batches(held, lanes, 4, np.random.default_rng(seed), ties=False):
            state = made.start(batch.target.shape[1]) if batch.fresh else state
            interests, state = made(batch.packed, state)
            for t, b in np.ndindex(*batch.place.shape):
                n = int(batch.place[t, b])
                begun[b] |= n >= 0 and bool(batch.packed.first[t, b])
                if n >= 0 and begun[b] and not last[n]:
                    np.testing.assert_allclose(interests[t, b].numpy(), wanted[n], atol=1e-5)
                    checked += 1
    assert checked > 0


@every_net
def test_a_history_of_one_has_finite_gradients(name: str) -> None:
    made = net(name)
    assert isinstance(made, nn.Module)
    made.train()
    one, none = torch.zeros(1, 1), torch.zeros(1, 1, WIDTH)
    time_s = torch.full((1, 1), 1.3e9, dtype=torch.float64)
    packed = Packed(one.long(), one.long(), one, one, none, none, one == 0, time_s, time_s)
    interests, _ = made(packed, made.start(1))
    torch.logsumexp(interests @ made.events.items.weight.T, -1).sum().backward()
    for key, parameter in made.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), key
    assert made.events.items.weight.grad is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_net
def test_a_cuda_device_reads_and_learns_what_the_processor_does(name: str) -> None:
    on_processor, there = (loss_and_slopes(name, torch.device(d)) for d in ("cpu", "cuda"))
    torch.testing.assert_close(there, on_processor, atol=1e-5, rtol=1e-4)


def loss_and_slopes(name: str, device: torch.device) -> list[torch.Tensor]:
    made = net(name, dropout=0.0)
    assert isinstance(made, nn.Module)
    made.to(device).train()
    held = histories(stream([9, 1, 30, 12], 3))
    batch = next(iter(batches(held, 2, 16, np.random.default_rng(0)))).to(device)
    interests, _ = made(batch.packed, made.start(batch.target.shape[1]))
    wanted = batch.target >= 0
    loss = next_item_loss(made, interests[wanted], batch.target[wanted], None)
    loss.backward()  # type: ignore[no-untyped-call]
    slopes = [p.grad.cpu() for p in made.parameters() if p.grad is not None]
    return [loss.detach().cpu(), *slopes]


@every_net
def test_later_events_change_nothing_before_them(name: str) -> None:
    made, columns = net(name), stream([12, 9], seed=3)
    held = histories(columns)
    changed = held.events.row.copy()
    changed[8:12] = (changed[8:12] + 5) % ITEMS
    other = held._replace(events=held.events._replace(row=changed))
    one, two = read_interests(made, held), read_interests(made, other)
    np.testing.assert_allclose(one[:8].numpy(), two[:8].numpy(), atol=1e-6)
    np.testing.assert_allclose(one[12:].numpy(), two[12:].numpy(), atol=1e-6)
    assert not torch.allclose(one[8:12], two[8:12], atol=1e-3)


@every_net
def test_a_stranger_wants_nothing_in_particular(name: str) -> None:
    model = served(name, net(name))
    read = model.read(model.start(), 1e9)
    assert not read.directions.any()


@every_net
def test_an_event_of_an_unknown_type_is_read_as_type_0(name: str) -> None:
    made, columns = net(name), stream([3], seed=1)
    model, known = served(name, made), event(made, columns, 0)
    state = model.step(model.start(), event(made, columns, 1))
    one = model.step(state, known._replace(type=0))
    two = model.step(state, known._replace(type=TYPES + 7))
    assert model.dump(one) == model.dump(two)


@every_net
def test_without_query_time_the_moment_of_reading_does_not_matter(name: str) -> None:
    made, columns = net(name, query_time=False), stream([6], seed=4)
    model = served(name, made, query_time=False)
    state = model.fold(model.start(), [event(made, columns, n) for n in range(6)])
    one, two = model.read(state, 1.4e9), model.read(state, 1.4e9 + YEAR_S)
    assert np.array_equal(one.directions, two.directions)


def test_whole_histories_gives_every_event_once_and_begins_lanes_with_users() -> None:
    held = histories(stream([5, 1, 17, 3, 9], seed=0))
    seen: list[int] = []
    for batch in whole_histories(held, 3, 4):
        if batch.fresh:
            assert batch.packed.first[0].all()
        seen += batch.place[batch.place >= 0].tolist()
    assert sorted(seen) == list(range(len(held.events.row)))


@every_net
@pytest.mark.parametrize("kind", ["views", "same_next"])
def test_a_contrastive_loss_teaches_the_net(name: str, kind: str) -> None:
    made = net(name)
    assert isinstance(made, nn.Module)
    config = ContrastConfig(weight=1.0, kind=kind, histories=6, longest=5)
    held = histories(stream([3, 9, 2, 6, 4, 8], seed=1))
    loss = Contrast(held, config, AugmentConfig(), ITEMS - 1, True)
    loss(made, np.random.default_rng(0)).backward()
    gradient = made.events.items.weight.grad
    assert gradient is not None
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().sum()) > 0


@every_net
def test_at_default_sizes_a_state_has_the_bytes_that_were_measured(name: str) -> None:
    told = json.loads(Path("benchmarks/results/steps.json").read_text())["models"]
    made = NETS[name](ITEMS, 5, SEQUENCE_MODELS[name].config())
    assert isinstance(made, nn.Module)
    weights = {key: each.numpy() for key, each in made.state_dict().items()}
    model, columns = serve(name, {}, weights), stream([220], seed=0)
    state = model.fold(model.start(), [event(made, columns, at) for at in range(220)])
    assert len(model.dump(state)) == told[name]["state_bytes"]
