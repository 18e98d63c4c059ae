"""What is written and read again is the same."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.core.errors import InvalidDataError
from penchant.core.events import Event
from penchant.core.ids import EventId, ItemId, UserId
from penchant.core.items import Item
from penchant.ingest.export import FORMATS, write_events, write_items
from penchant.ingest.sources import read_events, read_items

TEXTS = st.text(min_size=1, max_size=8).filter(lambda text: not text.isspace()) | st.sampled_from(
    ['a,"b"', "x\r", "line\nbreak", "\ufeff", "1e5", "[1]", "nan", "é"]
)
FACTS = st.dictionaries(
    st.text(max_size=5),
    st.text(max_size=5)
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    max_size=3,
)
EVENTS = st.lists(
    st.builds(
        Event,
        user=TEXTS.map(UserId),
        type=TEXTS,
        time_s=st.floats(0, 9e10),
        item=st.none() | TEXTS.map(ItemId),
        value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        id=TEXTS.map(EventId),
        words=st.none() | TEXTS,
        context=FACTS,
        flags=st.sets(st.sampled_from(["future", "impossible", "bot", "flood"])).map(
            lambda flags: tuple(sorted(flags))
        ),
    ),
    max_size=6,
)
ITEMS = st.lists(
    st.builds(
        Item,
        id=TEXTS.map(ItemId),
        title=st.none() | TEXTS,
        categories=st.lists(TEXTS, unique=True, max_size=3).map(tuple),
        description=st.none() | TEXTS,
        attributes=FACTS,
        available=st.booleans(),
        expires_s=st.none() | st.floats(0, 1e18),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(EVENTS, st.sampled_from(FORMATS))
def test_events_come_back_as_they_were(events: list[Event], suffix: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"events{suffix}"
        assert write_events(events, path) == len(events)
        batches = list(read_events(path))
    assert [one for batch in batches for one in batch.rejected] == []
    assert [one for batch in batches for one in batch.events()] == events


@settings(deadline=None)
@given(ITEMS, st.sampled_from(FORMATS))
def test_items_come_back_as_they_were(items: list[Item], suffix: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"items{suffix}"
        assert write_items(items, path) == len(items)
        batches = list(read_items(path))
    assert [one for batch in batches for one in batch.rejected] == []
    assert [one for batch in batches for one in batch.items] == items


def test_a_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match=r"ends in '.xlsx'; allowed are .jsonl, .csv"):
        write_events([], tmp_path / "events.xlsx")


def test_progress_ends_with_the_number_written(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    events = [Event(UserId("ann"), "view", 0.0)] * 10_001
    write_events(events, tmp_path / "e.jsonl", lambda done, total: seen.append((done, total)))
    assert seen == [(10_000, None), (10_001, 10_001)]
