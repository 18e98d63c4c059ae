"""Write docs/reference from the code: every command, every setting, every operation over HTTP."""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typer.models import ArgumentInfo, ParameterInfo

from penchant.cli.main import build
from penchant.cli.settings import Settings
from penchant.core.config import sections, table_of
from penchant.core.config_template import field_docs
from penchant.engine.engine import Engine
from penchant.serving.app import App
from penchant.serving.config import ServingConfig
from penchant.serving.problems import PROBLEMS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Made from the code by tools/reference.py; `make fix` refreshes it. -->\n"

COMMON = ("unauthorized", "forbidden", "rate-limited", "internal", "unavailable")
"""Problems that nearly every operation may answer with."""


EXAMPLES: Final[Mapping[str, str]] = {
    "POST /events": """/events -d '{"user": "ann", "item": "tea", "type": "view"}'""",
    "DELETE /events/{event}": "-X DELETE /events/order-1",
    "GET /users/{user}/recommendations": "'/users/ann/recommendations?n=3&reasons=true'",
    "POST /rank": """/rank -d '{"user": "ann", "items": ["tea", "pot"]}'""",
    "GET /popular": "'/popular?n=3&window=7d'",
    "POST /session/recommendations": (
        """/session/recommendations -d '{"events": [{"item": "tea", "type": "view"}], "n": 3}'"""
    ),
    "GET /users/{user}/stream": "-N '/users/ann/stream?n=3'",
    "GET /users": "'/users?limit=20'",
    "GET /users/{user}": "/users/ann",
    "PUT /users/{user}": """-X PUT /users/ann -d '{"attributes": {"country": "DE"}}'""",
    "DELETE /users/{user}": "-X DELETE /users/ann",
    "GET /users/{user}/interests": "/users/ann/interests",
    "GET /users/{user}/interests/timeline": "'/users/ann/interests/timeline?limit=20'",
    "GET /users/{user}/history": "'/users/ann/history?limit=20'",
    "GET /users/{user}/export": "/users/ann/export",
    "GET /items": "'/items?q=tea&limit=5'",
    "PUT /items": """-X PUT /items -d '[{"id": "tea", "title": "Green tea"}, {"id": "pot"}]'""",
    "GET /items/{item}": "/items/tea",
    "PUT /items/{item}": (
        """-X PUT /items/tea -d '{"title": "Green tea", "categories": ["kitchen"]}'"""
    ),
    "DELETE /items/{item}": "-X DELETE /items/pot",
    "GET /items/{item}/similar": "'/items/tea/similar?n=3'",
    "GET /categories": "/categories",
    "GET /health/live": "/health/live",
    "GET /health/ready": "/health/ready",
    "GET /about": "/about",
    "GET /overview": "/overview",
    "GET /metrics": "/metrics",
}
"""What follows `curl` and the address of the server."""
SERVER: Final = "127.0.0.1:8420"


def cli_page() -> str:
    """Every command: what it does, an example, its arguments and options."""
    parts = [
        NOTE,
        "# Commands\n",
        "`penchant --version` says which version this is. Results go to stdout, notes, progress "
        "and errors to stderr. Exit code 0: done; 1: the error says what, which value and what is "
        "allowed, or `ingest` has rejected some rows and taken in the others, or `doctor` has "
        "found something wrong; 2: the command line itself; 3: `validate` can read the data, but "
        "they are not enough to train on; 130: stopped by Ctrl-C. With `--json` an error is an "
        'object too, `{"error": "..."}`.\n',
    ]
    for name, function, epilog in commands():
        parts += [f"## penchant {name}\n"]
        parts += [inspect.getdoc(function) or "", ""]
        parts += ["```", epilog.removeprefix("Example: "), "```", ""]
        parts += ["| | what it says | default |", "|---|---|---|", *_options(function), ""]
    return "\n".join(parts)


def commands() -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Every command by its words, those of groups too: name, function, epilog."""
    app = build()
    groups = [("", app), *((f"{g.name} ", g.typer_instance) for g in app.registered_groups)]
    for before, group in groups:
        assert group is not None
        for command in group.registered_commands:
            function = command.callback
            assert function is not None
            name = command.name or function.__name__.replace("_", "-")
            yield f"{before}{name}", function, command.epilog or ""


def http_page() -> str:
    """Every operation of the API: who may, what it reads, what it answers; and every problem."""
    with (
        TemporaryDirectory() as folder,
        Engine.open(Path(folder, "shop.db")) as engine,
        App(engine, ServingConfig()) as app,
    ):
        described = json.loads(app.openapi())
    parts = [
        NOTE,
        "# HTTP\n",
        "A running server shows the same at `/docs`, with every field of every answer, and as "
        "OpenAPI at `/openapi.json`. Ids in a path are percent-encoded, slashes too. Every answer "
        "has `X-Request-Id`, the caller's own where it sent one; reads say in `Server-Timing` how "
        "long each part took. Where keys are needed they come as `Authorization: Bearer KEY` or "
        "`X-API-Key: KEY`, and the role says which are enough: *write* may also what *read* may, "
        "*admin* everything. [How to serve](../how-to/serve.md).\n",
        f"Any operation with a role may answer {', '.join(map(_problem, COMMON))} too.\n",
    ]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parts += list(_operation(f"{method.upper()} {path}", operation))
    parts += ["# Problems\n"]
    parts += ["An error is `application/problem+json` (RFC 9457); its `type` ends with the slug.\n"]
    parts += ["| slug | status | title | what to do |", "|---|---|---|---|"]
    for slug, kind in PROBLEMS.items():
        anchor = f'<a id="{slug}"></a>`{slug}`'
        parts += [f"| {anchor} | {kind.status} | {_cell(kind.title)} | {_cell(kind.advice)} |"]
    return "\n".join(parts) + "\n"


def example(name: str) -> str:
    """How the operation is asked for, as a command line."""
    before, slash, path = EXAMPLES[name].partition("/")
    option, quote, _ = before.partition("'")
    return f"curl {option}{quote}{SERVER}{slash}{path}"


def _problem(slug: str) -> str:
    return f"[{slug}](#{slug})"


def _operation(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    """One operation: its words, its query, what it can answer."""
    yield f"## {name}\n"
    said = f"{operation['summary']}. {' '.join(operation.get('description', '').split())}"
    yield f"{said.strip()}\n\nRole: {operation['x-role']}.\n"
    yield f"```\n{example(name)}\n```\n"
    asked = [one for one in operation["parameters"] if one["in"] == "query"]
    if asked:
        yield from ("| query | meaning | default |", "|---|---|---|")
        for one in asked:
            default = one["schema"].get("default")
            given = "" if default in (None, [], "") else f"`{_value(default)}`"
            yield f"| `{one['name']}` | {_cell(one['description'])} | {given} |"
        yield ""
    problems = []
    for status, answer in operation["responses"].items():
        for media, content in answer["content"].items():
            if media == "application/problem+json":
                problems += [part.split(":")[0] for part in answer["description"].split("; ")]
            else:
                kind = content["schema"].get("$ref", "").rpartition("/")[2] or "text"
                yield f"Answer {status}, {media}: {kind}. {_cell(answer['description'])}\n"
    own = [_problem(slug) for slug in problems if slug not in COMMON]
    yield f"Problems of its own: {', '.join(own)}." if own else "No problems of its own."
    yield ""


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


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "config.md": config_page,
    "http.md": http_page,
}


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
