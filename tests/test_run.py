"""The whole project on small data: what `kedro run` writes, tracks and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner
from scipy import sparse

from fivestar import models
from fivestar.errors import InputError
from fivestar.metrics import rmse
from fivestar.pipeline_registry import register_pipelines
from fivestar.ratings import TrainingData

from .project import ROOT, fail_to_fit, make_project, mlflow_runs, run

LINE_UP: list[str] = yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())[
    "line_up"
]
METRICS = {
    *("train_rmse", "validation_rmse", "test_rmse"),
    *("validation_mae", "test_mae", "fit_seconds"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("sequential"))
    run(project, runner=SequentialRunner())
    return project


@pytest.fixture(scope="module")
def leaderboard(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "data/08_reporting/demo/leaderboard.csv")


def test_leaderboard_has_every_model_of_the_line_up_best_validation_first(
    leaderboard: pd.DataFrame,
) -> None:
    assert leaderboard.columns.tolist() == [
        *("model", "validation_rmse", "validation_mae", "test_rmse", "test_mae"),
        *("train_rmse", "n_parameters", "fit_seconds", "fallbacks"),
        *("test_rmse_low", "test_rmse_high", "differs_from_champion"),
    ]
    assert sorted(leaderboard["model"]) == sorted(LINE_UP)
    assert leaderboard["validation_rmse"].is_monotonic_increasing
    assert leaderboard.drop(columns="model").notna().all(axis=None)


def test_leaderboard_submission_and_models_name_the_data_that_they_are_of(project: Path) -> None:
    data = TrainingData.load(project / "data/05_model_input/demo")
    for file in (
        "08_reporting/demo/leaderboard_description.json",
        "07_model_output/demo/submission.json",
    ):
        told = json.loads((project / "data" / file).read_text())
        assert (told["place"], told["fingerprint"]) == ("demo", data.fingerprint)
    for model in LINE_UP:
        trained_on = models.load(project / "data/06_models/demo" / model).trained_on
        assert trained_on == data.identity
    chart = json.loads((project / "data/08_reporting/demo/leaderboard.json").read_text())
    assert data.title in json.dumps(chart["title"])


def test_metrics_are_those_of_the_written_predictions(
    project: Path, leaderboard: pd.DataFrame
) -> None:
    for row in leaderboard.itertuples():
        folder = project / "data/07_model_output/demo" / row.model
        predictions = pd.read_parquet(folder / "predictions.parquet")
        for part in ("validation", "test"):
            of_part = predictions[predictions["part"] == part]
            expected = pd.read_parquet(project / f"data/05_model_input/demo/{part}.parquet")
            pd.testing.assert_frame_equal(
                of_part[["user", "item", "rating"]].reset_index(drop=True),
                expected[["user", "item", "rating"]].reset_index(drop=True),
            )
            error = rmse(of_part["rating"], of_part["prediction"])
            assert getattr(row, f"{part}_rmse") == pytest.approx(error, abs=1e-6)


def test_saved_model_is_the_one_that_predicted_the_test_part(project: Path) -> None:
    ids = (project / "data/05_model_input/demo/vocabulary.json").read_text()
    vocabulary = json.loads(ids)
    predictions = pd.read_parquet(project / "data/07_model_output/demo/als/predictions.parquet")
    test = predictions[predictions["part"] == "test"]
    model = models.load(project / "data/06_models/demo/als")
    users = pd.Index(vocabulary["users"]).get_indexer(pd.Index(test["user"]))
    items = pd.Index(vocabulary["items"]).get_indexer(pd.Index(test["item"]))
    np.testing.assert_array_equal(model.predict(users, items), test["prediction"])


def test_differences_are_of_all_pairs_and_the_leaderboard_tells_those_from_the_champion(
    project: Path, leaderboard: pd.DataFrame
) -> None:
    reporting = project / "data/08_reporting/demo"
    differences = pd.read_csv(reporting / "differences.csv")
    assert differences.columns.tolist() == [
        *("model_a", "model_b", "difference", "low", "high"),
        *("p_value", "p_holm", "significant"),
    ]
    pairs = list(zip(differences["model_a"], differences["model_b"], strict=True))
    assert pairs == list(combinations(leaderboard["model"], 2))
    error = leaderboard.set_index("model")["test_rmse"]
    expected = differences["model_a"].map(error) - differences["model_b"].map(error)
    np.testing.assert_allclose(differences["difference"], expected, atol=1e-6)
    assert (
        leaderboard["test_rmse"]
        .between(leaderboard["test_rmse_low"], leaderboard["test_rmse_high"])
        .all()
    )
    others = differences.loc[: len(leaderboard) - 2, "significant"].tolist()
    assert leaderboard["differs_from_champion"].tolist() == [False, *others]
    chart = json.loads((reporting / "differences.json").read_text())
    assert sum(len(rows) for rows in chart["datasets"].values()) == 2 * len(differences)


def test_submission_is_the_champions_in_the_order_of_the_test_pairs(
    project: Path, leaderboard: pd.DataFrame
) -> None:
    submission = pd.read_csv(project / "data/07_model_output/demo/submission.csv")
    champion = leaderboard["model"].iloc[0]
    predictions = pd.read_parquet(
        project / f"data/07_model_output/demo/{champion}/predictions.parquet"
    )
    assert submission.columns.tolist() == ["ID", "Rating"]
    assert submission["ID"].tolist() == list(range(len(submission)))
    of_test = predictions.loc[predictions["part"] == "test", "prediction"]
    np.testing.assert_allclose(submission["Rating"], of_test, rtol=1e-6)


def test_matrices_hold_the_parts_on_the_vocabulary(project: Path) -> None:
    folder = project / "data/05_model_input/demo"
    vocabulary = json.loads((folder / "vocabulary.json").read_text())
    for part in ("train", "validation"):
        matrix = sparse.load_npz(folder / f"{part}_matrix.npz")
        table = pd.read_parquet(folder / f"{part}.parquet")
        assert matrix.format == "csr"
        assert matrix.dtype == np.float32
        assert matrix.shape == (len(vocabulary["users"]), len(vocabulary["items"]))
        assert matrix.nnz == len(table)
        assert matrix.sum() == table["rating"].sum()


def test_mlflow_has_one_finished_flat_run_per_model_with_everything(project: Path) -> None:
    runs = {r.info.run_name: r for r in mlflow_runs(project)}
    assert sorted(runs) == sorted(LINE_UP)
    fingerprint = TrainingData.load(project / "data/05_model_input/demo").fingerprint
    for model, tracked in runs.items():
        assert tracked.info.status == "FINISHED"
        assert {"dataset", "git_revision", "kedro_run", "split"} <= set(tracked.data.tags)
        assert tracked.data.tags["fingerprint"] == fingerprint
        inputs = {each.dataset.name: each.dataset.digest for each in tracked.inputs.dataset_inputs}
        assert set(inputs) == {"demo/train", "demo/validation", "demo/test"}
        assert inputs["demo/train"] == fingerprint
        assert tracked.data.tags["model"] == model
        assert "mlflow.parentRunId" not in tracked.data.tags
        assert set(tracked.data.metrics) >= METRICS
        assert "curve_validation_rmse" in tracked.data.metrics
    assert runs["als"].data.params["n_factors"] == "4"
    assert runs["als"].data.params["splitting.method"] == "stratified"


@pytest.mark.parametrize("runner", [ThreadRunner, ParallelRunner])
def test_every_runner_gives_the_same_metrics_to_the_last_digit(
    runner: type, project: Path, tmp_path: Path
) -> None:
    other = make_project(tmp_path / "other")
    run(other, runner=runner(max_workers=2))
    expected, found = mlflow_runs(project), mlflow_runs(other)
    assert len(found) == len(expected)
    for tracked in expected:
        twin = next(r for r in found if r.info.run_name == tracked.info.run_name)
        assert twin.info.status == "FINISHED"
        timings = {"fit_seconds"}
        assert {k: v for k, v in twin.data.metrics.items() if k not in timings} == {
            k: v for k, v in tracked.data.metrics.items() if k not in timings
        }
    assert (other / "data/07_model_output/demo/submission.csv").read_bytes() == (
        project / "data/07_model_output/demo/submission.csv"
    ).read_bytes()


@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner, ParallelRunner])
def test_a_failing_model_is_failed_in_mlflow_and_the_others_finish(
    runner: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fivestar.models.factorization.als.ALS._fit", fail_to_fit)
    project = make_project(tmp_path / "project")
    with pytest.raises(InputError, match=r"als: .*too wild"):
        run(project, params={"line_up": ["als", "bias", "item_mean"]}, runner=runner())
    status = {r.info.run_name: r.info.status for r in mlflow_runs(project)}
    assert status == {"als": "FAILED", "bias": "FINISHED", "item_mean": "FINISHED"}
    leaderboard = pd.read_csv(project / "data/08_reporting/demo/leaderboard.csv")
    assert leaderboard["model"].tolist() == ["bias", "item_mean"]
    assert (project / "data/07_model_output/demo/submission.csv").exists()


def test_a_diverging_model_finishes_with_its_last_good_weights(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    wild = {"models": {"gradient_descent_course": {"learning_rate": 1e6, "n_steps": 50}}}
    wild["line_up"] = ["gradient_descent_course"]  # type: ignore[assignment]
    run(project, params=wild)
    (tracked,) = mlflow_runs(project)
    assert tracked.info.status == "FINISHED"
    assert tracked.data.tags["ending"] == "diverged"
    submission = pd.read_csv(project / "data/07_model_output/demo/submission.csv")
    assert submission["Rating"].between(1, 5).all()


def test_without_refit_the_fit_on_train_is_the_final_model(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    run(project, params={"refit": False, "line_up": ["bias"]})
    folder = project / "data/06_models/demo/bias"
    assert (folder / "weights.safetensors").read_bytes() == (
        folder / "fitted_on_train/weights.safetensors"
    ).read_bytes()


def test_one_namespace_runs_alone_on_what_is_there(project: Path, tmp_path: Path) -> None:
    run(project, namespaces=["bias"])
    latest = mlflow_runs(project)[0]
    assert latest.info.run_name == "bias"
    assert latest.info.status == "FINISHED"
    assert set(latest.data.metrics) >= METRICS


def test_only_missing_outputs_reruns_only_what_lacks(project: Path) -> None:
    prediction = project / "data/07_model_output/demo/bias/predictions.parquet"
    model = project / "data/06_models/demo/bias/model.json"
    prediction.unlink()
    age = model.stat().st_mtime_ns
    n_runs = len(mlflow_runs(project))
    run(project, only_missing_outputs=True)
    assert prediction.exists()
    assert model.stat().st_mtime_ns == age
    assert len(mlflow_runs(project)) <= n_runs + 1


def kedro_run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kedro", "run", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_users_mistake_is_one_message_and_earlier_outputs_stay(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    run(project, params={"line_up": ["item_mean"]})
    written = {p: p.read_bytes() for p in (project / "data").rglob("*") if p.is_file()}
    ratings = project / "data/01_raw/demo/ml-100k.inter"
    ratings.write_text(ratings.read_text() + "9\t9\tmany\t1\n")

    done = kedro_run(project)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "ml-100k.inter" in done.stderr
    assert "rating:float" in done.stderr
    assert "'many'" in done.stderr
    assert "Traceback" in (project / "info.log").read_text()
    for path, content in written.items():
        if path != ratings and ".locks" not in path.parts:
            assert path.read_bytes() == content, path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pipelines", "trainnig"], "training"),
        (["--params", "splitting.method=alphabetical"], "'stratified', 'random'"),
        (["--env", "no-such-data"], "no-such-data"),
    ],
)
def test_a_mistyped_option_is_one_message(
    arguments: list[str], message: str, project: Path
) -> None:
    done = kedro_run(project, *arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert message in done.stderr


FORK_AFTER_THREADS = """
import sys, torch
sys.path.insert(0, {root!r})
torch.set_num_threads(2)
torch.randn(2000, 2000) @ torch.randn(2000, 2000)   # starts torch's own threads
from pathlib import Path
from kedro.runner import ParallelRunner
from tests.project import run
run(Path({project!r}), runner=ParallelRunner(), namespaces=["autoencoder", "als"])
"""


@pytest.mark.slow
def test_processes_forked_after_torch_used_its_threads_do_not_hang(project: Path) -> None:
    script = FORK_AFTER_THREADS.format(root=str(ROOT), project=str(project))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_all_pipelines_can_run_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kedro refuses two nodes of one name: ``--pipelines exploration,inspection``."""
    monkeypatch.chdir(ROOT)
    bootstrap_project(ROOT)
    pipelines = register_pipelines()
    for name in ("zoo", "blend"):  # the same nodes as the default, on more models
        pipelines.pop(name)
    together = sum(pipelines.values(), Pipeline([]))
    assert len(together.nodes) == len({node.name for node in together.nodes})
    assert set(pipelines["report"].nodes) <= set(together.nodes)
