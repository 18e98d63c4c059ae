"""What onnxruntime makes of the graphs is what the models make of the same events."""

from functools import cache
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.contracts import EventFeatures, InterestModel
from penchant.core.elapsed import KNOTS_S
from penchant.core.errors import ArtifactError
from penchant.interests.event_input import Weights
from penchant.interests.models import SEQUENCE_MODELS, serve
from penchant.interests.nets import NETS
from penchant.interests.onnx_models import FORMS, read_graph, step_graph

ITEMS, TYPES, DIM = 12, 4, 16
SIZES: dict[str, dict[str, Any]] = {
    "recurrent": {"dim": DIM, "state": 24, "hidden": 20, "layers": 2, "interests": 3},
    "lru": {"dim": DIM, "state": 12, "hidden": 20, "layers": 3, "interests": 2},
    "gru": {"dim": DIM, "state": 12, "layers": 2},
    "lstm": {"dim": DIM, "state": 10, "layers": 1},
}
YEAR_S = 31_536_000.0
NONE = float("nan")
every_form = pytest.mark.parametrize("name", FORMS)
gaps = st.floats(-7200.0, 3 * YEAR_S) | st.sampled_from(KNOTS_S) | st.floats(0.0, 2.0)


class Graphs:
    """A model's two graphs in onnxruntime, and the model itself."""

    @classmethod
    @cache
    def of(cls, name: str) -> "Graphs":
        """Made once."""
        return cls(name)

    def __init__(self, name: str, **more: Any) -> None:
        sizes = {**SIZES[name], **more}
        weights = trained(name, sizes)
        self.model: InterestModel = serve(name, sizes, weights)
        step, read = step_graph(name, sizes, weights), read_graph(name, sizes, weights)
        self.shapes = [port.shape for port in (step.inputs[0], step.outputs[1], read.outputs[0])]
        self._step = onnxruntime.InferenceSession(step.content)
        self._read = onnxruntime.InferenceSession(read.content)

    def strangers(self, users: int) -> list[np.ndarray]:
        return [np.zeros((users, *shape), np.float32) for shape in self.shapes[:2]]

    def step(self, layers: np.ndarray, events: list[EventFeatures], elapsed_s: Any) -> Any:
        return self._step.run(
            ["layers_after", "latest"],
            {
                "layers": layers,
                "vector": np.stack([event.vector for event in events]),
                "type": np.array([event.type for event in events], np.int32),
                "weight": np.array([event.weight for event in events], np.float32),
                "value": np.array([event.value for event in events], np.float32),
                "elapsed_s": np.array(elapsed_s, np.float64),
            },
        )

    def read(self, layers: np.ndarray, latest: np.ndarray, elapsed_s: Any) -> np.ndarray:
        given = {"layers": layers, "latest": latest, "elapsed_s": np.array(elapsed_s, np.float64)}
        return self._read.run(["directions"], given)[0]


def trained(name: str, sizes: dict[str, Any]) -> Weights:
    """As after training: no part is silent."""
    torch.manual_seed(0)
    made = NETS[name](ITEMS, TYPES, SEQUENCE_MODELS[name].config(**sizes))
    assert isinstance(made, torch.nn.Module)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter) / parameter.shape[-1] ** 0.5
        made.events.types.weight *= 5
    return {key: each.numpy() for key, each in made.state_dict().items()}


def event(rng: np.random.Generator, time_s: float) -> EventFeatures:
    """Of any type: known, met later (0), and codes that training did not give out."""
    return EventFeatures(
        row=0,
        vector=rng.normal(size=DIM).astype(np.float32),
        type=int(rng.integers(0, TYPES + 4)),
        weight=float(rng.choice([1.0, 0.5, 3.0, 0.0, -2.0])),
        value=float(rng.normal()),
        time_s=time_s,
    )


def equal(found: np.ndarray, wanted: Any) -> None:
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=0, atol=1e-5)


def layers_of(state: Any) -> np.ndarray:
    """As float32: of a complex number the real part, then the imaginary one."""
    return state.layers.view(np.float32)


@every_form
@settings(max_examples=15)
@given(users=st.lists(st.lists(gaps, max_size=8), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_the_graphs_move_and_read_many_users_as_the_model_does_each_of_them(
    name: str, users: list[list[float]], seed: int
) -> None:
    """Each user goes on while they have events, so that batches are of any size, also of none."""
    graphs, rng = Graphs.of(name), np.random.default_rng(seed)
    model, lengths = graphs.model, [1 + len(gaps_s) for gaps_s in users]
    states = [model.start() for _ in users]
    layers, latest = graphs.strangers(len(users))
    for n in range(max(lengths) + 1):
        on = [user for user, length in enumerate(lengths) if n < length]
        gaps_s = [users[user][n - 1] if n else 0.0 for user in on]
        before_s = [states[user].time_s if n else 1.4e9 for user in on]
        times_s = [at_s + gap_s for at_s, gap_s in zip(before_s, gaps_s, strict=True)]
        events = [event(rng, time_s) for time_s in times_s]
        if on:
            elapsed_s = np.array(times_s) - [states[user].time_s for user in on]
            layers[on], latest[on] = graphs.step(layers[on], events, elapsed_s)
        for user, heard in zip(on, events, strict=True):
            states[user] = model.step(states[user], heard)
            equal(layers[user], layers_of(states[user]))
            equal(latest[user], states[user].latest)
    for wait_s in (0.0, 30.0, 86_400.0, 5 * YEAR_S, -60.0):
        now_s = [state.time_s + wait_s for state in states]
        seen = graphs.read(layers, latest, [wait_s] * len(users))
        for user, state in enumerate(states):
            equal(seen[user], model.read(state, now_s[user]).directions)


@every_form
def test_a_stranger_reads_zeros(name: str) -> None:
    graphs = Graphs.of(name)
    wanted = graphs.model.read(graphs.model.start(), 1.4e9).directions
    seen = graphs.read(*graphs.strangers(2), [NONE, NONE])
    assert seen.shape == (2, *wanted.shape)
    assert not seen.any()
    assert not wanted.any()


@every_form
def test_a_code_that_training_did_not_give_out_is_that_of_an_unknown_type(name: str) -> None:
    graphs, rng = Graphs.of(name), np.random.default_rng(0)
    layers, _ = graphs.strangers(1)
    one = event(rng, 1.4e9)
    unknown, known = one._replace(type=0), one._replace(type=TYPES)
    wanted = graphs.step(layers, [unknown], [NONE])
    for code in (TYPES + 1, 10_000, -1):
        for found, right in zip(
            graphs.step(layers, [one._replace(type=code)], [NONE]), wanted, strict=True
        ):
            np.testing.assert_array_equal(found, right)
    assert not np.array_equal(graphs.step(layers, [known], [NONE])[1], wanted[1])


@every_form
def test_a_model_that_was_told_no_time_of_the_query_reads_the_same_at_any_time(name: str) -> None:
    graphs, rng = Graphs(name, query_time=False), np.random.default_rng(1)
    heard = event(rng, 1.4e9)
    state = graphs.model.step(graphs.model.start(), heard)
    layers, latest = graphs.step(graphs.strangers(1)[0], [heard], [NONE])
    for wait_s in (0.0, YEAR_S):
        seen = graphs.read(layers, latest, [wait_s])
        equal(seen[0], graphs.model.read(state, state.time_s + wait_s).directions)
    assert not graphs.read(layers, latest, [NONE]).any()


def test_a_model_that_keeps_events_is_refused_by_the_names_of_those_that_do_not() -> None:
    with pytest.raises(ArtifactError, match=r"'transformer'.*recurrent, lru, gru, lstm"):
        step_graph("transformer", {}, {})
