"""A model with a compressed item table serves like any other: published, swapped, trained from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penchant.core.clock import ManualClock
from penchant.core.errors import (
    ArtifactCorruptError,
    ArtifactError,
    ArtifactMissingError,
    ConfigError,
    UnknownComponentError,
)
from penchant.core.signals import SHIPPED
from penchant.core.slates import Slate
from penchant.engine.compress import Use, compressed, table_bytes, use_of
from penchant.engine.directions import Directions
from penchant.engine.engine import Engine, Wanted
from penchant.engine.learned import Learned, load_learned, save_learned
from penchant.interests.event_input import BIASES, VECTORS
from penchant.retrieval.int8_table import Int8Table
from penchant.training.config import RecurrentConfig, ScheduleConfig, TrainingConfig
from penchant.training.fit import refresh
from penchant.training.transfer import transferred

NOW_S = 1_362_819_516.0 + 86_400.0

pytestmark = pytest.mark.slow
every_kind = pytest.mark.parametrize("kind", ["int8", "pq"])


def opened(path: Path) -> Engine:
    return Engine.open(path, clock=ManualClock(NOW_S))


def learned_of(path: Path) -> Learned:
    with opened(path) as engine:
        return engine.learned()


def ids(engine: Engine, user: str, n: int = 20, **how: float) -> list[str]:
    return [place.item for place in engine.recommend(user, n, **how).items]


@pytest.mark.parametrize(("kind", "least"), [("int8", 0.95), ("pq", 0.75)])
def test_slates_are_served_from_codes_and_mostly_the_same(
    kind: str, least: float, trained: Callable[[], Path]
) -> None:
    path = trained()
    with opened(path) as engine:
        users = [user for user, *_ in engine.users(30)]
        before = [ids(engine, user) for user in users]
        coded = compressed(engine.learned(), kind, engine.artifact)
        artifact = engine.publish(coded)
        after = [ids(engine, user) for user in users]
        shared = [len({*a} & {*b}) / 20 for a, b in zip(before, after, strict=True)]
        assert np.mean(shared) >= least
        assert engine.facts()["card"]["table"]["kind"] == kind
    with opened(path) as engine:
        assert engine.artifact == artifact
        assert [ids(engine, user) for user in users] == after


@every_kind
def test_states_are_what_a_fold_gives_and_everything_else_is_answered(
    kind: str, trained: Callable[[], Path]
) -> None:
    with opened(trained()) as engine:
        engine.publish(compressed(engine.learned(), kind))
        user, item = engine.users(1)[0][0], engine.items()[0].id
        engine.observe(user, item, "like")
        engine.put_items([{"id": f"new{n}"} for n in range(70)])  # more than the table has
        engine.observe(user, "new3", "like")
        assert engine.strays([user]) == []
        slate = engine.recommend(user, 10, reasons=True)
        assert len(slate.items) == 10
        varied = ids(engine, user, 10, diversity=0.9)
        assert len(varied) == 10
        assert varied != [place.item for place in slate.items]
        similar = engine.similar(item, 100)
        assert len(similar) == 100
        assert engine.profile(user)["interests"] != []
        ranked = engine.rank(user, [item, "new3", engine.items()[1].id])
        assert len(ranked.places) == 3
        (together,) = engine.recommend_each([Wanted(user, 10)])
        assert isinstance(together, Slate)
        assert [place.item for place in together.items] == [place.item for place in slate.items]


@every_kind
def test_the_models_hear_decoded_vectors(kind: str, trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        coded = compressed(engine.learned(), kind)
        plain = coded.decoded()
        engine.publish(coded)
        user = engine.users(1)[0][0]
        one = engine._memory.reading(user, NOW_S).interests[coded.model].directions
        engine.publish(plain)
        two = engine._memory.reading(user, NOW_S).interests[coded.model].directions
        np.testing.assert_allclose(one, two, atol=1e-5)


@every_kind
def test_the_artifact_has_the_bytes_that_were_promised_and_always_the_same(
    kind: str, trained: Callable[[], Path], tmp_path: Path
) -> None:
    learned = learned_of(trained())
    n_items, dim = learned.vectors.shape
    share = {"int8": 4, "pq": 16}[kind]
    coded = compressed(learned, kind, "of-before")
    assert table_bytes(learned) == {"items_bytes": n_items * dim * 4, "codebook_bytes": 0}
    told = table_bytes(coded)
    assert told["items_bytes"] * share == n_items * dim * 4
    books = {"int8": 4 * dim, "pq": 4 * (256 * dim + dim * dim)}[kind]
    assert told["codebook_bytes"] == books
    assert coded.card["table"] == {
        "kind": kind,
        "of": "of-before",
        "float32_bytes": n_items * dim * 4,
        **told,
    }
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_learned(compressed(learned, kind, "of-before"), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "table.safetensors" in files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    size = (tmp_path / "one" / "table.safetensors").stat().st_size
    assert told["items_bytes"] + books < size < told["items_bytes"] + books + 512
    back = load_learned(tmp_path / "one")
    assert back.table is not None
    assert VECTORS not in back.weights
    assert np.array_equal(back.vectors[slice(None)], coded.vectors[slice(None)])


@every_kind
def test_training_goes_on_from_decoded_vectors(kind: str, trained: Callable[[], Path]) -> None:
    with opened(trained()) as engine:
        learned, columns = engine.learned(), engine.columns()
    coded = compressed(learned, kind)
    plain = coded.decoded()
    assert "table" not in plain.card
    assert plain.decoded() is plain
    assert not plain.weights[VECTORS][~learned.met].any()
    sizes = RecurrentConfig.model_validate(dict(learned.sizes))
    types = learned.reader["types"]
    begun = transferred(coded, learned.items, learned.met, types, "recurrent", sizes, 0)
    assert np.array_equal(begun[VECTORS][:-1], plain.weights[VECTORS][learned.met])
    config = TrainingConfig(recurrent=sizes, schedule=ScheduleConfig(epochs=1))
    fresh = refresh(coded, columns, NOW_S, SHIPPED, config, 0)
    assert fresh.table is None
    assert fresh.weights[VECTORS].shape == (len(learned.items), 16)


def test_a_pq_table_is_exact_where_interests_of_the_log_differ(
    trained: Callable[[], Path],
) -> None:
    with opened(trained()) as engine:
        learned, columns = engine.learned(), engine.columns()
    use = use_of(learned, columns, SHIPPED)
    again = use_of(learned, columns, SHIPPED)
    assert np.array_equal(use.directions, again.directions)
    assert use.counts.sum() == (columns.row >= 0).sum()
    assert 1000 < len(use.directions) < len(columns)
    right = use.directions @ learned.weights[VECTORS].T + learned.weights[BIASES]
    lost = []
    for one in (compressed(learned, "pq"), compressed(learned, "pq", use=use)):
        off = one.vectors.products(use.directions) + one.weights[BIASES] - right
        lost.append(float((off[:, learned.met] ** 2).mean()))
        assert np.array_equal(
            one.weights[BIASES][~learned.met], learned.weights[BIASES][~learned.met]
        )
    assert np.abs(off[:, learned.met].mean(axis=0)).max() < 1e-3
    assert lost[1] < 0.6 * lost[0]


def test_a_log_that_tells_nothing_gives_a_plain_pq_table(trained: Callable[[], Path]) -> None:
    learned = learned_of(trained())
    n_items, dim = learned.vectors.shape
    nothing = Use(np.zeros((0, dim), np.float32), np.zeros(n_items, np.int64))
    plain, same = compressed(learned, "pq"), compressed(learned, "pq", use=nothing)
    assert np.array_equal(same.vectors[:], plain.vectors[:])
    assert np.array_equal(same.weights[BIASES], learned.weights[BIASES])


def test_what_cannot_be_compressed_is_said(trained: Callable[[], Path]) -> None:
    learned = learned_of(trained())
    with pytest.raises(UnknownComponentError, match="choose one of int8, pq"):
        compressed(learned, "int4")
    coded = compressed(learned, "int8", "20260101T000000Z-0123456789ab")
    with pytest.raises(ArtifactError, match=r"int8 already.*made from 20260101T000000Z-01234"):
        compressed(coded, "pq")
    odd = {**learned.weights, VECTORS: np.zeros((len(learned.items), 6), np.float32)}
    with pytest.raises(ConfigError, match="have 6; allowed are multiples of 4"):
        compressed(replace(learned, weights=odd), "pq")


def test_an_engine_without_a_model_has_nothing_to_compress(tmp_path: Path) -> None:
    missing = pytest.raises(ArtifactMissingError, match="without a trained model; `penchant train`")
    with Engine.open(tmp_path / "new.db") as engine, missing:
        engine.learned()


def test_a_table_that_is_damaged_or_of_a_later_kind_is_named(
    trained: Callable[[], Path], tmp_path: Path
) -> None:
    save_learned(compressed(learned_of(trained()), "pq"), tmp_path)
    told = tmp_path / "interests.json"
    text = told.read_text()
    told.write_text(text.replace('"pq"', '"int8"'))
    with pytest.raises(ArtifactCorruptError, match=r"table.safetensors is damaged: it is no int8"):
        load_learned(tmp_path)
    told.write_text(text.replace('"pq"', '"pq2"'))
    with pytest.raises(ArtifactError, match=r"kind 'pq2', which this version .*int8, pq and"):
        load_learned(tmp_path)


def test_directions_are_of_unit_length_and_zero_for_what_has_none() -> None:
    vectors = np.float32([[3, 4, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]])
    table = Int8Table.fit(vectors)
    own = Directions.of(table, np.array([True, True, False])).grown(5)
    assert own.shape == (5, 4)
    whole = own[:]
    np.testing.assert_allclose(whole[0], [0.6, 0.8, 0, 0], atol=1e-2)
    assert np.linalg.norm(whole[0]) == pytest.approx(1.0)
    assert not whole[1:].any()
    np.testing.assert_allclose(own[np.array([4, 0])], whole[[4, 0]])
    np.testing.assert_allclose(own[0], whole[0])
    direction = np.float32([[1, 0, 0, 0]])
    np.testing.assert_allclose(own.products(direction), (whole @ direction.T).T, atol=1e-6)
