"""The settings written out: a commented TOML file with every key, its meaning and its default."""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from penchant.core.config import Keys, sections, table_of
from penchant.core.errors import ConfigError

BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def template(model: type[BaseModel]) -> str:
    """Every setting of `model` as TOML, explained; it loads back to the defaults.

    A setting without a default is written as a comment, and so is one whose default is to be unset.

    >>> from penchant.core.signals import Signal
    >>> print("\\n".join(template(Signal).splitlines()[-3:]))
    <BLANKLINE>
    # Whether the item leaves the user's slates until the event is undone.
    hides = false
    """
    head = [*_comment(_first_line(model)), ""] if _first_line(model) else []
    lines = [*head, *_table(model, _defaults(model), (), explain=True)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The string under each field of `model`, or its description.

    >>> from penchant.core.signals import Signal
    >>> field_docs(Signal)["hides"]
    "Whether the item leaves the user's slates until the event is undone."
    """
    docs: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            docs.update(_strings_under_fields(owner))
    described = {n: f.description for n, f in model.model_fields.items() if f.description}
    return {**docs, **described}


def _strings_under_fields(owner: type) -> dict[str, str]:
    try:
        source = inspect.getsource(owner)
    except (OSError, TypeError):  # a class made at run time has no source
        return {}
    body = ast.parse(textwrap.dedent(source)).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    docs = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = inspect.cleandoc(text)
    return docs


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    """Default of every field; None where there is none."""
    return {
        name: None if f.is_required() else f.get_default(call_default_factory=True)
        for name, f in model.model_fields.items()
    }


def _table(
    model: type[BaseModel], values: Mapping[str, Any], keys: Keys, *, explain: bool
) -> Iterator[str]:
    """Lines of one table: its own keys first, then the tables below it."""
    docs = field_docs(model) if explain else {}
    tables = {n: f for n, f in model.model_fields.items() if _is_table(f.annotation)}
    for name in model.model_fields:
        if name not in tables:
            yield from _comment(docs.get(name, ""))
            unset = values[name] is None
            yield f"# {_key(name)} =" if unset else f"{_key(name)} = {_toml(values[name])}"
            yield from [""] * explain
    for name, field in tables.items():
        yield ""
        yield from _comment(docs.get(name, ""))
        yield from _subtables(field.annotation, values[name], (*keys, name), explain=explain)


def _subtables(annotation: Any, value: Any, keys: Keys, *, explain: bool) -> Iterator[str]:
    """Lines of the table of a section, or of each table that a user may name."""
    inner = sections(annotation) or sections(table_of(annotation))
    if isinstance(value, BaseModel):
        yield from _headed(type(value), value, keys, explain=explain)
    elif isinstance(value, Mapping) and value:
        for number, (name, one) in enumerate(value.items()):
            yield from _headed(type(one), one, (*keys, name), explain=explain and number == 0)
    else:  # unset, or no table named yet: shown, but as a comment
        shown = keys if sections(annotation) else (*keys, "<name>")
        yield f"# [{'.'.join(shown)}]"
        for line in _table(inner[0], _defaults(inner[0]), shown, explain=explain):
            yield line if line.startswith("#") or not line else f"# {line}"


def _headed(model: type[BaseModel], one: BaseModel, keys: Keys, *, explain: bool) -> Iterator[str]:
    """A table with its header."""
    values = {name: getattr(one, name) for name in model.model_fields}
    yield f"[{'.'.join(_key(key) for key in keys)}]"
    yield from _table(model, values, keys, explain=explain)
    yield ""


def _is_table(annotation: Any) -> bool:
    return bool(sections(annotation) or sections(table_of(annotation)))


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), 96)]


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().split("\n")[0]


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    """A value in TOML."""
    match value:
        case Enum():
            return _toml(value.value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)
        case SecretStr():
            return _toml(value.get_secret_value())
        case _:
            return _toml_of_many(value)


def _toml_of_many(value: Any) -> str:
    """A list or an inline table in TOML."""
    match value:
        case BaseModel():
            return _toml({name: getattr(value, name) for name in type(value).model_fields})
        case Mapping():
            pairs = [f"{_key(str(k))} = {_toml(v)}" for k, v in value.items() if v is not None]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case Set():
            return _toml(sorted(value))
        case list() | tuple():
            return f"[{', '.join(_toml(one) for one in value)}]"
        case _:
            raise ConfigError(f"a default of {value!r} cannot be written as TOML")
