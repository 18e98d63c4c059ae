"""Settings: a frozen model from a TOML file and the environment, strict about every key."""

import enum
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from penchant.core.errors import ConfigError, UnknownSettingError

T = TypeVar("T", bound=BaseModel)
Keys = tuple[str, ...]
"""Where a setting is: ("signals", "view", "weight")."""
Where = Callable[[Keys], str]
"""Names the place that a setting was given at: a file and line, or an environment variable."""

TEXT: Final = (str, Path, SecretStr)


def load_config(
    model: type[T], path: Path | None, environ: Mapping[str, str], prefix: str = "PENCHANT_"
) -> T:
    """Settings of `path` (None: the defaults), with those of the environment laid over them.

    `PENCHANT_SERVING__PORT=80` sets `port` of `[serving]`. A table of the file is laid over the
    default of that table, so that `[signals.view]` with one key keeps the others, and
    `[signals.mine]` adds to those that exist. A key that no setting has raises
    `UnknownSettingError` with the nearest one, a value that is not allowed raises `ConfigError`.

    >>> from penchant.core.signals import Signal
    >>> load_config(Signal, None, {"PENCHANT_WEIGHT": "2"}).weight
    2.0
    >>> load_config(Signal, None, {"PENCHANT_WIEGHT": "2"})
    Traceback (most recent call last):
    ...
    penchant.core.errors.UnknownSettingError: environment: no setting is named 'PENCHANT_WIEGHT' \
(did you mean 'PENCHANT_WEIGHT'?); allowed here are PENCHANT_HALF_LIFE_DAYS, PENCHANT_HIDES, \
PENCHANT_THRESHOLD, PENCHANT_WEIGHT
    """
    text = "" if path is None else _read(path)
    given = _parsed(text, path)
    origins: dict[Keys, str] = {}

    def where(keys: Keys) -> str:
        for end in range(len(keys), 0, -1):
            if keys[:end] in origins:
                return origins[keys[:end]]
        return f"{path}{_line(text, keys)}" if path else "settings"

    _check_keys(model, given, (), where)
    for name in sorted(key for key in environ if key.startswith(prefix)):
        keys, annotation = _place_of(model, name, prefix)
        value = _value_of(annotation, environ[name])
        origins[keys] = name
        _check_keys(annotation, value, keys, where)
        given = _with(given, keys, value)
    try:
        return model.model_validate(_over_defaults(model, given))
    except ValidationError as error:
        raise ConfigError("\n".join(_explained(error, where))) from None


def sections(annotation: Any) -> list[type[BaseModel]]:
    """The models among the members of a type: the settings that may stand in its table."""
    return [m for m in _members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]


def table_of(annotation: Any) -> Any:
    """Type of the values where a user names the keys, as in `[signals.mine]`; else None."""
    for member in _members(annotation):
        origin = get_origin(member)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return get_args(member)[1]
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Notepad begins a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as settings: {error}") from None


def _parsed(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _members(annotation: Any) -> Iterator[Any]:
    """A type without its `Annotated`, and each member of a union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _element_of(annotation: Any) -> Any:
    """Type of the elements of a list or tuple; else None."""
    for member in _members(annotation):
        origin = get_origin(member)
        if isinstance(origin, type) and issubclass(origin, Sequence):
            return get_args(member)[0]
    return None


def _below(annotation: Any) -> dict[str, Any] | None:
    """Type of every setting in a table of this type; None: it is no table of ours."""
    found = sections(annotation)
    if not found:
        return None
    return {name: f.annotation for one in found for name, f in one.model_fields.items()}


def _check_keys(annotation: Any, value: Any, keys: Keys, where: Where) -> None:
    """Refuse a key that no setting has, however deep."""
    if isinstance(value, list):
        for one in value:
            _check_keys(_element_of(annotation), one, keys, where)
    if not isinstance(value, Mapping):
        return
    known, free = _below(annotation), table_of(annotation)
    for key, inner in value.items():
        here = (*keys, key)
        if known is not None and key not in known:
            allowed = [".".join((*keys, name)) for name in known]
            raise UnknownSettingError(".".join(here), allowed, where(here))
        _check_keys(free if known is None else known[key], inner, here, where)


def _place_of(model: type[BaseModel], name: str, prefix: str) -> tuple[Keys, Any]:
    """Keys and type of the setting that the environment variable `name` sets."""
    keys: Keys = tuple(name[len(prefix) :].lower().split("__"))
    annotation: Any = model
    for depth, key in enumerate(keys):
        known, free = _below(annotation), table_of(annotation)
        if known is None and free is not None:
            annotation = free
        elif known is not None and key in known:
            annotation = known[key]
        else:
            above = prefix + "".join(f"{k.upper()}__" for k in keys[:depth])
            allowed = [above + k.upper() for k in known or ()] or [above.removesuffix("__")]
            raise UnknownSettingError(name, allowed, "environment")
    return keys, annotation


def _value_of(annotation: Any, raw: str) -> Any:
    """The text of an environment variable as a value: text where text is wanted, else TOML."""
    if all(_is_text(m) for m in _members(annotation) if m is not type(None)):
        return raw
    try:
        parsed = tomllib.loads(f"value = {raw}")
    except tomllib.TOMLDecodeError:
        return raw
    return parsed["value"] if len(parsed) == 1 else raw


def _is_text(member: Any) -> bool:
    if get_origin(member) is Literal:
        return all(isinstance(choice, str) for choice in get_args(member))
    return isinstance(member, type) and issubclass(member, (*TEXT, enum.Enum))


def _with(given: Mapping[str, Any], keys: Keys, value: Any) -> dict[str, Any]:
    """A copy of `given` with `value` at `keys`."""
    if len(keys) == 1:
        return {**given, keys[0]: value}
    inner = given.get(keys[0])
    below = inner if isinstance(inner, Mapping) else {}
    return {**given, keys[0]: _with(below, keys[1:], value)}


def _over_defaults(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with each of its tables laid over the default of that table."""
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
        if not field.is_required()
    }
    return {name: _laid_over(defaults.get(name), value) for name, value in given.items()}


def _laid_over(default: Any, value: Any) -> Any:
    """`value`, completed by a default that is a model or a table of models."""
    if not isinstance(value, Mapping):
        return value
    base: dict[str, Any] = {}
    if isinstance(default, BaseModel):
        base = {name: getattr(default, name) for name in type(default).model_fields}
    elif isinstance(default, Mapping) and any(isinstance(v, BaseModel) for v in default.values()):
        base = dict(default)
    return {**base, **{key: _laid_over(base.get(key), inner) for key, inner in value.items()}}


def _explained(error: ValidationError, where: Where) -> Iterator[str]:
    """One sentence per wrong value: where, which key, which value, what is allowed."""
    for one in error.errors():
        keys: Keys = tuple(str(part) for part in one["loc"])
        what = one["msg"].replace("Input should", "it should").removeprefix("Value error, ")
        if one["type"] == "missing":
            yield f"{where(keys)}: {'.'.join(keys)} is missing"
        else:
            key = ".".join(keys) or "settings"
            yield f"{where(keys)}: {key} = {one['input']!r} is not allowed: {what}"


def _line(text: str, keys: Keys) -> str:
    """`:12`, the line of `text` that sets `keys` or opens their table; nothing if none does."""
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.startswith("["):
            table = named = _split(bare.split("]")[0].strip("[ "))
        else:
            named = (*table, *_split(bare.partition("=")[0]))
        if named[: len(keys)] == keys:
            return f":{number}"
    return _line(text, keys[:-1]) if len(keys) > 1 else ""


def _split(dotted: str) -> Keys:
    """Keys of a dotted TOML key, quoted or not; none if it is not one."""
    try:
        inner: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    keys: Keys = ()
    while isinstance(inner, Mapping):
        key = next(iter(inner))
        keys, inner = (*keys, key), inner[key]
    return keys
