"""The documents tell the truth: what they show runs, what there is stands in them."""

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import ModuleType

import pytest

from penchant.cli.main import build
from penchant.cli.settings import Settings
from penchant.core.config import sections, table_of
from penchant.core.signals import SHIPPED
from penchant.engine.stages import FORMS
from penchant.ingest.datasets import BUNDLED

ROOT = Path(__file__).parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
PAGES = [*READMES, *HOW_TO, ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*/*.md")]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and content of every fenced block."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield found[2], textwrap.dedent(found[3])


def run(language: str, code: str, folder: Path) -> str:
    """Run a block in `folder` as a reader would, with this environment's `penchant`."""
    tools = Path(sys.executable).parent
    command = {
        "python": [sys.executable, "-c", code],
        "sh": ["bash", "-eu", "-c", code],
    }
    environ = {name: value for name, value in os.environ.items() if "PENCHANT_" not in name}
    environ["PATH"] = f"{tools}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(
        command[language], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def quick_start(readme: Path) -> str:
    return next(code for language, code in blocks(readme) if language == "python")


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_tool", ROOT / "tools/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> list[str]:
    return [c.name or getattr(c.callback, "__name__", "") for c in build().registered_commands]


def setting_names(model: type = Settings) -> Iterator[str]:
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        yield name
        for below in (*sections(field.annotation), *sections(table_of(field.annotation))):
            yield from setting_names(below)


def test_the_quick_start_is_the_same_in_both_languages() -> None:
    assert quick_start(READMES[0]) == quick_start(READMES[1])


@pytest.mark.slow
def test_the_quick_start_runs_in_an_empty_folder_and_its_slates_follow_the_events(
    tmp_path: Path,
) -> None:
    said = run("python", quick_start(READMES[0]), tmp_path).splitlines()
    assert any("because of PAPER CHAIN KIT" in line for line in said[:5])
    assert any("because of REGENCY CAKESTAND" in line for line in said[5:10])
    assert any(re.search(r"\d+% (rising|steady|falling)$", line) for line in said[10:])


@pytest.mark.slow
@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_every_block_of_a_how_to_page_runs(page: Path, tmp_path: Path) -> None:
    runnable = [(lang, code) for lang, code in blocks(page) if lang in ("python", "sh")]
    assert runnable
    for language, group in groupby(runnable, key=lambda block: block[0]):
        run(language, "\n".join(code for _, code in group), tmp_path)


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_a_how_to_page_is_a_list_of_fewer_than_ten_steps(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    numbers = [int(n) for n in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 1 < len(numbers) < 10


def test_the_reference_is_fresh() -> None:
    assert reference().main(["--check"]) == 0


def test_every_command_stands_in_both_readmes_and_in_the_reference() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    for name in commands():
        assert f"## penchant {name}\n" in page
        for readme in READMES:
            shown = "\n".join(code for _, code in blocks(readme))
            assert re.search(rf"\b{name}\b", shown), f"{name} is not in {readme.name}"


def test_every_command_has_help_and_an_example() -> None:
    for command in build().registered_commands:
        assert command.callback is not None
        assert (command.callback.__doc__ or "").strip()
        assert (command.epilog or "").startswith("Example: penchant ")


def test_every_setting_stands_in_the_reference() -> None:
    page = (ROOT / "docs/reference/config.md").read_text(encoding="utf-8")
    missing = [name for name in setting_names() if not re.search(rf"[`.\[|] ?{name}[`.\] ]", page)]
    assert missing == []


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_a_readme_names_every_shipped_signal_source_and_data_set(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    missing = [name for name in (*SHIPPED, *FORMS, *BUNDLED) if name not in text]
    assert missing == []


@pytest.mark.parametrize("readme", READMES, ids=lambda page: page.name)
def test_a_readme_names_both_commands_of_a_fresh_machine_and_both_attributions(
    readme: Path,
) -> None:
    text = readme.read_text(encoding="utf-8")
    for phrase in ("make demo", "make test", "Simon Dooms", "MIT", "Daqing Chen", "CC BY 4.0"):
        assert phrase in text


def test_both_readmes_have_the_same_chapters_blocks_and_links() -> None:
    texts = [page.read_text(encoding="utf-8") for page in READMES]
    heads = [re.findall(r"^(#+) ", text, re.MULTILINE) for text in texts]
    links = [
        set(re.findall(r"\]\((docs[^)]*|[A-Z]{5,}(?<!README)\.md|bench[^)]*)\)", text))
        for text in texts
    ]
    assert heads[0] == heads[1]
    assert links[0] == links[1]
    first, second = ([lang for lang, _ in blocks(page)] for page in READMES)
    assert first == second


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in t]
    broken = [target for target in targets if not (page.parent / target).exists()]
    assert broken == []
