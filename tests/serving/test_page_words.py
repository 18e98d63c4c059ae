"""What the page says of sources, in both languages."""

import re
from importlib.resources import files

import pytest

from penchant.engine.stages import FORMS

WORDS = (files("penchant.serving") / "static" / "words.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", FORMS)
def test_every_source_has_a_name_and_a_sentence_in_both_languages(source: str) -> None:
    found = re.search(
        rf'^  {source}: {{ family: "\w+", en: \["(.+?)", "(.+?)"\], zh: \["(.+?)", "(.+?)"\] }},$',
        WORDS,
        re.MULTILINE,
    )
    assert found is not None
    assert re.search(r"[\u4e00-\u9fff]", found[4])
