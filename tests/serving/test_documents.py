"""The documents know every operation, every problem and every command of the server."""

from pathlib import Path

from tests.serving.conftest import Shop

from penchant.cli.keys import COMMANDS
from penchant.serving.problems import PROBLEMS

ROOT = Path(__file__).parents[2]


def test_the_reference_has_every_operation_with_its_query_and_every_problem(shop: Shop) -> None:
    page = (ROOT / "docs/reference/http.md").read_text(encoding="utf-8")
    for path, methods in shop.get("/openapi.json")["paths"].items():
        for method, operation in methods.items():
            _, _, section = page.partition(f"\n## {method.upper()} {path}\n")
            section = section.partition("\n## ")[0]
            assert operation["summary"] in section, path
            for parameter in operation["parameters"]:
                if parameter["in"] == "query":
                    assert f"| `{parameter['name']}` |" in section, (path, parameter["name"])
    for slug in PROBLEMS:
        assert f'<a id="{slug}"></a>' in page


def test_the_reference_has_every_command_of_keys() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    for name, _, example in COMMANDS:
        assert f"## penchant keys {name}\n" in page
        assert example in page
