"""What is particular to the causal Transformer; what holds for all models is in contracts."""

from typing import Literal

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from penchant.core.contracts import EventFeatures
from penchant.core.errors import ShapeError
from penchant.features.reader import FeatureColumns
from penchant.interests.event_input import Weights
from penchant.interests.transformer import Transformer, TransformerConfig
from penchant.interests.transformer_net import TransformerNet
from penchant.training.streams import histories
from penchant.training.validation import read_interests

WINDOW, LAYERS, DIM = 5, 2, 16
HOUR_S = 3600.0


def config(**how: object) -> TransformerConfig:
    sizes = {"dim": DIM, "hidden": 20, "layers": LAYERS, "window": WINDOW}
    return TransformerConfig.model_validate({**sizes, **how})


def net(sizes: TransformerConfig) -> TransformerNet:
    """As after training: no part is silent."""
    torch.manual_seed(1)
    made = TransformerNet(12, 3, sizes).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


def weights(made: TransformerNet) -> Weights:
    return {name: each.numpy() for name, each in made.state_dict().items()}


def heard(made: TransformerNet, n: int, time_s: float) -> EventFeatures:
    vector = made.events.items.weight[n % 12].detach().numpy()
    return EventFeatures(n % 12, vector, 1, 1.0, 0.0, time_s)


@pytest.mark.parametrize("length", [1, 3, 4, 20])
@pytest.mark.parametrize("attention", ["softmax", "pointwise"])
def test_a_long_history_is_read_as_the_net_reads_it_in_stretches(
    attention: Literal["softmax", "pointwise"], length: int
) -> None:
    """Stretches shorter than the window, and longer; two users in one lane."""
    sizes = config(attention=attention)
    made = net(sizes)
    user = np.repeat([0, 1], [17, 8]).astype(np.int32)
    ones = np.ones(25, np.float32)
    time_s = 1e9 + np.cumsum(np.random.default_rng(0).choice([0.0, 60.0, 9e5], 25))
    columns = FeatureColumns(
        user, (np.arange(25) % 12).astype(np.int32), np.ones(25, np.int64), ones, 0 * ones, time_s
    )
    seen = read_interests(made, histories(columns), lanes=1, length=length).numpy()[:, 0]
    model = Transformer(weights(made), sizes)
    for begin, end in ((0, 17), (17, 25)):
        state = model.start()
        for n in range(begin, end - 1):
            state = model.step(state, heard(made, n, time_s[n]))
            read = model.read(state, time_s[n + 1]).directions[0]
            np.testing.assert_allclose(seen[n], read, atol=1e-5)


@pytest.mark.parametrize("attention", ["softmax", "pointwise"])
@pytest.mark.parametrize("window", [90, 300])
def test_a_long_history_is_folded_in_blocks_as_it_is_stepped_through(
    attention: Literal["softmax", "pointwise"], window: int
) -> None:
    """More than a block, and more than all windows reach; some of it known before."""
    made = net(config(attention=attention, window=window))
    model = Transformer(weights(made), config(attention=attention, window=window))
    times_s = 1e9 + np.cumsum(np.random.default_rng(0).choice([0.0, 60.0, 9e5], 250))
    events = [heard(made, n, time_s) for n, time_s in enumerate(times_s.tolist())]
    events[100] = events[100]._replace(vector=None)
    state = before = model.start()
    for n, event in enumerate(events):
        state = model.step(state, event)
        before = state if n == 9 else before
    for folded in (model.fold(model.start(), events), model.fold(before, events[10:])):
        assert folded.waiting_s == state.waiting_s
        np.testing.assert_array_equal(folded.times_s, state.times_s)
        np.testing.assert_allclose(folded.kept, state.kept, atol=1e-5)
        np.testing.assert_allclose(folded.waiting, state.waiting, atol=1e-6)


def test_what_lies_before_the_windows_of_all_layers_is_forgotten() -> None:
    sizes = config()
    made = net(sizes)
    model = Transformer(weights(made), sizes)
    reach = LAYERS * (WINDOW - 1)  # events before the latest that it still hears of
    for kept, alike in ((reach + 1, True), (reach, False)):
        one, two = model.start(), model.step(model.start(), heard(made, 5, 0.0))
        one = model.step(one, heard(made, 9, 0.0))
        for n in range(kept):
            event = heard(made, n, HOUR_S * (n + 1))
            one, two = model.step(one, event), model.step(two, event)
        now_s = HOUR_S * (kept + 1)
        read = [model.read(state, now_s).directions for state in (one, two)]
        assert np.array_equal(*read) == alike


def test_keys_are_kept_for_the_window_and_no_longer() -> None:
    sizes = config()
    made = net(sizes)
    model, state = Transformer(weights(made), sizes), Transformer(weights(made), sizes).start()
    for n in range(40):
        state = model.step(state, heard(made, n, HOUR_S * n))
        assert len(state.times_s) == min(n, WINDOW - 1)
    each = 8 + 4 * 2 * LAYERS * DIM
    assert len(model.dump(state)) == 8 + 4 * DIM + (WINDOW - 1) * each


def test_an_old_event_counts_less_where_the_learned_bias_falls_with_time() -> None:
    sizes = config(layers=1)
    made = net(sizes)
    with torch.no_grad():
        made.ahead.weight.zero_()
        made.times[:] = torch.linspace(0, -30, made.times.shape[-1])
        made.places.zero_()
    model = Transformer(weights(made), sizes)
    alone = model.step(model.start(), heard(made, 3, 1e9))
    after = {}
    for gap_s in (60.0, 1e9):
        before = model.step(model.start(), heard(made, 8, 1e9 - gap_s))
        state = model.step(before, heard(made, 3, 1e9)._replace(value=0.0))
        state = state._replace(waiting=alone.waiting)  # the gap itself is not heard
        after[gap_s] = model.read(state, 1e9).directions
    wanted = model.read(alone, 1e9).directions
    far = {gap_s: float(np.abs(read - wanted).max()) for gap_s, read in after.items()}
    assert far[1e9] < 1e-4 < far[60.0]


def test_a_state_laid_out_by_another_version_is_refused() -> None:
    sizes = config()
    made = net(sizes)
    model = Transformer(weights(made), sizes)
    state = model.fold(model.start(), [heard(made, n, HOUR_S * n) for n in range(4)])
    with pytest.raises(ShapeError, match="does not fit events of"):
        model.load(bytes(8) + model.dump(state))


def test_an_event_without_a_vector_leaves_the_state_as_training_has_it() -> None:
    sizes = config()
    made = net(sizes)
    model = Transformer(weights(made), sizes)
    state = model.fold(model.start(), [heard(made, n, HOUR_S * n) for n in range(4)])
    moved = model.step(state, EventFeatures(-1, None, 1, 1.0, 0.0, 9 * HOUR_S))
    assert model.dump(moved) == model.dump(state)
    one = model.step(moved, heard(made, 7, 10 * HOUR_S))
    two = model.step(state, heard(made, 7, 10 * HOUR_S))
    assert model.dump(one) == model.dump(two)  # as training, which has no such events


def test_heads_of_unequal_size_are_refused() -> None:
    with pytest.raises(ValidationError, match="dim 16 is no multiple of heads 3"):
        config(heads=3)
