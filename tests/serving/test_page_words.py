"""What the page says of sources, in both languages."""

import re
from importlib.resources import files

import pytest

from penchant.engine.stages import FORMS
from penchant.serving.problems import PROBLEMS

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


@pytest.mark.parametrize("slug", PROBLEMS)
def test_every_problem_has_a_title_in_chinese(slug: str) -> None:
    table = WORDS[WORDS.index("export const PROBLEMS") :]
    found = re.search(rf'^  "?{slug}"?: "(.+)",$', table, re.MULTILINE)
    assert found is not None
    assert re.search(r"[\u4e00-\u9fff]", found[1])
