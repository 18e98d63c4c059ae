"""A scan gives every product once, whoever of several threads made it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import numpy as np
import pytest

from penchant.core.interests import BLOCK, Interests
from penchant.retrieval import scan
from penchant.retrieval.int8_table import Int8Table
from penchant.retrieval.scan import Scan

RNG = np.random.default_rng(3)
N, D = 5 * BLOCK + 7, 6
VECTORS = RNG.normal(size=(N, D)).astype(np.float32)
BIAS = RNG.normal(size=N).astype(np.float32)


def wanted(count: int) -> Interests:
    rng = np.random.default_rng(count)
    return Interests(rng.normal(size=(count, D)).astype(np.float32), np.ones(count, np.float32))


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_a_scan_is_the_products(count: int, helpers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "HELPERS", helpers)
    interests = wanted(count)
    expected = (interests.directions @ VECTORS.T) + BIAS
    found = [Scan(interests, VECTORS, BIAS) for _ in range(20)]
    for one in found:
        np.testing.assert_allclose(one.result(), expected, atol=1e-5)


def test_the_helpers_do_blocks_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "HELPERS", 1)
    begun = Scan(wanted(2), VECTORS)
    begun._helped[0].result(10.0)  # they were all left to the helper
    expected = wanted(2).products(VECTORS)
    np.testing.assert_array_equal(begun.result(), expected)


def test_nobody_waits_for_a_helper_that_is_busy_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    free = Signal()
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(scan, "HELPERS", 1)
        monkeypatch.setattr(scan, "_POOL", pool)
        pool.submit(free.wait, 10.0)
        try:
            found = Scan(wanted(2), VECTORS).result()
            assert not free.is_set()
        finally:
            free.set()
    np.testing.assert_array_equal(found, wanted(2).products(VECTORS))


@pytest.mark.parametrize("n_items", [0, 1, 100])
def test_codes_and_small_tables_are_scanned_at_once(n_items: int) -> None:
    table = Int8Table.fit(VECTORS[:n_items])
    np.testing.assert_array_equal(Scan(wanted(3), table).result(), wanted(3).products(table))
    few = Scan(wanted(3), VECTORS[:n_items])
    assert few._helped == []
    np.testing.assert_array_equal(few.result(), wanted(3).products(VECTORS[:n_items]))
