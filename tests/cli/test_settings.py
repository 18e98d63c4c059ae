"""Settings come from a file, then from variables; a typo names the nearest key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from penchant.cli.settings import Settings, load_settings
from penchant.core.config_template import template

Run = Callable[..., Result]


def test_defaults_hold_where_there_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == Settings()


def test_the_file_of_the_working_directory_is_read_and_variables_lie_on_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("penchant.toml").write_text('clock = "log"\n[training]\nheld_out = 0.2\n')
    given = {"PENCHANT_TRAINING__HELD_OUT": "0.3", "PENCHANT_DB": "x.db", "PENCHANT_CONFIG": "y"}
    found = load_settings(None, given)
    assert (found.clock, found.training.held_out) == ("log", 0.3)
    assert found.evaluation.windows == 4


def test_the_template_of_all_settings_loads_back_to_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(template(Settings), encoding="utf-8")
    assert load_settings(file, {}) == Settings()


def test_an_unknown_key_is_an_error_that_names_file_line_and_nearest_key(
    run: Run, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "penchant.toml").write_text("[training]\nheld_uot = 0.2\n")
    told = run("ingest", small, code=1).stderr
    assert "penchant.toml:2" in told
    assert "did you mean 'training.held_out'?" in told
    assert "Traceback" not in told


def test_an_unknown_variable_is_an_error_too(
    run: Run, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_STRATEGY__REPEAT", "keep")
    assert "PENCHANT_STRATEGY__REPEATS" in run("ingest", small, code=1).stderr


def test_a_missing_settings_file_is_an_error(run: Run, small: Path) -> None:
    told = run("ingest", small, "--config", "none.toml", code=1).stderr
    assert "none.toml cannot be read as settings" in told


def test_variables_of_the_command_line_and_of_the_client_are_no_settings() -> None:
    given = {"PENCHANT_URL": "http://shop", "PENCHANT_KEY": "pk_a_b", "PENCHANT_DB": "shop.db"}
    assert load_settings(None, given) == Settings()
