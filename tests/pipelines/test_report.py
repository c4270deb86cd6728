"""The page that tells a run: what it says is what the run has left, and a browser draws it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fivestar.errors import InputError

from ..browser import browser_page
from ..project import make_project, run

PAGE = "data/08_reporting/demo/report.html"
CHARTS = [
    *("exploration_rating_counts", "exploration_item_means", "leaderboard", "learning_curves"),
    *("inspection_calibration", "inspection_residuals"),
]
"""No curves from step 100: with quick settings no model gets there."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("report"))
    run(folder)
    run(folder, params={"report": {"min_ratings": 2}}, pipeline_names=["report"])
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
    run(project, params={"report": settings, "model": "als"}, pipeline_names=["report"])
    table = users(project)
    assert table["user"].tolist() == ["7"] * 6
    assert table["low"].isna().all()  # als has no interval


def test_a_user_without_ratings_is_told(project: Path) -> None:
    with pytest.raises(InputError, match=r"report.users: 'nobody' has no ratings"):
        run(project, params={"report": {"users": ["nobody"]}}, pipeline_names=["report"])


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
