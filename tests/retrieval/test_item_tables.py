"""Item tables: what codes cost and what they lose, for float32, int8 and product quantisation."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from penchant.core.errors import ConfigError, ShapeError
from penchant.core.interests import Interests, Table, Vectors
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.kmeans import assigned, begun, settled
from penchant.retrieval.product_table import ProductTable

N, D = 3000, 16
RNG = np.random.default_rng(2)
MIX = RNG.normal(size=(D, D)) * np.linspace(2.0, 0.1, D)[:, None]
VECTORS = (RNG.normal(size=(N, D)) @ MIX).astype(np.float32)


def pq(vectors: Vectors, seed: int = 0) -> ProductTable:
    return ProductTable.fit(vectors, np.ones(len(vectors), bool), np.random.default_rng(seed))


TABLES: Final[Mapping[str, Callable[[Vectors], Table]]] = {
    "float32": lambda vectors: vectors,
    "int8": Int8Table.fit,
    "pq": pq,
}
every_table = pytest.mark.parametrize("kind", TABLES)


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {kind: make(VECTORS) for kind, make in TABLES.items()}


@every_table
def test_rows_are_read_as_of_an_array(kind: str, tables: dict[str, Table]) -> None:
    table = tables[kind]
    whole = table[slice(None)]
    assert (len(table), table.shape) == (N, (N, D))
    assert (whole.dtype, whole.shape) == (np.float32, (N, D))
    rows = np.array([5, 2999, 5, 0])
    np.testing.assert_allclose(table[rows], whole[rows], atol=1e-6)
    np.testing.assert_allclose(table[7], whole[7], atol=1e-6)
    np.testing.assert_allclose(table[10:30], whole[10:30], atol=1e-6)
    assert table[np.zeros(0, np.intp)].shape == (0, D)


@every_table
@pytest.mark.parametrize("directions", [1, 3])
def test_products_are_those_of_the_decoded_rows(
    kind: str, directions: int, tables: dict[str, Table]
) -> None:
    rng = np.random.default_rng(directions)
    own = Interests(
        rng.normal(size=(directions, D)).astype(np.float32),
        rng.random(directions).astype(np.float32),
    )
    bias = rng.normal(size=N).astype(np.float32)
    decoded = tables[kind][slice(None)]
    found = own.products(tables[kind], bias)
    assert (found.dtype, found.shape) == (np.float32, (directions, N))
    np.testing.assert_allclose(found, own.products(decoded, bias), atol=1e-4)
    np.testing.assert_allclose(own.score(tables[kind]), own.score(decoded), atol=1e-4)


@every_table
def test_directions_of_another_size_are_refused(kind: str, tables: dict[str, Table]) -> None:
    with pytest.raises(ShapeError, match=r"\(3000, 16\)"):
        Interests(np.ones((1, 5), np.float32), np.ones(1, np.float32)).score(tables[kind])
    if not isinstance(table := tables[kind], np.ndarray):
        with pytest.raises(ShapeError, match=r"directions \(1, 5\) do not fit a table"):
            table.products(np.ones((1, 5), np.float32))


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(0, 20), st.integers(1, 9)),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_an_int8_number_is_off_by_half_a_step_at_most_and_zero_is_zero(vectors: Vectors) -> None:
    table = Int8Table.fit(vectors)
    decoded = table[slice(None)]
    step = np.abs(vectors).max(axis=0, initial=0.0) / 127
    assert (np.abs(decoded - vectors) <= step * 0.5001 + 1e-30).all()
    assert (decoded[vectors == 0] == 0).all()
    opposite = Int8Table.fit(-vectors)
    assert np.array_equal(opposite.codes, -table.codes)


def test_int8_takes_a_byte_for_a_number_and_one_scale_a_dimension() -> None:
    arrays = Int8Table.fit(VECTORS).to_arrays()
    assert {name: each.nbytes for name, each in arrays.items()} == {"codes": N * D, "scale": 4 * D}
    assert arrays["codes"].nbytes * 4 == VECTORS.nbytes


def test_pq_takes_a_byte_for_four_numbers_and_what_decodes_them_is_the_same_for_any_catalogue() -> (
    None
):
    for some in (VECTORS, VECTORS[:1000]):
        arrays = pq(some).to_arrays()
        assert {name: each.nbytes for name, each in arrays.items()} == {
            "codes": len(some) * D // 4,
            "centroids": 256 * D * 4,
            "basis": D * D * 4,
        }
        assert arrays["codes"].nbytes * 16 == some.nbytes


def lost(table: ProductTable) -> float:
    """Share of the variance that the codes do not tell."""
    return float(((table[slice(None)] - VECTORS) ** 2).sum() / (VECTORS**2).sum())


def test_pq_loses_little_and_its_basis_is_a_rotation_and_helps() -> None:
    table = pq(VECTORS)
    assert table.basis is not None
    np.testing.assert_allclose(table.basis @ table.basis.T, np.eye(D), atol=1e-5)
    parts = VECTORS.reshape(N, -1, 4).transpose(1, 0, 2)
    rng = np.random.default_rng(0)
    ones = np.ones(N)
    plain = [settled(part, ones, begun(part, ones, 256, rng), 25) for part in parts]
    codes = np.stack([assigned(part, own) for part, own in zip(parts, plain, strict=True)])
    unturned = ProductTable(codes.astype(np.uint8), np.stack(plain))
    assert lost(table) < 0.05
    assert lost(table) < lost(unturned)


def test_pq_is_exacter_where_errors_cost_more() -> None:
    metric = np.diag(np.where(np.arange(D) < 4, 100.0, 1.0))
    known, plain = np.ones(N, bool), pq(VECTORS)
    table = ProductTable.fit(VECTORS, known, np.random.default_rng(0), None, metric)
    off, before = ((each[:] - VECTORS) ** 2 for each in (table, plain))
    assert off[:, :4].sum() < 0.5 * before[:, :4].sum()
    assert (off @ np.diag(metric)).sum() < (before @ np.diag(metric)).sum()
    pull = np.where(np.arange(N) < 300, 50.0, 1.0)
    pulled = ProductTable.fit(VECTORS, known, np.random.default_rng(0), pull)
    assert ((pulled[:300] - VECTORS[:300]) ** 2).sum() < 0.8 * before[:300].sum()


@settings(max_examples=20)
@given(st.integers(0, 256), st.integers(0, 5))
def test_with_no_more_items_than_centroids_pq_is_exact(known: int, unknown: int) -> None:
    some = VECTORS[: known + unknown]
    there = np.arange(len(some)) < known
    table = ProductTable.fit(some, there, np.random.default_rng(0))
    assert np.array_equal(table[slice(None)][there], some[there])
    assert table.to_arrays().keys() == {"codes", "centroids"}


def test_pq_of_many_items_that_are_few_different_ones_is_all_but_exact() -> None:
    some = np.repeat(VECTORS[:50], 10, axis=0)
    np.testing.assert_allclose(pq(some)[slice(None)], some, atol=1e-4)


def test_pq_learns_from_known_items_alone() -> None:
    strange = np.concatenate([VECTORS, np.full((100, D), 1e3, np.float32)])
    known = np.arange(len(strange)) < N
    table = ProductTable.fit(strange, known, np.random.default_rng(0))
    assert np.array_equal(table.centroids, pq(VECTORS).centroids)
    assert len(table) == N + 100


def test_the_same_vectors_give_the_same_codes() -> None:
    one, two = pq(VECTORS).to_arrays(), pq(VECTORS).to_arrays()
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("kind", ["int8", "pq"])
def test_a_table_comes_back_from_its_arrays(kind: str, tables: dict[str, Table]) -> None:
    table = tables[kind]
    assert isinstance(table, Int8Table | ProductTable)
    back = type(table).from_arrays(table.to_arrays())
    assert np.array_equal(back[slice(None)], table[slice(None)])


@pytest.mark.parametrize(("kind", "least"), [("int8", 0.97), ("pq", 0.6)])
def test_most_of_the_best_ten_are_the_same(
    kind: str, least: float, tables: dict[str, Table]
) -> None:
    rng = np.random.default_rng(1)
    shared = []
    for direction in rng.normal(size=(50, D)).astype(np.float32):
        own = Interests(direction[None], np.ones(1, np.float32))
        best = [set(np.argsort(-own.score(tables[k]))[:10]) for k in ("float32", kind)]
        shared.append(len(best[0] & best[1]) / 10)
    assert np.mean(shared) >= least


def test_dimensions_that_bytes_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match="item vectors have 6; allowed are multiples of 4"):
        pq(VECTORS[:, :6])


def test_arrays_that_do_not_fit_are_refused() -> None:
    codes = np.zeros((2, 3), np.uint8)
    with pytest.raises(ShapeError, match=r"scales \(2,\) do not fit codes \(2, 3\)"):
        Int8Table(codes.astype(np.int8), np.ones(2, np.float32))
    with pytest.raises(ShapeError, match=r"centroids \(3, 5, 4\) do not fit codes \(2, 3\)"):
        ProductTable(codes, np.zeros((3, 5, 4), np.float32))
    with pytest.raises(ShapeError, match="code 5 names none of 5 centroids"):
        ProductTable(codes + np.uint8(5), np.zeros((2, 5, 4), np.float32))
    with pytest.raises(ShapeError, match=r"basis \(3, 3\) does not fit 8 dimensions"):
        ProductTable(codes, np.zeros((2, 5, 4), np.float32), np.eye(3, dtype=np.float32))


def test_a_centroid_that_no_point_is_near_moves_to_the_point_that_fits_worst() -> None:
    points = np.float32([[0, 0], [0, 1], [9, 9]])
    found = settled(points, np.ones(3), np.float32([[0, 0], [-50, -50]]), 5)
    assert sorted(map(tuple, found.tolist())) == [(0.0, 0.5), (9.0, 9.0)]
    assert assigned(points, found).tolist() in ([0, 0, 1], [1, 1, 0])
