"""What a caller is told of a slate, in either language."""

import json

import pytest

from penchant.core.errors import InvalidRequestError
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.slates import Ranked, Reason, Recommended, Slate


def because(*named: tuple[str | None, str | None], without: int | None = 31) -> Reason:
    """Of events with these items and titles."""
    ids = [EventId(f"e{n}") for n in range(len(named))]
    items = [None if item is None else ItemId(item) for item, _ in named]
    return Reason(ids, items, [title for _, title in named], 2, without)


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        (
            because(("m1", "Heat")),
            "because of Heat: without it, 2 -> 31",
            "因为“Heat”：没有它，名次 2 → 31",
        ),
        (
            because(("m1", None), (None, None), without=None),
            "because of m1 and a search: without them, 2 -> gone",
            "因为“m1”和一次搜索：没有它们，名次 2 → 落选",
        ),
        (
            because(("m1", "Heat"), (None, None), ("m1", "Heat"), (None, None)),
            "because of Heat ×2 and searches ×2: without them, 2 -> 31",
            "因为“Heat” ×2和搜索 ×2：没有它们，名次 2 → 31",
        ),
    ],
)
def test_a_reason_is_told_in_english_and_chinese(
    reason: Reason, english: str, chinese: str
) -> None:
    assert reason.sentence() == reason.sentence("en") == english
    assert reason.sentence("zh") == chinese


def test_a_slate_tells_its_reasons_in_the_language_asked_for() -> None:
    place = Recommended(
        ItemId("m2"), "Ronin", ("Crime",), 1.5, "habit", {"habit": 1.5}, [because(("m1", "Heat"))]
    )
    slate = Slate("s1", UserId("ann"), [place], "7", None, None, 9.0, "home")
    told = slate.to_dict("zh")
    assert json.loads(json.dumps(told)) == told
    assert (told["user"], told["placement"], told["next"]) == ("ann", "home", None)
    (shown,) = told["items"]
    assert shown["reasons"][0]["sentence"] == "因为“Heat”：没有它，名次 2 → 31"
    assert slate.to_dict()["items"][0]["reasons"][0]["sentence"].startswith("because of Heat")
    ranked = Ranked([place], [ItemId("moon")], "7", None, 9.0)
    assert ranked.to_dict("zh")["items"] == told["items"]
    assert ranked.to_dict()["unknown"] == ["moon"]


def test_somebody_without_a_name_is_nobody_in_json() -> None:
    told = Slate("s1", UserId(""), [], "0", None, None, 9.0).to_dict()
    assert (told["user"], told["placement"], told["items"]) == (None, None, [])


def test_a_language_that_is_not_spoken_is_refused() -> None:
    slate = Slate("s1", UserId("ann"), [], "0", None, None, 9.0)
    ranked = Ranked([], [], "0", None, 9.0)
    for asked in (slate.to_dict, ranked.to_dict, because(("m1", "Heat")).sentence):
        with pytest.raises(InvalidRequestError, match="lang is 'fr'; allowed are en, zh"):
            asked("fr")
