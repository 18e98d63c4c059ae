import numpy as np
import pytest

from penchant.encoders.topics import Topics
from penchant.features.reader import EventReader, FeatureColumns
from penchant.interests.topic_average import TopicPace
from penchant.training.config import TopicsConfig
from penchant.training.fit import pace_of
from penchant.training.prepare import Prepared
from penchant.training.streams import Histories, histories
from penchant.training.topics import learn_pace

TOPICS, EACH, DAY_S = 4, 5, 86_400.0
BELONGS = np.repeat(np.eye(TOPICS, dtype=np.float32) * 0.96 + 0.01, EACH, axis=0)
PRIOR = np.full(TOPICS, 1 / TOPICS, np.float32)


def log(stays: float, noise: float = 0.0, noisy_type: int = 2, seed: int = 0) -> Histories:
    """100 users of 25 events, the interest staying from one to the next with the chance `stays`.

    Events of type 1 are of that interest; a share `noise`, of type `noisy_type`, of any item.
    """
    rng = np.random.default_rng(seed)
    users, long = 100, 25
    topic = rng.integers(0, TOPICS, users)
    rows, types = np.zeros((users, long), np.int32), np.ones((users, long), np.int64)
    for n in range(long):
        moves = rng.random(users) > stays
        topic = np.where(moves, rng.integers(0, TOPICS, users), topic)
        rows[:, n] = topic * EACH + rng.integers(0, EACH, users)
        noisy = rng.random(users) < noise
        rows[noisy, n] = rng.integers(0, TOPICS * EACH, noisy.sum())
        types[noisy, n] = noisy_type
    return histories(
        FeatureColumns(
            np.repeat(np.arange(users), long).astype(np.int32),
            rows.ravel(),
            types.ravel(),
            np.ones(users * long, np.float32),
            np.zeros(users * long, np.float32),
            np.tile(np.arange(long) * 60.0, users),
        )
    )


def learned(held: Histories) -> TopicPace:
    return learn_pace(BELONGS, PRIOR, held, 2, np.random.default_rng(0), passes=12, step=0.2)


@pytest.mark.slow
def test_interests_that_change_are_given_a_higher_rate_than_lasting_ones_among_noise() -> None:
    restless, blurred = learned(log(stays=0.7)), learned(log(stays=1.0, noise=0.6, noisy_type=1))
    assert restless.rates[1] > 2 * blurred.rates[1]
    assert restless.change == 0.0


@pytest.mark.slow
def test_a_type_that_says_nothing_of_what_comes_next_is_given_a_lower_rate() -> None:
    pace = learned(log(stays=0.97, noise=0.5))
    assert pace.rates[1] > 3 * pace.rates[2]
    assert abs(pace.rates[0] - 0.1) < 1e-6  # no event was of an unknown type


def test_the_same_seed_learns_the_same() -> None:
    held = log(stays=0.9)
    one, two = (
        learn_pace(BELONGS, PRIOR, held, 2, np.random.default_rng(3), passes=2) for _ in range(2)
    )
    assert one == two


def test_settings_say_whether_the_pace_is_fixed_learned_or_adapts() -> None:
    held = log(stays=0.9)
    vectors = np.eye(TOPICS, dtype=np.float32).repeat(EACH, 0)
    matrix, bias = 4 * np.eye(TOPICS, dtype=np.float32), np.zeros(TOPICS, np.float32)
    topics = Topics(matrix, bias, PRIOR, tuple("abcd"))
    met = np.ones(len(vectors), bool)
    ready = Prepared(EventReader({}, ("view", "like")), held.events, met, held, None)
    fixed, adaptive, learnt = (
        pace_of(TopicsConfig(rate=rate, change=0.07), topics, vectors, ready, 0)
        for rate in ("fixed", "adaptive", "learned")
    )
    assert fixed == TopicPace()
    assert adaptive == TopicPace(change=0.07)
    assert len(learnt.rates) == 3
    assert learnt.rates[1] > 0.1
