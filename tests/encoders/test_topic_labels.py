"""Names of topics are distinct and never missing, whatever titles and categories say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.ids import ItemId
from penchant.core.items import Item
from penchant.encoders.topic_labels import topic_labels

TITLES = st.sampled_from(["", "Batman", "Batman #3", "Tea Set", "茶"])
CATEGORIES = st.lists(st.sampled_from(["A", "B", "A / B", ""]), max_size=3).map(tuple)


@given(st.lists(st.tuples(TITLES, CATEGORIES, st.integers(0, 3)), min_size=1, max_size=12))
def test_every_topic_has_a_name_of_its_own(said: list[tuple[str, tuple[str, ...], int]]) -> None:
    items = [Item(ItemId(str(n)), title, some) for n, (title, some, _) in enumerate(said)]
    cluster = np.array([topic for *_, topic in said])
    names = topic_labels(items, cluster, np.ones(len(items)), 4)
    assert len(set(names)) == 4
    assert all(names)
