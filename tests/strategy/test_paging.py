"""The token of the next page is whole, of its user, and short; or it is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.core.errors import InvalidRequestError
from penchant.core.ids import UserId
from penchant.strategy.paging import MAX_CHARACTERS, decode, encode

ANN, BOB = UserId("ann"), UserId("bob")
shown_rows = st.frozensets(st.integers(0, 2**31 - 1), max_size=300)


@given(st.text().map(UserId), shown_rows)
def test_what_was_shown_comes_back(user: UserId, shown: frozenset[int]) -> None:
    token = encode(user, shown)
    assert decode(user, token) == shown
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(shown_rows, st.integers(0), st.sampled_from("AZaz09-_"))
def test_a_token_changed_in_one_character_is_refused(
    shown: frozenset[int], place: int, letter: str
) -> None:
    token = encode(ANN, shown)
    at = place % len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(InvalidRequestError, match="allowed is what `next` held"):
            decode(ANN, changed)


@given(shown_rows, st.integers(0))
def test_a_token_cut_short_is_refused(shown: frozenset[int], length: int) -> None:
    token = encode(ANN, shown)
    with pytest.raises(InvalidRequestError, match="allowed is what `next` held"):
        decode(ANN, token[: length % len(token)])


@given(st.text(max_size=60))
def test_a_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="allowed"):
        decode(ANN, text)


@pytest.mark.parametrize("bits", [31, 63, 20_000])
def test_a_token_made_up_of_a_row_that_no_catalogue_has_is_refused(bits: int) -> None:
    with pytest.raises(InvalidRequestError, match="was not given here; allowed is what `next`"):
        decode(ANN, encode(ANN, [2**bits]))


def test_a_token_of_another_user_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="same user"):
        decode(BOB, encode(ANN, [1, 2, 3]))


def test_the_order_in_which_items_were_shown_does_not_matter() -> None:
    assert encode(ANN, [3, 1, 2, 1]) == encode(ANN, [1, 2, 3])


def test_ten_pages_of_a_hundred_thousand_items_fit_into_three_hundred_characters() -> None:
    assert len(encode(ANN, range(0, 100_000, 1000))) < 300


def test_more_than_a_token_can_hold_is_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidRequestError, match="begin again without `next`"):
        encode(ANN, range(0, 10**7, 1000))
    with pytest.raises(InvalidRequestError, match=str(MAX_CHARACTERS)):
        decode(ANN, "A" * (MAX_CHARACTERS + 1))


def test_a_negative_row_cannot_have_been_shown() -> None:
    with pytest.raises(InvalidRequestError, match="row -2"):
        encode(ANN, [-2, 4])


@pytest.mark.parametrize("rows", [range(35_000), range(0, 35_000, 2), range(9), [0], []])
def test_a_catalogue_of_35_000_items_can_be_paged_to_its_end(rows: Sequence[int]) -> None:
    assert decode(ANN, encode(ANN, rows)) == frozenset(rows)
