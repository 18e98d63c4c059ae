"""Titles to search in: one row of bytes in which it is known where every word begins."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from penchant.core.contracts import Mask, Scores
from penchant.retrieval.growth import with_room

BETWEEN: Final = frozenset("PZC")
"""Kinds of characters that part words: punctuation, spaces, control. Symbols stand as they are."""
MARKS: Final = range(0x300, 0x370)
"""Accents of Latin, Greek and Cyrillic letters, once they stand apart from them."""
APOSTROPHES: Final = "'`´‘’ʼ"
ELISION: Final = re.compile(rf"\b(\w)[{APOSTROPHES}]")
"""After one letter an apostrophe parts words, as in d'Amélie; elsewhere it goes without a trace."""
WHOLE: Final = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
"""Letters that no accent can be taken off from."""
UNSPACED: Final = 0xE0
"""First byte of a character from U+0800 on: scripts that need no space, so all begin a word."""
END: Final = ord("\n")
HEAD: Final = 8
"""Bytes of a word that are compared at once."""
MOST_WORDS: Final = 32
"""Words of one search that are read; each is a look at all words of all titles."""
FEW: Final = 64
"""Changes from which on the order of titles is made anew."""


def folded(text: str) -> str:
    """Words in small letters without accents and punctuation, one space between them.

    >>> folded("Le Destin d'Amélie (2001)"), folded("Schindler's  LIST"), folded("绿茶！")
    ('le destin d amelie 2001', 'schindlers list', '绿茶')
    """
    text = ELISION.sub(r"\1 ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    text = text.casefold().translate(_PLAIN)
    return " ".join(unicodedata.normalize("NFC", text).split())


class _Plain(dict[int, str]):
    """What becomes of each character, by its number; looked up once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character in APOSTROPHES or code in MARKS:
            plain = ""
        elif unicodedata.category(character)[0] in BETWEEN:
            plain = " "
        else:
            plain = WHOLE.get(character, character)
        self[code] = plain
        return plain


_PLAIN: Final = _Plain()


class Titles:
    """Finds rows by the beginnings of words; replaced and added titles cost no look at others."""

    def __init__(self) -> None:
        self._folded: list[str] = []
        self._text = np.zeros(0, np.uint8)  # (capacity,) each title ends with END
        self._used = 0
        self._left = 0  # bytes of titles that were replaced
        self._begin = np.zeros(0, np.intp)  # (N,) where each title begins
        self._words = np.zeros(0, np.intp)  # (W,) where a word begins
        self._heads = np.zeros(0, np.uint64)  # (W,) its first HEAD bytes, and what follows
        self._owner = np.zeros(0, np.intp)  # (W,) whose it is
        self._order: list[int] = []  # rows by title
        self._rank = np.zeros(0, np.int64)  # (N,) places in it

    def put(self, changed: Sequence[tuple[int, str]]) -> None:
        """Titles by row, new rows in their order; of two for one row the later holds."""
        titles = {row: folded(title) for row, title in changed}
        old = [row for row in titles if row < len(self._folded)]
        few = len(titles) <= FEW and bool(self._order)
        if few:
            self._take_out(old)
        self._forget_words(old)
        for row in sorted(titles):
            if row < len(self._folded):
                self._folded[row] = titles[row]
            else:
                self._folded.append(titles[row])
        self._append(list(titles))
        if self._left > self._used // 2:
            self._compact()
        if few:
            self._put_in(list(titles))
        elif titles:
            self._sort()

    def find(
        self, words: str, shown: Mask, popular: Scores, limit: int, offset: int = 0
    ) -> tuple[list[int], int]:
        """Rows with every word of `words` at the beginning of one of theirs, and how many.

        Only rows that are `shown` (N,). First come those whose title begins with all of it, then
        the `popular` (N,), then by title. In scripts without spaces a word may begin anywhere.
        Of more than `MOST_WORDS` different words the first are read.
        """
        wanted = folded(words)
        hits = shown.copy()
        if words.strip() and not wanted:  # nothing but punctuation
            hits[:] = False
        for word in islice(dict.fromkeys(wanted.split()), MOST_WORDS):
            if not hits.any():
                break
            has = np.zeros(len(hits), np.bool_)
            has[self._owner[self._words_with(word)]] = True
            hits &= has
        rows = np.flatnonzero(hits)
        keys = self._keys(rows, wanted, popular)
        first = min(offset + limit, len(rows))
        if first < len(rows):
            keys = np.partition(keys, first)[:first]
        ranks = np.sort(keys)[offset:] & np.uint64(0xFFFFFFFF)
        return [self._order[rank] for rank in ranks.tolist()], len(rows)

    def _keys(self, rows: NDArray[np.intp], wanted: str, popular: Scores) -> NDArray[np.uint64]:
        """(M,) numbers in whose order rows stand: begins with it | popularity | place by title."""
        apart = np.ones(len(rows), np.uint64)
        apart[self._starting(self._begin[rows], _bytes(wanted))] = 0
        bits = np.maximum(popular[rows], np.float32(0)).astype(np.float32).view(np.uint32)
        least = np.uint64(0x7FFFFFFF) - bits  # of positive numbers the bits ascend as they do
        rank = self._rank[rows].astype(np.uint64)
        return np.asarray(apart << np.uint64(63) | least << np.uint64(32) | rank, np.uint64)

    def _starting(self, places: NDArray[np.intp], text: bytes) -> NDArray[np.intp]:
        """Which of `places` (P,) `text` stands at."""
        which = np.arange(len(places))
        for byte in text:  # no place runs over the end of its title: that matches nothing
            there = self._text[places] == byte
            which, places = which[there], places[there] + 1
            if not len(places):
                break
        return which

    def _words_with(self, beginning: str) -> NDArray[np.intp]:
        """Which words begin so."""
        data = _bytes(beginning)
        head = int.from_bytes(data[:HEAD].ljust(HEAD, b"\0"), "big")
        free = np.uint64(8 * max(0, HEAD - len(data)))  # bits that may be anything
        which = np.flatnonzero(self._heads >> free == np.uint64(head) >> free)
        if len(data) > HEAD:
            which = which[self._starting(self._words[which] + HEAD, data[HEAD:])]
        return which

    def _append(self, rows: Sequence[int]) -> None:
        """Write the titles of `rows` behind what there is, and note their words."""
        data = _bytes("".join(f"{self._folded[row]}\n" for row in rows))
        new = np.frombuffer(data, np.uint8)
        first, self._used = self._used, self._used + len(new)
        self._text = with_room(self._text, self._used)
        self._text[first : self._used] = new
        ends = np.flatnonzero(new == END)
        begins = np.concatenate([np.zeros(1, np.intp), ends + 1])[: len(rows)]
        self._begin = with_room(self._begin, len(self._folded))
        self._begin[np.array(rows, np.intp)] = first + begins
        after = np.concatenate([np.array([END], np.uint8), new[:-1]]) if len(new) else new
        opens = (after == END) | (after == ord(" ")) | (new >= UNSPACED)
        words = np.flatnonzero(opens & (new != END))
        owner = np.array(rows, np.intp)[np.searchsorted(ends, words)]
        padded = np.concatenate([new, np.zeros(HEAD, np.uint8)])
        heads = np.zeros(len(words), np.uint64)
        for place in range(HEAD):
            heads = heads << np.uint64(8) | padded[words + place]
        self._words = np.concatenate([self._words, first + words])
        self._heads = np.concatenate([self._heads, heads])
        self._owner = np.concatenate([self._owner, owner])

    def _forget_words(self, rows: Sequence[int]) -> None:
        """What `rows` were called no longer finds them."""
        if not rows:
            return
        gone = np.zeros(len(self._folded), np.bool_)
        gone[list(rows)] = True
        kept = ~gone[self._owner]
        self._words, self._heads = self._words[kept], self._heads[kept]
        self._owner = self._owner[kept]
        self._left += sum(len(_bytes(self._folded[row])) + 1 for row in rows)

    def _compact(self) -> None:
        """Write everything anew, without what was replaced."""
        self._text, self._used, self._left = np.zeros(0, np.uint8), 0, 0
        self._words = self._owner = np.zeros(0, np.intp)
        self._heads = np.zeros(0, np.uint64)
        self._append(range(len(self._folded)))

    def _key(self, row: int) -> tuple[str, int]:
        return self._folded[row], row

    def _sort(self) -> None:
        self._order = sorted(range(len(self._folded)), key=self._folded.__getitem__)
        self._rank = np.zeros(len(self._order), np.int64)
        self._rank[self._order] = np.arange(len(self._order))

    def _take_out(self, rows: Sequence[int]) -> None:
        """Close the gaps of `rows` in the order."""
        for row in rows:
            place = int(self._rank[row])
            del self._order[place]
            self._rank[self._rank > place] -= 1

    def _put_in(self, rows: Sequence[int]) -> None:
        """Find the places of `rows` in the order."""
        self._rank = with_room(self._rank, len(self._folded))
        for row in rows:
            place = bisect_left(self._order, self._key(row), key=self._key)
            self._rank[self._rank >= place] += 1
            self._order.insert(place, row)
            self._rank[row] = place


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")  # half a pair of a character finds nothing
