"""The code map: every module once, rooms in the order data flows."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("map_tool", ROOT / "tools" / "map.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_rooms_come_in_flow_order_with_size_and_purpose(tmp_path: Path) -> None:
    made = package(
        tmp_path,
        {"cli/main.py": '"""Commands."""\n', "core/ids.py": '"""Names.\n\nMore."""\nX = 1\n'},
    )
    rows = tool().code_map(made).splitlines()
    assert [row.split() for row in rows[1:-1]] == [
        ["4", "core/ids.py", "Names."],
        ["1", "cli/main.py", "Commands."],
    ]


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    made = package(tmp_path, {"core/__init__.py": '"""Words."""\n'})
    page = "before\n<!-- map -->\nold\n<!-- /map -->\nafter\n"
    fresh = tool().refreshed(page, made)
    assert fresh.startswith("before\n<!-- map -->\n```\n   1  core/ ")
    assert fresh.endswith("```\n<!-- /map -->\nafter\n")
    assert tool().refreshed(fresh, made) == fresh


def test_a_module_without_a_docstring_is_named(tmp_path: Path) -> None:
    made = package(tmp_path, {"core/mute.py": "X = 1\n"})
    with pytest.raises(SystemExit, match=r"mute\.py has no docstring"):
        tool().code_map(made)


def test_every_room_of_the_package_is_on_the_map() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "penchant").glob("*/__init__.py")}
    assert rooms <= set(tool().FLOW)
