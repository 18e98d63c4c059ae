"""Write the code map of ARCHITECTURE.md from module docstrings, in the order data flows."""

import ast
import sys
from pathlib import Path

FLOW = (
    *("core", "nn", "measures", "storage", "ingest", "features", "encoders", "interests"),
    *("retrieval", "ranking", "strategy", "language", "engine", "training", "evaluation"),
    *("serving", "client", "cli"),
)
START, END = "<!-- map -->\n", "<!-- /map -->\n"
ROOT = Path(__file__).resolve().parent.parent


def line(path: Path, package: Path) -> str:
    """One row of the map: size, path, purpose."""
    text = path.read_text(encoding="utf-8")
    purpose = ast.get_docstring(ast.parse(text))
    if not purpose:
        raise SystemExit(f"{path} has no docstring; its first line is its entry on the map")
    name = path.relative_to(package).as_posix().removesuffix("__init__.py")
    return f"{text.count(chr(10)):4d}  {name:34s} {purpose.splitlines()[0]}\n"


def code_map(package: Path) -> str:
    """Every module of `package`, rooms in flow order."""
    paths = [path for room in FLOW for path in sorted((package / room).rglob("*.py"))]
    return "```\n" + "".join(line(path, package) for path in paths) + "```\n"


def refreshed(page: str, package: Path) -> str:
    """`page` with the map between its markers made anew."""
    before, rest = page.split(START)
    return before + START + code_map(package) + END + rest.split(END)[1]


def main(arguments: list[str]) -> int:
    """Refresh the map, or with --check report that it is stale."""
    path = ROOT / "ARCHITECTURE.md"
    page = path.read_text(encoding="utf-8")
    fresh = refreshed(page, ROOT / "src" / "penchant")
    if "--check" in arguments:
        if page != fresh:
            print("the map in ARCHITECTURE.md is stale: make fix", file=sys.stderr)
        return int(page != fresh)
    path.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
