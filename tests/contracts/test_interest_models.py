"""What every interest model keeps to; a model is tested by being listed in MODELS."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures, InterestModel
from penchant.core.interests import Interests
from penchant.interests.models import SEQUENCE_MODELS, serve
from penchant.interests.nets import NETS
from penchant.interests.topic_average import TopicAverage

Builder = Callable[[], tuple[InterestModel, int]]
HOUR_S = 3600.0
BEGUN_S = 1.6e9


def topic_average() -> tuple[InterestModel, int]:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(48, 16)).astype(np.float32)
    prior = rng.dirichlet(np.ones(48)).astype(np.float32)
    bias = np.log(prior)
    return TopicAverage(weights, bias, rate=0.1, tau_s=7 * 24 * HOUR_S, prior=prior), 16


def net(name: str, **sizes: object) -> Builder:
    """A builder of the trained model `name`, as its net begins."""

    def build() -> tuple[InterestModel, int]:
        torch.manual_seed(0)
        made = NETS[name](9, 3, SEQUENCE_MODELS[name].config(dim=16, **sizes))
        assert isinstance(made, torch.nn.Module)
        weights = {key: each.numpy() for key, each in made.state_dict().items()}
        return serve(name, {"dim": 16, **sizes}, weights), 16

    return build


MODELS: dict[str, Builder] = {
    "recurrent": net("recurrent", state=24, hidden=20),
    "transformer": net("transformer", hidden=20, window=6),
    "lru": net("lru", state=12, hidden=20),
    "gru": net("gru", state=12),
    "lstm": net("lstm", state=10),
    "cnn": net("cnn", dilations=(1, 2)),
    "bilstm": net("bilstm", state=6, window=5),
    "mlp": net("mlp", hidden=12),
    "logistic": net("logistic"),
    "topic_average": topic_average,
}
"""Name -> builder of the model and D, the size of the event vectors it takes."""
KEEPS_EVENTS = {"transformer"}
"""Models whose state grows with a window of events: keys and values of each, read as they are."""

every_model = pytest.mark.parametrize("name", MODELS)
gaps = st.lists(st.floats(-2 * HOUR_S, 90 * 24 * HOUR_S), min_size=0, max_size=12)


def history(gaps_s: list[float], size: int, seed: int) -> list[EventFeatures]:
    """Events `gaps_s` apart (negative: out of order); some against, some without a vector."""
    rng = np.random.default_rng(seed)
    times = BEGUN_S + np.cumsum([0.0, *gaps_s])
    vectors = rng.normal(size=(len(times), size)).astype(np.float32)
    return [
        EventFeatures(
            row=n,
            vector=None if rng.random() < 0.15 else vectors[n],
            type=int(rng.integers(0, 3)),
            weight=float(rng.choice([1.0, 2.0, 0.5, 0.0, -2.0])),
            value=float(rng.normal()),
            time_s=float(time_s),
        )
        for n, time_s in enumerate(times)
    ]


def close(one: Interests, two: Interests) -> bool:
    return all(np.allclose(a, b, rtol=0.0, atol=1e-5) for a, b in zip(one, two, strict=True))


def same(one: Interests, two: Interests) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@every_model
@settings(max_examples=25, deadline=None)
@given(gaps_s=gaps, seed=st.integers(0, 99), wait_s=st.floats(0.0, 400 * 24 * HOUR_S))
def test_folding_a_history_is_stepping_through_it(
    name: str, gaps_s: list[float], seed: int, wait_s: float
) -> None:
    model, size = MODELS[name]()
    events = history(gaps_s, size, seed)
    stepped = model.start()
    for event in events:
        stepped = model.step(stepped, event)
    now_s = max(event.time_s for event in events) + wait_s
    folded = model.fold(model.start(), events)
    assert close(model.read(folded, now_s), model.read(stepped, now_s))


@every_model
@settings(max_examples=15, deadline=None)
@given(gaps_s=gaps, seed=st.integers(0, 99), cut=st.integers(0, 12))
def test_folding_in_two_parts_is_folding_at_once(
    name: str, gaps_s: list[float], seed: int, cut: int
) -> None:
    model, size = MODELS[name]()
    events = history(gaps_s, size, seed)
    now_s = max(event.time_s for event in events)
    parts = model.fold(model.fold(model.start(), events[:cut]), events[cut:])
    assert close(model.read(parts, now_s), model.read(model.fold(model.start(), events), now_s))


@every_model
@settings(max_examples=15, deadline=None)
@given(gaps_s=gaps, seed=st.integers(0, 99))
def test_a_state_dumped_and_loaded_reads_and_steps_exactly_as_before(
    name: str, gaps_s: list[float], seed: int
) -> None:
    model, size = MODELS[name]()
    events = history(gaps_s, size, seed)
    for state in (model.start(), model.fold(model.start(), events)):
        loaded = model.load(model.dump(state))
        now_s = BEGUN_S + 30 * 24 * HOUR_S
        assert same(model.read(loaded, now_s), model.read(state, now_s))
        one, two = model.step(loaded, events[0]), model.step(state, events[0])
        assert same(model.read(one, now_s), model.read(two, now_s))
        assert model.dump(loaded) == model.dump(state)


@every_model
def test_a_stranger_read_a_thousand_times_leaves_no_trace(name: str) -> None:
    model, _ = MODELS[name]()
    stranger = model.start()
    before, read = model.dump(stranger), model.read(stranger, BEGUN_S)
    for n in range(1000):
        model.read(model.start(), BEGUN_S + n)
        model.read(stranger, BEGUN_S + n)
    assert model.dump(stranger) == before == model.dump(model.start())
    assert same(model.read(stranger, BEGUN_S), read)


@every_model
def test_neither_events_nor_states_are_edited(name: str) -> None:
    model, size = MODELS[name]()
    events = history([HOUR_S] * 10, size, seed=1)
    copies = [None if e.vector is None else e.vector.copy() for e in events]
    state = model.fold(model.start(), events[:5])
    before = model.dump(state)
    for event in events[5:]:
        model.step(state, event)
    model.fold(state, events[5:])
    model.read(state, BEGUN_S + 24 * HOUR_S)
    assert model.dump(state) == before
    for event, copy in zip(events, copies, strict=True):
        assert (event.vector is None) == (copy is None)
        assert copy is None or np.array_equal(event.vector, copy)


@every_model
def test_an_event_without_a_vector_changes_nothing_that_is_read_after_it(name: str) -> None:
    model, size = MODELS[name]()
    state = model.fold(model.start(), history([HOUR_S] * 5, size, seed=2))
    time_s = BEGUN_S + 24 * HOUR_S
    searched = EventFeatures(-1, None, 1, 3.0, 1.0, time_s)
    unknown = EventFeatures(7, None, 2, -2.0, -4.0, time_s)
    vector = np.random.default_rng(5).normal(size=size).astype(np.float32)
    heard = EventFeatures(3, vector, 1, 1.0, 0.5, time_s + HOUR_S)
    then_s = time_s + 2 * HOUR_S
    for unheard in (searched, unknown):
        told = model.step(state, unheard)
        for now_s in (time_s, then_s):
            assert same(model.read(told, now_s), model.read(state, now_s))
        after, without = model.step(told, heard), model.step(state, heard)
        assert same(model.read(after, then_s), model.read(without, then_s))
        both = model.fold(state, [unheard, heard, unheard])
        assert close(model.read(both, then_s), model.read(without, then_s))
        stranger = model.step(model.start(), unheard)
        assert same(model.read(stranger, then_s), model.read(model.start(), then_s))


@every_model
def test_reading_twice_says_the_same(name: str) -> None:
    model, size = MODELS[name]()
    state = model.fold(model.start(), history([HOUR_S] * 8, size, seed=3))
    now_s = BEGUN_S + 48 * HOUR_S
    assert same(model.read(state, now_s), model.read(state, now_s))


@every_model
def test_interests_are_finite_directions_with_a_weight_each(name: str) -> None:
    model, size = MODELS[name]()
    state = model.fold(model.start(), history([0.0, HOUR_S, 4000 * 24 * HOUR_S], size, seed=4))
    for one in (model.start(), state):
        directions, weights = model.read(one, BEGUN_S + 9000 * 24 * HOUR_S)
        assert directions.ndim == 2
        assert weights.shape == (len(directions),)
        assert directions.dtype == weights.dtype == np.float32
        assert np.isfinite(directions).all()
        assert np.isfinite(weights).all()


@pytest.mark.parametrize("name", sorted(set(MODELS) - KEEPS_EVENTS))
def test_a_state_does_not_grow_with_the_history(name: str) -> None:
    model, size = MODELS[name]()
    long = model.fold(model.start(), history([HOUR_S] * 300, size, seed=5))
    longer = model.fold(long, history([HOUR_S] * 200, size, seed=6))
    assert len(model.dump(longer)) == len(model.dump(long))
