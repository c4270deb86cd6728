"""The page that tells a run: what it says is what the run has left, and a browser draws it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fivestar.errors import InputError

from ..browser import browser_page
from ..project import ROOT, make_project, run

PAGE = "data/08_reporting/demo/report.html"
CHARTS = [
    *("exploration_rating_counts", "exploration_item_means", "leaderboard", "differences"),
    *("learning_curves", "inspection_calibration", "inspection_residuals"),
]
"""No curves from step 100: with quick settings no model gets there."""


PARAMS: dict[str, Any] = {
    "line_up": ["bias", "als", "bayesian_mf"],
    "report": {"min_ratings": 2},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("report"))
    run(folder, params=PARAMS)
    run(folder, params=PARAMS, pipeline_names=["report"])
    return folder


def users(project: Path) -> pd.DataFrame:
    return pd.read_csv(
        project / "data/08_reporting/demo/report/users.csv", dtype={"user": str, "item": str}
    )


def test_it_tells_the_leaderboard_and_how_it_was_made(project: Path) -> None:
    html = (project / PAGE).read_text(encoding="utf-8")
    board = pd.read_csv(project / "data/08_reporting/demo/leaderboard.csv")
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    for model, error in zip(board["model"], board["validation_rmse"], strict=True):
        assert cells[cells.index(model) + 1] == f"{error:.4f}"
    assert f"The best of {len(board)} models is {board['model'][0]}" in html
    assert "n_factors 4" in html
    assert "validation_share 0.25" in html


def test_it_lists_the_best_and_the_worst_that_three_users_have_not_rated(project: Path) -> None:
    table = users(project)
    parts = [
        pd.read_parquet(project / f"data/05_model_input/demo/{part}.parquet")
        for part in ("train", "validation")
    ]
    rated = {tuple(pair) for part in parts for pair in part[["user", "item"]].to_numpy()}
    assert table["user"].nunique() == 3
    for _, lists in table.groupby("user"):
        highest, best, worst = (
            lists[lists["list"] == name] for name in ("rated highest", "best", "worst")
        )
        assert {tuple(pair) for pair in highest[["user", "item"]].to_numpy()} <= rated
        assert not rated & {tuple(pair) for pair in best[["user", "item"]].to_numpy()}
        assert not rated & {tuple(pair) for pair in worst[["user", "item"]].to_numpy()}
        assert (np.diff(highest["rating"]) <= 0).all()
        assert (np.diff(best["prediction"]) <= 0).all()
        assert (np.diff(worst["prediction"]) >= 0).all()
        assert best["prediction"].min() >= worst["prediction"].max()


def test_users_can_be_named(project: Path) -> None:
    settings = {"min_ratings": 2, "users": ["7"], "n": 2}
    run(project, params={**PARAMS, "report": settings, "model": "als"}, pipeline_names=["report"])
    table = users(project)
    assert table["user"].tolist() == ["7"] * 6
    assert table["low"].isna().all()  # als has no interval


def test_a_user_without_ratings_is_told(project: Path) -> None:
    with pytest.raises(InputError, match=r"report.users: 'nobody' has no ratings"):
        run(project, params={**PARAMS, "report": {"users": ["nobody"]}}, pipeline_names=["report"])


def test_a_browser_draws_it_without_a_network(project: Path) -> None:
    for width in (1280, 390):
        with browser_page(width=width) as visit:
            visit.open(project / PAGE)
            assert visit.charts() == CHARTS
            assert visit.blank() == []
            assert visit.errors == []
            assert visit.outside == []
            page_width = visit.page.evaluate("document.documentElement.scrollWidth")
            assert page_width <= width, "the page itself must not scroll sideways"


def test_the_legend_of_the_curves_chooses_a_model(project: Path) -> None:
    with browser_page() as visit:
        visit.open(project / PAGE)
        assert visit.data("learning_curves", "chosen_store") == []
        visit.click("learning_curves", {"value": "als"}, mark="text")
        assert [row["values"] for row in visit.data("learning_curves", "chosen_store")] == [["als"]]


def test_the_page_to_try_is_of_the_best_model_that_it_can_compute_with(project: Path) -> None:
    run(project, params=PARAMS, pipeline_names=["try_page"])
    html = (project / "data/08_reporting/demo/try.html").read_text(encoding="utf-8")
    board = pd.read_csv(project / "data/08_reporting/demo/leaderboard.csv", index_col="model")
    assert "Predicted by <b>als</b>" in html
    assert f"off by {board.loc['als', 'validation_rmse']:.2f} stars" in html
    assert "https://" not in html


# -- one chart more

ACTIVITY = '''
"""Charts that only the report shows."""

import altair as alt
import numpy as np
import pandas as pd

from fivestar.ratings import TrainingData
from fivestar.reporting.charts import Chart, themed


def draw_activity(data: TrainingData) -> Chart:
    """How many users gave how many ratings."""
    table = pd.DataFrame({"n_ratings": np.diff(data.ratings.indptr)})
    base = alt.Chart(table, width="container").mark_bar()
    bars = base.encode(x=alt.X("n_ratings:Q", bin=True, title="ratings"), y="count()")
    return themed(bars, "Activity of users", data.title)
'''
ADDED = {
    "from fivestar.pipelines.report.nodes import (": (
        "from fivestar.pipelines.report.charts import draw_activity\n"
    ),
    'Shown("exploration_item_means_chart"': 'Shown("activity_chart", "Few are active."),\n        ',
    "node(describe_run, ": 'node(draw_activity, data, "activity_chart"),\n        ',
}
"""To the report's pipeline, each in front of a line."""


@pytest.mark.slow
def test_one_chart_more_takes_two_files(project: Path, tmp_path: Path) -> None:
    """A function that draws it; and its node and where it is shown, as CONTRIBUTING tells."""
    sources = shutil.copytree(ROOT / "src", tmp_path / "src")
    folder = sources / "fivestar/pipelines/report"
    pipeline = (folder / "pipeline.py").read_text()
    for line, added in ADDED.items():
        assert pipeline.count(line) == 1
        pipeline = pipeline.replace(line, added + line)
    (folder / "pipeline.py").write_text(pipeline)
    (folder / "charts.py").write_text(ACTIVITY)
    again = (
        "from pathlib import Path; from tests.project import run; "
        f'run(Path("."), params={PARAMS}, pipeline_names=["report"])'
    )
    environment = os.environ | {"PYTHONPATH": f"{sources}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", again]
    done = subprocess.run(
        command, check=False, cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Few are active." in (project / PAGE).read_text(encoding="utf-8")
    with browser_page() as visit:
        visit.open(project / PAGE)
        assert visit.charts() == [CHARTS[0], "activity", *CHARTS[1:]]
        assert visit.blank() == visit.errors == []
