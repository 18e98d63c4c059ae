"""Another model between two requests: published, swapped, refused, gone back to."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import (
    ArtifactError,
    ArtifactMissingError,
    ConfigError,
    UnknownComponentError,
)
from penchant.core.ids import ArtifactId, ItemId
from penchant.core.signals import Signal
from penchant.engine.config import EngineConfig
from penchant.engine.engine import Engine
from penchant.engine.learned import Learned, save_learned

NOW_S = 1_362_819_516.0 + 86_400.0

pytestmark = pytest.mark.slow


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


def turned(learned: Learned) -> Learned:
    """Another model over the same catalogue: every item vector points the other way."""
    weights = dict(learned.weights)
    weights["events.items.weight"] = -weights["events.items.weight"][:, ::-1].copy()
    return replace(learned, weights=weights)


def ids(engine: Engine, user: str) -> list[str]:
    return [place.item for place in engine.recommend(user, 20).items]


def test_a_published_model_serves_the_next_request_and_one_can_go_back(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    with opened(path) as engine:
        first, learned = engine.artifact, engine._learned
        assert first is not None
        user = engine.users(1)[0][0]
        engine.observe(user, engine.items()[0].id, "like")
        before = ids(engine, user)
        second = engine.publish(turned(learned))
        assert engine.artifact == second != first
        assert ids(engine, user) != before
        engine.observe(user, engine.items()[1].id, "like")
        assert engine.strays([user]) == []
        swapped = ids(engine, user)
        engine.use(first)
        assert engine.artifact == first
        assert ids(engine, user) != swapped
        engine.use(second)
        assert ids(engine, user) == swapped
    with opened(path) as engine:
        assert (engine.artifact, ids(engine, user)) == (second, swapped)


def of_two_interests(learned: Learned) -> Learned:
    """A second direction beside the first: the other way at first sight, and the same for long."""
    weights = dict(learned.weights)
    for part in ("long_term.weight", "long_term.bias", "fade.weight", "fade.bias"):
        weights[f"fading.{part}"] = np.concatenate([weights[f"fading.{part}"]] * 2)
    eye = np.eye(learned.vectors.shape[1], dtype=np.float32)
    weights["fading.turn.weight"] = np.concatenate([eye, -eye])
    return replace(learned, weights=weights, sizes={**learned.sizes, "interests": 2})


def test_a_model_of_two_interests_serves_slates_with_reasons(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        learned, user = engine._learned, engine.users(1)[0][0]
        engine.observe(user, engine.items()[0].id, "like")
        one = engine._memory.reading(user, NOW_S).interests[learned.model]
        engine.publish(of_two_interests(learned))
        two = engine._memory.reading(user, NOW_S).interests[learned.model]
        assert np.allclose(two.directions[0], one.directions[0], atol=1e-6)
        assert len(two.directions) == 2
        products = two.products(learned.vectors)
        assert np.array_equal(two.score(learned.vectors), products.max(axis=0))
        assert (products[1] > products[0]).any()
        slate = engine.recommend(user, 10, reasons=True)
        assert len(slate.items) == 10
        assert engine.profile(user)["interests"] != []
        assert engine.strays([user]) == []


def test_a_model_may_be_older_than_some_items(trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        learned = engine._learned
        engine.put_items([{"id": f"new{n}", "categories": "new"} for n in range(30)])
        engine.observe("ann", "met in an event", "like")
        engine.publish(turned(learned))
        slate = engine.recommend("ann", 40, categories=["new"])
        assert sorted(p.item for p in slate.items) == sorted(f"new{n}" for n in range(30))
        engine.observe("ann", "new3", "like")
        assert len(engine.recommend("ann").items) == 10
        assert engine.recommend("ann", 10, diversity=0.5).items != []


def test_a_model_of_another_catalogue_is_refused_and_changes_nothing(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    with opened(path) as engine:
        first, learned = engine.artifact, engine._learned
        strange = replace(learned, items=(ItemId("elsewhere"), *learned.items[1:]))
        with pytest.raises(ConfigError, match="1976 items are not the first of the 1976 here"):
            engine.publish(strange)
        longer = replace(learned, items=(*learned.items, ItemId("one more")))
        with pytest.raises(ConfigError, match="train on this database"):
            engine.publish(longer)
        with pytest.raises(ArtifactMissingError, match="has no artifact '20300101T000000Z"):
            engine.use(ArtifactId("20300101T000000Z-0123456789ab"))
        assert engine.artifact == first
    with opened(path) as engine:
        assert engine.artifact == first


def test_models_change_while_others_read_and_write(trained: Callable[[], Path]) -> None:
    path = trained()
    with opened(path) as engine:
        learned = engine._learned
        every = [engine.artifact, engine.publish(turned(learned))]
        items = [item.id for item in engine.items()]
        errors: list[Exception] = []
        stop = threading.Event()

        def busy(number: int) -> None:
            rng = np.random.default_rng(number)
            try:
                while not stop.is_set():
                    user = f"user{number}"
                    seen = engine.observe(user, items[int(rng.integers(len(items)))], "like")
                    slate = engine.recommend(user, after=seen.cursor)
                    assert slate.artifact in every
                    assert slate.state_cursor == seen.cursor
                    assert len(slate.items) == 10
            except Exception as error:  # noqa: BLE001 - told to the thread that waits
                errors.append(error)

        threads = [threading.Thread(target=busy, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for n in range(6):
            engine.use(every[n % 2])
        stop.set()
        for thread in threads:
            thread.join()
        assert errors == []
        assert engine.strays([f"user{n}" for n in range(3)]) == []


def test_a_model_that_could_not_be_read_back_is_never_the_current_one(
    trained: Callable[[], Path],
) -> None:
    path = trained()
    with opened(path) as engine:
        first, learned = engine.artifact, engine._learned
        broken = replace(learned, card={**learned.card, "ndcg": float("nan")})
        with pytest.raises(ValueError, match="not JSON compliant"):
            engine.publish(broken)
        assert engine.artifact == first
    with opened(path) as engine:
        assert engine.artifact == first


def test_a_state_stored_under_other_rules_is_folded_again(trained: Callable[[], Path]) -> None:
    path = trained()
    with opened(path) as engine:
        user = engine.users(1)[0][0]
        engine.observe(user, engine.items()[0].id, "like")
        before, wants = ids(engine, user), engine.interests(user)
    for payload in ({"recurrent": b"old"}, {}):
        with opened(path) as engine:
            states = engine._database.states
            stored = states.read(user)
            assert stored is not None
            old = stored._replace(payload=msgspec.msgpack.encode(payload))
            assert states.write(user, old, stored.head)
            assert engine.strays([user]) == []
            assert ids(engine, user) == before
            assert engine.interests(user) == wants


def test_states_made_with_other_signals_are_folded_again(trained: Callable[[], Path]) -> None:
    path = trained()
    with opened(path) as engine:
        user = engine.users(1)[0][0]
        for item in list(engine.items())[:12]:
            engine.observe(user, item.id, "view")
        before = ids(engine, user)
    against = EngineConfig(signals={**EngineConfig().signals, "view": Signal(weight=-3.0)})
    with Engine.open(path, against, ManualClock(NOW_S)) as engine:
        models, now = engine._memory.stages.models, engine._memory.user(user).states
        assert engine.strays([user]) == []
        engine._database.states.forget(user)
        engine._memory.histories.drop_all()
        again = engine._memory.user(user).states
        assert {name: models[name].dump(state) for name, state in now.items()} == {
            name: models[name].dump(state) for name, state in again.items()
        }
        assert ids(engine, user) != before


@pytest.mark.parametrize("counted", [False, True])
def test_a_model_that_cannot_be_put_together_changes_nothing(
    trained: Callable[[], Path], counted: bool
) -> None:
    path = trained()
    with opened(path) as engine:
        first, user = engine.artifact, engine.users(1)[0][0]
        learned = engine.learned()
        if counted:
            engine.recommend(user)
        with pytest.raises(UnknownComponentError, match="hstu"):
            engine.publish(replace(learned, model="hstu"))  # type: ignore[arg-type]
        place = engine._database.artifacts.publish(
            lambda folder: save_learned(replace(learned, model="hstu"), folder),  # type: ignore[arg-type]
            NOW_S,
        )
        engine._database.artifacts.use(ArtifactId(str(first)))
        with pytest.raises(UnknownComponentError, match="hstu"):
            engine.use(place)
        assert engine.artifact == engine._database.artifacts.current() == first
        assert engine.recommend(user).artifact == first
        assert engine.observe(user, engine.items()[0].id, "like").status == "new"
        assert engine.strays([user]) == []
    with opened(path) as again:
        assert again.recommend(user).artifact == first


def test_a_model_whose_files_are_being_written_when_somebody_is_forgotten_is_not_kept(
    trained: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(trained()) as engine:
        first, user = engine.artifact, engine.users(1)[0][0]
        learned, erasures = engine.learned(), engine.erasures

        def writing(what: Learned, folder: Path) -> None:
            save_learned(what, folder)
            thread = threading.Thread(target=engine.forget, args=(user,))
            thread.start()
            thread.join()

        monkeypatch.setattr("penchant.engine.engine.save_learned", writing)
        with pytest.raises(ArtifactError, match="somebody was forgotten while"):
            engine.publish(turned(learned), erasures)
        assert engine.artifact == first
        assert list(engine._database.artifacts.list()) == [first]
        with pytest.raises(ArtifactError, match="somebody was forgotten while"):
            engine.publish(turned(learned), erasures)
