"""Topics: clusters that are found again, memberships, and names a person can tell apart."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.errors import NotEnoughDataError, ShapeError
from penchant.core.ids import ItemId
from penchant.core.items import Item
from penchant.encoders.fit_topics import fit_topics, spherical_kmeans
from penchant.encoders.topics import Topics, default_count


def blobs(clusters: int, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors in tight, well parted clusters, and which cluster each is of."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(16, 16)))[0][:clusters]
    member = np.arange(clusters * each) % clusters
    vectors = centres[member] + 0.05 * rng.normal(size=(clusters * each, 16))
    return vectors.astype(np.float32), member


def films(categories: list[tuple[str, ...]]) -> list[Item]:
    return [Item(ItemId(str(n)), f"film {n}", some) for n, some in enumerate(categories)]


GENRES = ("Horror", "Comedy", "Drama", "War", "Western", "Musical")


def test_parted_clusters_are_found_and_named_by_their_category() -> None:
    vectors, member = blobs(6, 20)
    items = films([(GENRES[m],) for m in member])
    topics = fit_topics(vectors, items, np.ones(120), np.random.default_rng(0), count=6)
    named = [topics.labels[t] for t in topics.memberships(vectors).argmax(axis=1)]
    assert named == [GENRES[m] for m in member]


def test_memberships_are_the_softmax_of_w_x_plus_b_and_sum_to_one() -> None:
    vectors, member = blobs(5, 10)
    items = films([(GENRES[m],) for m in member])
    topics = fit_topics(vectors, items, np.ones(50), np.random.default_rng(0), count=5)
    logits = vectors @ topics.weights.T + topics.bias
    by_hand = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(topics.memberships(vectors), by_hand, atol=1e-5)


def test_an_item_has_two_topics_on_average() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 16)).astype(np.float32)
    topics = fit_topics(vectors, films([()] * 400), np.ones(400), rng, count=10)
    each = topics.memberships(vectors)
    perplexity = np.exp(-(each * np.log(each + 1e-12)).sum(axis=1))
    assert perplexity.mean() == pytest.approx(2.0, abs=0.05)


def test_an_item_without_a_vector_belongs_to_no_topic_and_moves_none() -> None:
    vectors, member = blobs(4, 10)
    more = np.vstack([vectors, np.zeros((3, 16), np.float32)])
    items = films([(GENRES[m],) for m in member])
    with_unknown = [*items, *films([("Horror",)] * 3)]
    one = fit_topics(vectors, items, np.ones(40), np.random.default_rng(0), count=4)
    two = fit_topics(more, with_unknown, np.ones(43), np.random.default_rng(0), count=4)
    np.testing.assert_array_equal(one.weights, two.weights)
    assert two.memberships(more)[40:].tolist() == [[0.0] * 4] * 3


def test_the_prior_is_where_the_popularity_is() -> None:
    vectors, member = blobs(4, 10)
    popularity = np.where(member == 2, 97.0, 1.0)
    items = films([(GENRES[m],) for m in member])
    topics = fit_topics(vectors, items, popularity, np.random.default_rng(0), count=4)
    assert topics.prior.sum() == pytest.approx(1.0, abs=1e-6)
    assert topics.prior.argmax() == topics.labels.index("Drama")
    assert topics.prior.max() > 0.5


def test_two_topics_of_one_category_are_told_apart_by_a_pair() -> None:
    vectors, member = blobs(3, 20)
    mixed = [("Horror",), ("Horror", "Comedy"), ("Drama",)]
    items = [Item(ItemId(str(n)), None, mixed[m]) for n, m in enumerate(member)]
    # Comedy alone elsewhere, so that the second topic's surest category is Horror too
    extra = np.tile(np.eye(16, dtype=np.float32)[15] * -3, (40, 1))
    items += [Item(ItemId(f"c{n}"), None, ("Comedy",)) for n in range(40)]
    topics = fit_topics(
        np.vstack([vectors, extra]), items, np.ones(100), np.random.default_rng(0), count=4
    )
    assert sorted(topics.labels) == ["Comedy", "Drama", "Horror", "Horror / Comedy"]


def test_without_categories_topics_are_named_by_their_title_words() -> None:
    vectors, member = blobs(3, 12)
    titles = [
        "SET OF 3 TEA TOWELS {}",
        "CHRISTMAS STAR 60CM {}",
        "科幻小说 第{}部",
    ]
    items = [Item(ItemId(str(n)), titles[m].format(n)) for n, m in enumerate(member)]
    labels = fit_topics(vectors, items, np.ones(36), np.random.default_rng(0), count=3).labels
    assert {"tea / towels", "christmas / star"} < set(labels)
    assert any("科幻" in label or "小说" in label for label in labels)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    items=st.integers(1, 60),
    names=st.lists(st.sampled_from(["A", "B", "a", "", " "]), max_size=3),
    title=st.sampled_from([None, "", "same title", "12 cm"]),
)
def test_labels_are_distinct_and_never_empty(
    seed: int, items: int, names: list[str], title: str | None
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(items, 4)).astype(np.float32)
    catalogue = [Item(ItemId(str(n)), title, tuple(names[: n % 4])) for n in range(items)]
    labels = fit_topics(vectors, catalogue, np.ones(items), rng, count=12).labels
    assert all(label.strip() for label in labels)
    assert len({label.casefold() for label in labels}) == len(labels)


def test_fewer_distinct_items_than_topics_give_fewer_topics() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    topics = fit_topics(vectors, films([()] * 15), np.ones(15), np.random.default_rng(0), count=9)
    assert len(topics.labels) == 3


def test_one_item_makes_one_topic() -> None:
    vectors = np.ones((1, 4), np.float32)
    topics = fit_topics(vectors, films([("War",)]), np.ones(1), np.random.default_rng(0))
    assert topics.labels == ("War",)
    assert topics.prior.tolist() == [1.0]
    assert topics.memberships(vectors).tolist() == [[1.0]]


def test_every_centroid_keeps_a_point_and_has_unit_length() -> None:
    rng = np.random.default_rng(3)
    directions = rng.normal(size=(200, 3))
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype("f4")
    centroids = spherical_kmeans(directions, np.ones(200), rng, 40)
    assert len(np.unique((directions @ centroids.T).argmax(axis=1))) == 40
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1.0, atol=1e-5)


def test_the_same_seed_gives_the_same_topics() -> None:
    vectors, member = blobs(6, 20)
    items = films([(GENRES[m],) for m in member])
    one = fit_topics(vectors, items, np.ones(120), np.random.default_rng(7))
    two = fit_topics(vectors, items, np.ones(120), np.random.default_rng(7))
    assert one.labels == two.labels
    np.testing.assert_array_equal(one.weights, two.weights)


def test_topics_survive_arrays_and_json() -> None:
    vectors, member = blobs(4, 10)
    items = films([(GENRES[m],) for m in member])
    topics = fit_topics(vectors, items, np.ones(40), np.random.default_rng(0), count=4)
    again = Topics.from_arrays(topics.to_arrays(), json.loads(json.dumps(topics.labels)))
    assert again.labels == topics.labels
    np.testing.assert_array_equal(again.memberships(vectors), topics.memberships(vectors))


def test_the_default_count_grows_with_the_catalogue_within_bounds() -> None:
    assert [default_count(n) for n in (1, 1000, 10_000_000)] == [8, 22, 48]


def test_what_does_not_fit_is_an_error_that_names_the_shapes() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NotEnoughDataError, match="none of 2 has one"):
        fit_topics(np.zeros((2, 4), np.float32), films([()] * 2), np.ones(2), rng)
    with pytest.raises(ShapeError, match=r"vectors \(3, 4\), 2 items and weights \(2,\)"):
        fit_topics(np.ones((3, 4), np.float32), films([()] * 2), np.ones(2), rng)
    topics = fit_topics(np.eye(4, dtype=np.float32), films([()] * 4), np.ones(4), rng)
    with pytest.raises(ShapeError, match=r"\(1, 5\) do not fit W \(4, 4\)"):
        topics.memberships(np.ones((1, 5), np.float32))
    with pytest.raises(ShapeError, match="2 labels must count the same topics"):
        Topics.from_arrays(topics.to_arrays(), ["a", "b"])
