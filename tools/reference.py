"""Write docs/reference from the code: every command with its options, every setting."""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typer.models import ArgumentInfo, ParameterInfo

from penchant.cli.main import build
from penchant.cli.settings import Settings
from penchant.core.config import sections, table_of
from penchant.core.config_template import field_docs

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Made from the code by tools/reference.py; `make fix` refreshes it. -->\n"


def cli_page() -> str:
    """Every command: what it does, an example, its arguments and options."""
    parts = [
        NOTE,
        "# Commands\n",
        "`penchant --version` says which version this is. Results go to stdout, notes, progress "
        "and errors to stderr. Exit code 0: done; 1: the error says what, which value and what is "
        "allowed; 2: the command line itself; 130: stopped by Ctrl-C.\n",
    ]
    for command in build().registered_commands:
        function = command.callback
        assert function is not None
        parts += [f"## penchant {command.name or function.__name__}\n"]
        parts += [inspect.getdoc(function) or "", ""]
        parts += ["```", (command.epilog or "").removeprefix("Example: "), "```", ""]
        parts += ["| | what it says | default |", "|---|---|---|", *_options(function), ""]
    return "\n".join(parts)


def config_page() -> str:
    """Every setting, table by table, as they stand in penchant.toml."""
    parts = [
        NOTE,
        "# Settings\n",
        "`penchant init` writes all of this into a commented `penchant.toml`; whatever is left out "
        "has its default. A key that no setting has is an error that names the nearest one. "
        "A variable lies on top of the file: `PENCHANT_STRATEGY__REPEATS=keep` sets `repeats` of "
        "`[strategy]`. [How to tune them](../how-to/tune-the-config.md).\n",
        *_section(Settings, Settings(), ()),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _options(function: Callable[..., Any]) -> Iterator[str]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = _annotated(hints[name])
        argument = isinstance(info, ArgumentInfo)
        # inside Annotated, typer finds the first name of an option where a default would be
        given_names = (info.default, *(info.param_decls or ()))
        named = [str(n) for n in given_names if isinstance(n, str) and n.startswith("-")]
        shown = name.upper() if argument else ", ".join(named) or f"--{name}"
        if not argument and kind is not bool:
            shown += f" {info.metavar or _values(kind)}"
        said = _cell(info.help or "")
        if info.envvar:
            said += f" Or `{info.envvar}`."
        default = parameter.default
        if default is inspect.Parameter.empty:
            given = "required"
        else:
            given = "" if default in (None, False) else f"`{_value(default)}`"
        yield f"| `{_cell(shown)}` | {said} | {given} |"


def _annotated(hint: Any) -> tuple[Any, ParameterInfo]:
    """The bare type of a parameter, and what typer is told of it."""
    assert get_origin(hint) is Annotated, hint
    kind, info = get_args(hint)[:2]
    members = [m for m in get_args(kind) if m is not type(None)]
    return (kind if get_origin(kind) in (Literal, list) or not members else members[0]), info


def _values(kind: Any) -> str:
    """What may stand there: choices, or the name of a type."""
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is list:
        return _values(get_args(kind)[0])
    return {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")


def _section(model: type[BaseModel], values: BaseModel, keys: tuple[str, ...]) -> Iterator[str]:
    """One table of the file, then those below it."""
    docs = field_docs(model)
    below = {n: f.annotation for n, f in model.model_fields.items() if _is_table(f.annotation)}
    own = [name for name in model.model_fields if name not in below]
    if own:
        yield from _rows({name: getattr(values, name) for name in own}, docs)
    for name, annotation in below.items():
        here = (*keys, name)
        inner = getattr(values, name)
        if sections(annotation):
            yield f"## [{'.'.join(here)}]\n\n{_cell(docs.get(name, ''))}\n"
            yield from _section(type(inner), inner, here)
        else:
            yield f"## [{'.'.join(here)}.NAME]\n\n{_cell(docs.get(name, ''))}\n"
            yield from _named(sections(table_of(annotation))[0], inner)


def _named(model: type[BaseModel], given: Mapping[str, BaseModel]) -> Iterator[str]:
    """Tables that a user names: their keys, then those that exist without any config."""
    keys = list(model.model_fields)
    yield from _rows({k: model.model_fields[k].get_default() for k in keys}, field_docs(model))
    if not given:
        return
    yield f"| NAME | {' | '.join(keys)} |"
    yield "|---" * (1 + len(keys)) + "|"
    for name, one in given.items():
        yield f"| `{name}` | {' | '.join(_value(getattr(one, key)) for key in keys)} |"
    yield ""


def _rows(values: Mapping[str, Any], docs: Mapping[str, str]) -> Iterator[str]:
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for name, value in values.items():
        yield f"| `{name}` | {f'`{_value(value)}`' if value is not None else 'unset'} | " + (
            f"{_cell(docs.get(name, ''))} |"
        )
    yield ""


def _is_table(annotation: Any) -> bool:
    return bool(sections(annotation) or sections(table_of(annotation)))


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Path | str):
        return str(value)
    return json.dumps(sorted(value) if isinstance(value, Set) else value)


def _cell(text: str) -> str:
    """On one line, safe in a table."""
    return " ".join(text.split()).replace("|", "\\|")


PAGES: Mapping[str, Callable[[], str]] = {"cli.md": cli_page, "config.md": config_page}


def main(arguments: list[str]) -> int:
    """Refresh the pages, or with --check report which are stale."""
    stale = []
    for name, made in PAGES.items():
        path, fresh = FOLDER / name, made()
        if not path.exists() or path.read_text(encoding="utf-8") != fresh:
            stale.append(name)
            if "--check" not in arguments:
                FOLDER.mkdir(parents=True, exist_ok=True)
                path.write_text(fresh, encoding="utf-8")
    if stale and "--check" in arguments:
        print(f"stale in docs/reference: {', '.join(stale)}: make fix", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
