"""A comparison of models on one log, and the folder that reports it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from penchant.evaluation.case import Case, rank_later
from penchant.evaluation.compare import Effort, compare
from penchant.evaluation.compare_report import write_report

EFFORT = Effort(targets=60, splices=24, events=4, passes=1, orders=1)


@pytest.fixture(scope="module")
def report(case: Case) -> dict:
    return compare(case, ["recurrent", "logistic"], [0], EFFORT)


def test_rows_are_baselines_models_and_engines_and_agree_with_the_protocols(
    case: Case, report: dict
) -> None:
    rows = {row["model"]: row for row in report["rows"]}
    assert list(rows) == [
        *("popular", "trending_1d", "trending_30d", "habit", "habit_recent", "fresh"),
        *("transition", "item_item", "ease", "ease_recent"),
        *("recurrent", "logistic", "engine (recurrent)", "engine (logistic)"),
    ]
    assert rows["recurrent"]["ndcg@10"] != rows["logistic"]["ndcg@10"]
    assert report["serve"]["model"] in ("recurrent", "logistic")
    assert (report["events"], report["splices"]) == (60, 24)
    ran = rank_later(case, case.learn(0), strangers=True, most=60)
    gains = ran.gains("transition")
    row = rows["transition"]
    assert row["ndcg@10"] == pytest.approx(gains.mean(), abs=1e-5)
    sizes = np.diff(np.linspace(0, 60, 4).astype(int))
    assert sizes @ row["by_window"] / 60 == pytest.approx(gains.mean(), abs=2e-5)
    assert row["order"]["lost"] > 0
    assert row["drift"]["spliced"][1:] == row["drift"]["native"][1:]
    assert sum(cell["events"] for cell in row["cold"] if cell["of"] == "items") == 60
    assert 0 < row["cost_ms"] < rows["engine (recurrent)"]["cost_ms"]


def test_the_folder_has_the_same_report_in_both_forms_with_every_figure(
    report: dict, tmp_path: Path
) -> None:
    write_report({**report, "data": "<walks> & co"}, tmp_path / "new", "penchant compare walks")
    folder = tmp_path / "new"
    assert json.loads((folder / "report.json").read_text())["rows"] == report["rows"]
    page, text = ((folder / f"report.{form}").read_text() for form in ("html", "md"))
    assert "&lt;walks&gt; &amp; co" in page
    assert "<walks>" not in page
    figures = re.findall(r"src='(\w+\.svg)'", page)
    assert figures == re.findall(r"\((\w+\.svg)\)", text)
    assert figures == ["accuracy.svg", "windows.svg", "recovery.svg", "cold.svg"]
    for name in figures:
        assert (folder / name).read_text().startswith("<?xml")
    for row in report["rows"]:
        assert f"<td>{row['model']}</td><td>{row['ndcg@10']:.4f}</td>" in page
        assert f"| {row['model']} | {row['ndcg@10']:.4f} |" in text
    for sentence in report["serve"]["why"]:
        assert f"- {sentence}" in text


def test_a_log_too_short_for_drift_or_without_a_second_order_says_so(
    report: dict, tmp_path: Path
) -> None:
    rows = [{**row, "drift": None, "order": None} for row in report["rows"][:-1]]
    rows.append({**report["rows"][-1], "drift": None})
    write_report({**report, "rows": rows}, tmp_path, "penchant compare walks")
    text = (tmp_path / "report.md").read_text()
    assert "drift was not measured" in text
    assert not (tmp_path / "recovery.svg").exists()


def test_what_a_data_set_is_called_is_never_markup(report: dict, tmp_path: Path) -> None:
    odd = "<img src=x>|clicks.csv"
    write_report({**report, "data": odd}, tmp_path, f"penchant compare '{odd}'")
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        assert "<img src=x>" not in text
        assert "&lt;img src=x" in text
