"""Names of topics: the categories, else the title words, that a topic has more than the rest."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.items import Item

BEST: Final = 6
"""Terms of a topic that names are made from."""
SMOOTHING: Final = 0.5
"""Pseudo-count of the log-odds (Jeffreys)."""
SURE: Final = 1.0
"""Standard errors by which a term must exceed its share elsewhere to name a topic."""

WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
STOP_WORDS: Final = (
    "a an and are as at be but by de der die das for from has he her his i ii iii iv in into is it "
    "its la le les my no not of on or our out part she so that the their this to und up us von was "
    "we were with without you your vol ep 的 了 和 与 在 是 我 你 他 她 它 及 或 之 个 款 新"
)
SIZES: Final = (
    "cm mm m km kg g mg ml l oz lb inch ft pc pcs pk pack set size small medium large xs s xl xxl "
    "号 件 套 包 只 片 瓶 盒 克 毫升 厘米 公斤"
)
STOP: Final = frozenset(f"{STOP_WORDS} {SIZES}".split())
"""Words and sizes that say nothing of a topic."""


def topic_labels(
    items: Sequence[Item], cluster: NDArray[np.intp], popularity: NDArray[np.floating], topics: int
) -> tuple[str, ...]:
    """One name per topic, distinct and never empty; item n is in topic `cluster[n]`.

    The most over-represented category names a topic ("Horror"); where two topics share it, the
    surer one keeps it and the other gets a pair ("Horror / Comedy"), or a title word beside it
    ("Horror: vampire"). Without categories title words do; without words, the title of the most
    popular item.

    >>> films = [Item("1", categories=("Horror",)), Item("2", categories=("Horror", "Comedy")),
    ...          Item("3", categories=("Drama",)), Item("4", categories=("Drama",))]
    >>> topic_labels(films, np.array([0, 1, 2, 2]), np.ones(4), 3)
    ('Horror', 'Comedy', 'Drama')
    """
    categories = distinctive([list(item.categories) for item in items], cluster, topics)
    words = distinctive([title_words(item.title or "") for item in items], cluster, topics)
    top = _best_titles(items, cluster, popularity, topics)

    def how_sure(topic: int) -> tuple[float, int]:  # as sure as another: the one without a choice
        best = max((z for _, z in categories[topic]), default=0.0)
        return -round(best, 6), len(categories[topic])

    labels: dict[int, str] = {}
    used: set[frozenset[str] | str] = set()
    for topic in sorted(range(topics), key=how_sure):
        for name, parts in _names(categories[topic], words[topic], top[topic], topic):
            if parts not in used and name not in used:
                used |= {parts, name}
                labels[topic] = name
                break
    return tuple(labels[topic] for topic in range(topics))


def distinctive(
    terms: Sequence[Sequence[str]], cluster: NDArray[np.intp], topics: int
) -> list[list[tuple[str, float]]]:
    """Each topic's terms by z-score of their log-odds against the other topics, surest first.

    `terms` are one item's terms each, counted once per item. z = log-odds / its standard error
    (Monroe, Colaresi & Quinn 2008), so that a term seen once does not beat one seen often.

    >>> some = distinctive([["tea"], ["tea"], ["cup"], ["cup", "tea"]], np.array([0, 0, 1, 1]), 2)
    >>> [[term for term, _ in topic] for topic in some]
    [['tea'], ['cup']]
    """
    inside: list[Counter[str]] = [Counter() for _ in range(topics)]
    everywhere: Counter[str] = Counter()
    for topic, some in zip(cluster.tolist(), terms, strict=True):
        once = {term.strip() for term in some} - {""}
        inside[topic].update(once)
        everywhere.update(once)
    sizes = np.bincount(cluster, minlength=topics)
    return [
        _ranked(inside[topic], everywhere, int(sizes[topic]), len(terms)) for topic in range(topics)
    ]


def title_words(title: str) -> list[str]:
    """Words of a title that may name a topic: no stop words, numbers or sizes; Chinese by pairs.

    >>> title_words("The 60 Teatime Cups, Set of 3 (1995)")
    ['teatime', 'cups']
    >>> title_words("科幻小说 Dune 2")
    ['科幻', '幻小', '小说', 'dune']
    """
    han = [run[n : n + 2] for run in HAN.findall(title) for n in range(max(1, len(run) - 1))]
    other = [word.casefold() for word in WORD.findall(HAN.sub(" ", title))]
    latin = [word for word in other if len(word) > 2]
    return [word for word in han + latin if word not in STOP]


def _ranked(
    inside: Counter[str], everywhere: Counter[str], size: int, items: int
) -> list[tuple[str, float]]:
    """The terms that a topic of `size` of all `items` has surely more than the rest."""
    scored = []
    for term, here in inside.items():
        there = everywhere[term] - here
        a, b = here + SMOOTHING, size - here + SMOOTHING
        c, d = there + SMOOTHING, items - size - there + SMOOTHING
        z = float((np.log(a / b) - np.log(c / d)) / np.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
        scored.append((term, z))
    scored.sort(key=lambda one: (-one[1], one[0]))
    return [one for one in scored if one[1] > 0][:BEST]


def _names(
    categories: Sequence[tuple[str, float]],
    words: Sequence[tuple[str, float]],
    title: str,
    topic: int,
) -> Iterator[tuple[str, frozenset[str]]]:
    """Candidate names, best first, with the parts that make two names the same."""
    sure = [term for term, z in categories if z >= SURE] or [term for term, _ in categories[:1]]
    plain = [word for word, _ in words]
    if sure:
        yield from _joined([sure[:1]])
        yield from _joined(_holding(sure, 2))
        for word in plain:
            yield f"{sure[0]}: {word}", frozenset((sure[0], word.casefold()))
        yield from _joined(_holding(sure, 3))
    else:
        yield from _joined(_holding(plain, 2))
        yield from _joined([plain[:1]] if plain else [])
        yield from _joined(combinations(plain, 3))
    first = title or next(iter(sure + plain), "")
    if title:
        yield title, frozenset((title, "a title"))
    for number in count(topic + 1):
        name = f"{first} #{number}".strip()
        yield name, frozenset((name, "a title"))


def _holding(terms: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """Groups of `size` of the terms that hold the first; then those that do not."""
    groups = list(combinations(terms, size))
    yield from (group for group in groups if group[0] == terms[0])
    yield from (group for group in groups if group[0] != terms[0])


def _joined(groups: Iterable[Sequence[str]]) -> Iterator[tuple[str, frozenset[str]]]:
    """Names of groups of terms: "Horror / Comedy"."""
    for group in groups:
        yield " / ".join(group), frozenset(term.casefold() for term in group)


def _best_titles(
    items: Sequence[Item], cluster: NDArray[np.intp], popularity: NDArray[np.floating], topics: int
) -> list[str]:
    """The title of each topic's most popular item, or nothing."""
    titles = [""] * topics
    for row in np.argsort(popularity, kind="stable").tolist():
        titles[int(cluster[row])] = (items[row].title or "").strip() or titles[int(cluster[row])]
    return titles
