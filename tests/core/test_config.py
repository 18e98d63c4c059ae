"""Settings: a misspelt key or a wrong value never passes in silence, wherever it stands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from penchant.core.config import load_config
from penchant.core.config_template import template
from penchant.core.errors import ConfigError, UnknownSettingError
from penchant.core.signals import SHIPPED, Signal


class Serving(BaseModel):
    """How slates are served."""

    model_config = ConfigDict(frozen=True)  # no extra="forbid": keys are checked all the same
    port: int = Field(default=8080, ge=1, le=65535)
    """Where the API listens."""
    name: str = 'the "first"\none \\ 第一'
    """Shown in the title of the page."""
    origins: tuple[str, ...] = ("a", "b")
    """Pages that may call."""


class Rule(BaseModel):
    """One rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    boost: float = 1.0
    """Factor of the score."""


class Settings(BaseModel):
    """Everything that can be set."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    data: Path = Path("penchant.db")
    """The log's file."""
    mode: Literal["fast", "exact"] = "fast"
    """How search is done."""
    limit: int | None = None
    """At most so many; unset: no limit."""
    blend: Mapping[str, float] = {"habit": 0.5, "popular one": 1e-9}
    """Weights of sources."""
    serving: Serving = Serving(port=9000)
    """The API."""
    signals: Mapping[str, Signal] = SHIPPED
    """What event types are worth."""
    rules: Mapping[str, Rule] = {}
    """Rules by name."""
    shadow: Serving | None = None
    """A second API."""


def written(folder: Path, text: str) -> Path:
    path = folder / "penchant.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_file_and_environment_everything_is_the_default() -> None:
    assert load_config(Settings, None, {"HOME": "/", "OTHER_DATA": "x"}) == Settings()


def test_the_template_names_every_key_and_loads_back_to_the_defaults(tmp_path: Path) -> None:
    text = template(Settings)
    assert load_config(Settings, written(tmp_path, text), {}) == Settings()
    for words in (
        "# The log's file.",
        "# Where the API listens.",
        "# limit =",
        "mode = ",
        "# boost",
    ):
        assert words in text
    for name in SHIPPED:
        assert f"[signals.{name}]" in text


def test_the_template_of_a_signal_explains_its_fields() -> None:
    assert "# Days after which the event counts half" in template(Signal)
    assert "# threshold =" in template(Signal)


@pytest.mark.parametrize(
    ("text", "key", "meant", "line"),
    [
        ("\nmodus = 'fast'", "modus", "mode", 2),
        ("[servng]\nport = 1", "servng", "serving", 1),
        ("[serving]\n\nprot = 1", "serving.prot", "serving.port", 3),
        ("serving = { prot = 1 }", "serving.prot", "serving.port", 1),
        ("[signals.foo]\nweigth = 1", "signals.foo.weigth", "signals.foo.weight", 2),
        ("[signals.'my own']\nhide = true", "signals.my own.hide", "signals.my own.hides", 2),
        ("[rules.a]\nboost = 2\n[rules.b]\nbost = 2", "rules.b.bost", "rules.b.boost", 4),
        ("[shadow]\nports = 2", "shadow.ports", "shadow.port", 2),
    ],
)
def test_a_misspelt_key_is_refused_with_its_line_and_the_nearest_one(
    tmp_path: Path, text: str, key: str, meant: str, line: int
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UnknownSettingError) as refused:
        load_config(Settings, path, {})
    assert str(refused.value).startswith(
        f"{path}:{line}: no setting is named {key!r} (did you mean {meant!r}?)"
    )


def test_a_wrong_value_says_where_which_value_and_what_is_allowed(tmp_path: Path) -> None:
    path = written(tmp_path, "mode = 'slow'\n[serving]\nport = 0\n[signals.x]\nhalf_life_days = -1")
    with pytest.raises(ConfigError) as refused:
        load_config(Settings, path, {})
    assert str(refused.value).splitlines() == [
        f"{path}:1: mode = 'slow' is not allowed: it should be 'fast' or 'exact'",
        f"{path}:3: serving.port = 0 is not allowed: it should be greater than or equal to 1",
        f"{path}:5: signals.x.half_life_days = -1 is not allowed: it should be greater than 0",
    ]


@pytest.mark.parametrize("said", ["weight = inf", "weight = 1e306", "threshold = nan"])
def test_a_signal_that_no_sum_could_hold_is_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"signals.view.{said.split()[0]}"):
        load_config(Settings, written(tmp_path, f"[signals.view]\n{said}\n"), {})


def test_a_table_of_the_file_is_laid_over_its_default(tmp_path: Path) -> None:
    path = written(tmp_path, "[signals.view]\nweight = 9\n[signals.hum]\n[serving]\nname = 'x'")
    found = load_config(Settings, path, {})
    assert found.signals["view"] == Signal(weight=9, half_life_days=14)
    assert found.signals["hum"] == Signal()
    assert set(found.signals) == {*SHIPPED, "hum"}
    assert found.serving == Serving(port=9000, name="x")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "limit = 1\n[serving]\nport = 1\nname = 'file'")
    environ = {
        "PENCHANT_SERVING__PORT": "2",
        "PENCHANT_SIGNALS__HUM__WEIGHT": "-1.5",
        "PENCHANT_SIGNALS__DISMISS__HIDES": "false",
        "PENCHANT_DATA": "123",
        "PENCHANT_SERVING__ORIGINS": '["x", "y"]',
        "PENCHANT_BLEND": "{ trending = 1 }",
    }
    found = load_config(Settings, path, environ)
    assert (found.limit, found.serving.port, found.serving.name) == (1, 2, "file")
    assert found.signals["hum"].weight == -1.5
    assert found.signals["dismiss"].hides is False
    assert found.signals["dismiss"].weight == -2.0
    assert found.data == Path("123")
    assert found.serving.origins == ("x", "y")
    assert found.blend == {"trending": 1.0}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PENCHANT_SERVING__PROT", "PENCHANT_SERVING__PORT"),
        ("PENCHANT_SERVNG__PORT", "PENCHANT_SERVING"),
        ("PENCHANT_SIGNALS__VIEW__WIEGHT", "PENCHANT_SIGNALS__VIEW__WEIGHT"),
        ("PENCHANT_MODE__FAST", "PENCHANT_MODE"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(name: str, meant: str) -> None:
    with pytest.raises(UnknownSettingError) as refused:
        load_config(Settings, None, {name: "1"})
    assert f"named {name!r} (did you mean {meant!r}?)" in str(refused.value)


def test_a_wrong_value_of_the_environment_names_its_variable() -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(Settings, None, {"PENCHANT_SERVING__PORT": "many"})
    assert str(refused.value).startswith(
        "PENCHANT_SERVING__PORT: serving.port = 'many' is not allowed: it should be a valid integer"
    )


def test_a_misspelt_key_inside_a_variable_names_the_variable() -> None:
    with pytest.raises(UnknownSettingError, match=r"^PENCHANT_SERVING: .*'serving.prot'"):
        load_config(Settings, None, {"PENCHANT_SERVING": "{ prot = 1 }"})


def test_another_prefix_reads_other_variables() -> None:
    environ = {"PENCHANT_NONSENSE": "1", "SHOP_LIMIT": "3"}
    assert load_config(Settings, None, environ, prefix="SHOP_").limit == 3


def test_a_file_that_is_missing_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read as settings"):
        load_config(Settings, tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match=r"penchant\.toml is not TOML: .*line 1"):
        load_config(Settings, written(tmp_path, "a b"), {})


def test_a_setting_without_a_default_is_asked_for() -> None:
    class Needy(BaseModel):
        secret_of: str

    with pytest.raises(ConfigError, match="settings: secret_of is missing"):
        load_config(Needy, None, {})
    assert "# secret_of =" in template(Needy)


def test_a_file_may_begin_with_the_mark_that_notepad_writes(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbf" + b"[serving]\nport = 9000\n")
    assert load_config(Settings, tmp_path / "s.toml", {}).serving.port == 9000
