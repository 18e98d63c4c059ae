"""The documents tell the truth: what they show runs, what there is stands in them."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import groupby
from pathlib import Path
from types import ModuleType

import pytest

from penchant.cli.settings import Settings
from penchant.client import Client
from penchant.core.config import sections, table_of
from penchant.core.signals import SHIPPED
from penchant.engine.engine import Engine
from penchant.engine.stages import FORMS
from penchant.ingest.datasets import BUNDLED

ROOT = Path(__file__).parents[1]
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
EXAMPLES = (ROOT / "examples" / "README.md", ROOT / "examples" / "README.zh-CN.md")
PAGES = [
    *(*READMES, *HOW_TO, *EXAMPLES),
    *(ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*/*.md")),
]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and content of every fenced block."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield found[2], textwrap.dedent(found[3])


def run(language: str, code: str, folder: Path, **more: str) -> str:
    """Run a block in `folder` as a reader would, with this environment's `penchant`."""
    tools = Path(sys.executable).parent
    command = {
        "python": [sys.executable, "-c", code],
        "sh": ["bash", "-eu", "-c", code],
        "js": ["node", "--input-type=module", "-e", code],
    }
    environ = {name: value for name, value in os.environ.items() if "PENCHANT_" not in name}
    environ["PATH"] = f"{tools}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(
        command[language],
        cwd=folder,
        env={**environ, **more},
        capture_output=True,
        text=True,
        check=False,
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
    """Every command, those of a group as `keys add`."""
    return [name for name, _, _ in reference().commands()]


def setting_names(model: type = Settings) -> Iterator[str]:
    for name, field in model.model_fields.items():  # type: ignore[attr-defined]
        yield name
        for below in (*sections(field.annotation), *sections(table_of(field.annotation))):
            yield from setting_names(below)


def test_the_quick_start_is_the_same_in_both_languages() -> None:
    assert quick_start(READMES[0]) == quick_start(READMES[1])


@pytest.mark.slow
@pytest.mark.timeout(900)  # it trains: two minutes on an idle machine, and others train beside it
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
    languages = {"python", "sh", *(["js"] if shutil.which("node") else [])}
    runnable = [(lang, code) for lang, code in blocks(page) if lang in languages]
    assert runnable
    if any("curl " in code for _, code in runnable) and not shutil.which("curl"):
        pytest.skip("needs curl")
    port = free_port()  # the reader's is 8420; here another test may have that
    more = {"PENCHANT_SERVING__PORT": port, "PENCHANT_URL": f"http://127.0.0.1:{port}"}
    try:
        for language, group in groupby(runnable, key=lambda block: block[0]):
            code = "\n".join(code for _, code in group)
            run(language, code.replace(":8420", f":{port}"), tmp_path, **more)
    finally:
        left = tmp_path / "server.pid"
        if left.exists():
            with suppress(ProcessLookupError):
                os.kill(int(left.read_text()), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_the_readme_says_of_the_server_runs(
    tmp_path: Path, serve: Callable[..., AbstractContextManager[str]]
) -> None:
    start, *calls = next(code for lang, code in blocks(READMES[0]) if lang == "sh").splitlines()
    assert start.split("  ")[0] == "penchant serve --db shop.db --clock log"
    client = next(code for _, code in blocks(READMES[0]) if "penchant.client" in code)
    made = (  # what the quick start leaves behind, without the training
        "from penchant import Engine\n"
        "from penchant.ingest.datasets import open_dataset\n"
        "shop = open_dataset('online-retail')\n"
        "with Engine.open('shop.db') as engine:\n"
        "    engine.put_items(shop.items)\n"
        "    engine.observe_many(next(shop.events(2_000)))\n"
    )
    run("python", made, tmp_path)
    with serve(tmp_path / "shop.db") as url:
        code = "\n".join(calls).replace("127.0.0.1:8420", url.removeprefix("http://"))
        answers = run("sh", code.replace("curl ", "curl -sf "), tmp_path)
        assert '"status":"new"' in answers
        assert '"state_cursor"' in answers
        assert run("python", client, tmp_path, PENCHANT_URL=url).count("\n") == 3


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_example_of_the_reference_is_answered(
    tmp_path: Path, serve: Callable[..., AbstractContextManager[str]]
) -> None:
    Engine.open(tmp_path / "shop.db").close()
    page = ROOT / "docs" / "reference" / "http.md"
    examples = [code for _, code in blocks(page) if code.startswith("curl ")]
    tool = reference()
    assert {code.strip() for code in examples} == set(map(tool.example, tool.EXAMPLES))
    with serve(tmp_path / "shop.db") as url, Client(url) as server:
        server.observe("ann", "tea", "view", id="order-1")
        for example in examples:
            server.observe("ann", "tea", "view")
            server.put_items([{"id": "tea", "title": "Tea"}, {"id": "pot"}])
            code = example.replace("127.0.0.1:8420", url.removeprefix("http://"))
            seen = "-sf --max-time 3"
            if "/stream" in code:
                code = f"({code.strip()} || true) | grep 'event: slate'"
            run("sh", code.replace("curl ", f"curl {seen} ", 1), tmp_path)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_a_how_to_page_is_a_list_of_fewer_than_ten_steps(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    numbers = [int(n) for n in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 1 < len(numbers) < 10


def test_the_reference_is_fresh() -> None:
    assert reference().main(["--check"]) == 0


def test_no_operation_of_the_reference_says_a_sentence_twice() -> None:
    page = (ROOT / "docs/reference/http.md").read_text(encoding="utf-8")
    assert "## GET /categories\n\nCategories, and how many items each has.\n" in page
    for line in page.splitlines():
        sentences = re.split(r"\.(?: |$)", line)
        assert len(sentences) == len(set(sentences)), line


def test_the_reference_of_commands_says_every_exit_code() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    told = next(line for line in page.splitlines() if "Exit code 0: done" in line)
    assert re.findall(r"(\d+): ", told) == ["0", "1", "2", "3", "130"]
    assert "`ingest` has rejected some rows" in told


def test_every_command_stands_in_both_readmes_and_in_the_reference() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    for name in commands():
        assert f"## penchant {name}\n" in page
        for readme in READMES:
            shown = "\n".join(code for _, code in blocks(readme))
            asked = name.partition(" ")[0]  # of a group one stands for all
            assert re.search(rf"\b{asked}\b", shown), f"{name} is not in {readme.name}"


def test_every_command_has_help_and_an_example() -> None:
    for name, function, epilog in reference().commands():
        assert (function.__doc__ or "").strip()
        assert epilog.startswith(f"Example: penchant {name}")


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


def test_both_readmes_have_the_same_commands_and_the_same_code() -> None:
    def shown(page: Path) -> list[str]:
        """Python as it stands; of commands what stands before the comment."""
        found = []
        for language, code in blocks(page):
            lines = code.splitlines()
            if language != "python":
                lines = [re.split(r"\s+#|\s{3,}", line)[0] for line in lines]
                lines = [
                    line for line in lines if line.startswith(("penchant ", "curl ", "python "))
                ]
            found += lines
        return found

    assert shown(READMES[0]) == shown(READMES[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in t]
    broken = [target for target in targets if not (page.parent / target).exists()]
    assert broken == []
