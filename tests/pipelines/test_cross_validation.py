"""Folds, every model on every fold, what is kept, and what is run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.runner import ParallelRunner, ThreadRunner

from fivestar.errors import InputError
from fivestar.metrics import rmse
from fivestar.pipelines.cross_validation.folds import deal, hold_out_fold
from fivestar.pipelines.cross_validation.nodes import summarise
from tests.project import fail_to_fit, make_project, mlflow_runs, run

SETTINGS: dict[str, Any] = {"n_folds": 3, "models": ["item_mean", "bias", "als"]}
PARAMS = {"cross_validation": SETTINGS}
NAME = "cross_validation"


def dealt(table: pd.DataFrame, folds: str = "random", seed: int = 1) -> pd.DataFrame:
    return deal(table, folds=folds, n_folds=5, seed=seed)


def ratings(n: int = 1000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    pairs = rng.choice(60 * 40, n, replace=False)
    return pd.DataFrame(
        {
            "user": [f"u{p // 40}" for p in pairs],
            "item": [f"i{p % 40}" for p in pairs],
            "rating": rng.integers(1, 6, n).astype(float),
        }
    )


def index_of(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[["user", "item"]])


# -- folds


@pytest.mark.parametrize("folds", ["random", "stratified", "per_user"])
def test_folds_are_a_partition_of_equal_sizes_and_the_same_for_a_seed(folds: str) -> None:
    table = ratings(1003)
    found = dealt(table, folds)
    pd.testing.assert_frame_equal(found.drop(columns="fold"), table)
    sizes = found["fold"].value_counts()
    assert sorted(sizes.index) == [1, 2, 3, 4, 5]
    assert sizes.max() - sizes.min() <= 1
    pd.testing.assert_frame_equal(dealt(table, folds), found)
    assert not dealt(table, folds, seed=2).equals(found)


@pytest.mark.parametrize(("folds", "column"), [("stratified", "item"), ("per_user", "user")])
def test_every_fold_has_an_equal_part_of_each_items_or_users_ratings(
    folds: str, column: str
) -> None:
    found = dealt(ratings(), folds)
    counts = pd.crosstab(found[column], found["fold"])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1
    at_random = dealt(ratings())
    counts = pd.crosstab(at_random[column], at_random["fold"])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() > 1


def test_a_fold_is_held_out_of_the_ratings() -> None:
    rest, pairs = hold_out_fold(dealt(ratings()), fold=2)
    assert len(rest) + len(pairs) == len(ratings())
    assert pairs["id"].tolist() == list(range(len(pairs)))
    assert not index_of(rest).intersection(index_of(pairs)).size


def test_more_folds_than_ratings_are_refused() -> None:
    with pytest.raises(InputError, match=r"n_folds: 5 folds of 3 ratings"):
        dealt(ratings(3))


def test_summary_has_means_and_standard_errors_best_first() -> None:
    table = pd.DataFrame(
        {
            "model": ["a", "a", "b", "b"],
            "fold": [1, 2, 1, 2],
            "rmse": [1.0, 1.2, 0.9, 0.9],
            "mae": [0.8, 0.8, 0.7, 0.9],
        }
    )
    assert summarise(table, time_aware=["b"])["model"].tolist() == ["a", "b"]
    summary = summarise(table, time_aware=[])
    assert summary["model"].tolist() == ["b", "a"]
    assert summary["rmse"].tolist() == pytest.approx([0.9, 1.1])
    assert summary["rmse_standard_error"].tolist() == pytest.approx([0, 0.1])
    assert summary["mae_standard_error"].tolist() == pytest.approx([0.1, 0])


# -- the pipeline


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("project"))
    run(project, pipeline_names=[NAME], params=PARAMS, runner=ThreadRunner())
    return project


def test_every_rating_is_predicted_once_without_having_been_seen(project: Path) -> None:
    raw = pd.read_csv(project / "data/01_raw/demo/ml-100k.inter", sep="\t", dtype=str)
    for model in SETTINGS["models"]:
        table = pd.read_parquet(
            project / f"data/07_model_output/demo/{NAME}/{model}/predictions.parquet"
        )
        assert table.columns.tolist() == [
            *("fold", "user", "item", "rating", "prediction", "fallback")
        ]
        assert index_of(table).is_unique
        assert set(index_of(table)) == set(pd.MultiIndex.from_frame(raw.iloc[:, :2]))
        results = pd.read_csv(project / f"data/08_reporting/demo/{NAME}.csv")
        by_fold = results[results["model"] == model].set_index("fold")["rmse"]
        for fold, rows in table.groupby("fold"):
            told = by_fold[fold]
            assert told == pytest.approx(rmse(rows["rating"], rows["prediction"]))


def test_tables_have_the_columns_that_others_rely_on(project: Path) -> None:
    folder = project / "data/08_reporting/demo"
    table = pd.read_csv(folder / f"{NAME}.csv")
    assert table.columns.tolist() == ["model", "fold", "rmse", "mae", "fit_seconds", "fallbacks"]
    assert len(table) == 9
    summary = pd.read_csv(folder / f"{NAME}_summary.csv")
    assert summary.columns.tolist() == [
        *("model", "folds", "rmse", "rmse_standard_error", "mae", "mae_standard_error")
    ]
    assert summary["rmse"].is_monotonic_increasing
    differences = pd.read_csv(folder / f"{NAME}_differences.csv")
    assert differences.columns.tolist() == [
        *("model_a", "model_b", "difference", "low", "high", "p_value", "p_holm", "significant")
    ]
    means = summary.set_index("model")["rmse"]
    for row in differences.itertuples():
        assert row.difference == pytest.approx(means[row.model_a] - means[row.model_b])
        assert row.low <= row.difference <= row.high
    description = json.loads((folder / f"{NAME}.json").read_text())
    chart = json.loads((folder / f"{NAME}_chart.json").read_text())
    assert description["fingerprint"][:8] in chart["title"]["subtitle"][-1]
    assert "3 random folds, seed 42" in chart["title"]["subtitle"][-1]


def test_runs_are_flat_and_tagged_with_fold_and_study(project: Path) -> None:
    found = [each.data.tags for each in mlflow_runs(project)]
    studies = {tags["study"] for tags in found}
    assert studies == {"cross_validation: 3 random folds, seed 42"}
    by_fold = pd.Series([tags["fold"] for tags in found]).value_counts()
    assert by_fold.to_dict() == {"1": 3, "2": 3, "3": 3, "all": 3}
    assert not any("mlflow.parentRunId" in tags for tags in found)
    summaries = [each for each in mlflow_runs(project) if each.data.tags["fold"] == "all"]
    assert all("test_rmse_standard_error" in each.data.metrics for each in summaries)


def test_another_model_runs_only_its_own_folds(project: Path) -> None:
    folder = project / f"data/08_reporting/demo/{NAME}"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/fold-*.json")}
    params = {NAME: {**SETTINGS, "models": [*SETTINGS["models"], "svd"]}}
    run(project, pipeline_names=[NAME], params=params, only_missing_outputs=True)
    after = {path: path.stat().st_mtime_ns for path in folder.glob("*/fold-*.json")}
    assert {path: after[path] for path in before} == before
    assert {path.parent.name for path in after.keys() - before.keys()} == {"svd"}
    assert len(pd.read_csv(project / f"data/08_reporting/demo/{NAME}.csv")) == 12


def test_processes_give_the_same_figures_as_threads(project: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path)
    run(other, pipeline_names=[NAME], params=PARAMS, runner=ParallelRunner())
    tables = [
        pd.read_csv(each / f"data/08_reporting/demo/{NAME}.csv")
        .query("model in @SETTINGS['models']")
        .set_index(["model", "fold"])[["rmse", "mae", "fallbacks"]]
        for each in (project, other)
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.mark.slow
def test_what_was_done_before_a_kill_is_not_done_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    slow = {"models": {"gradient_descent": {"n_steps": 60000, "stopping": None}}}
    params = {NAME: {**SETTINGS, "models": ["item_mean", "gradient_descent"]}, **slow}
    script = (
        "from pathlib import Path; from kedro.runner import ThreadRunner; "
        "from tests.project import run\n"
        f"run(Path({str(project)!r}), pipeline_names=[{NAME!r}], params={params!r}, "
        "runner=ThreadRunner())"
    )
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, env={**os.environ, "PYTHONPATH": path}
    )
    done = project / f"data/08_reporting/demo/{NAME}/item_mean"
    waited_until = time.monotonic() + 240
    while not list(done.glob("fold-*.json")) and time.monotonic() < waited_until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in done.glob("fold-*.json")}
    assert before
    quick = {**params, "models": {"gradient_descent": {"n_steps": 5, "stopping": None}}}
    run(project, pipeline_names=[NAME], params=quick, only_missing_outputs=True)
    after = {path.name: path.stat().st_mtime_ns for path in done.glob("fold-*.json")}
    assert {name: after[name] for name in before} == before
    assert len(pd.read_csv(project / f"data/08_reporting/demo/{NAME}.csv")) == 6


def test_a_failed_fold_is_named_at_the_end_and_run_again(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    params = {NAME: {**SETTINGS, "models": ["item_mean", "svd"]}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fivestar.models.factorization.svd.SVD._fit", fail_to_fit)
        with pytest.raises(InputError, match=r"svd, fold 2: .*too wild"):
            run(project, pipeline_names=[NAME], params=params)
    assert len(pd.read_csv(project / f"data/08_reporting/demo/{NAME}.csv")) == 3
    run(project, pipeline_names=[NAME], params=params, only_missing_outputs=True)
    assert len(pd.read_csv(project / f"data/08_reporting/demo/{NAME}.csv")) == 6


def test_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with pytest.raises(InputError, match="alz"):
        run(project, pipeline_names=[NAME], params={NAME: {"models": ["alz"]}})
