"""Monitoring on a small project: what says to retrain, what does not, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.io import DatasetError
from pydantic import ValidationError
from scipy import sparse

from fivestar.config import ConfigLoader
from fivestar.datasets import TextTable
from fivestar.errors import InputError
from fivestar.pipelines.ingestion.settings import IngestionSettings
from fivestar.pipelines.monitoring.checks import Check, check, decide, verdict
from fivestar.pipelines.monitoring.new_ratings import clean_new_ratings
from fivestar.pipelines.monitoring.settings import MonitoringSettings
from fivestar.pipelines.monitoring.shares import compare_items, compare_stars, levels_of
from fivestar.ratings import Features, Scale, TrainingData, Vocabulary, item_table
from fivestar.settings import CONFIG_LOADER_ARGS

from ..project import ROOT, make_project, mlflow_runs, run

PARAMETERS = yaml.safe_load((ROOT / "conf/base/parameters_monitoring.yml").read_text())
SETTINGS = {**PARAMETERS["monitoring"], "n_resamples": 999, "n_draws": 100}
COLUMNS = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
REPORTS = "data/08_reporting/demo/monitoring"
CHECKS = [
    *("stars", "popularity", "unknown_users", "unknown_items", "rmse", "mean_error"),
    *("latest_rmse", "coverage", "reliability", "decision"),
]
Monitor = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose champion has not seen a fifth of the ratings, which lie in `new.tsv`."""
    project = make_project(tmp_path_factory.mktemp("monitoring"))
    path = project / "data/01_raw/demo/ml-100k.inter"
    ratings = pd.read_csv(path, sep="\t")
    new = ratings.sample(frac=0.2, random_state=0)
    ratings.drop(new.index).to_csv(path, sep="\t", index=False)
    new.to_csv(project / "new.tsv", sep="\t", index=False)
    run(project, params={"line_up": ["bias", "bayesian_mf"]})
    return project


@pytest.fixture
def monitor(project: Path) -> Monitor:
    def monitored(new: pd.DataFrame, **params: Any) -> pd.DataFrame:
        path = project / "data/01_raw/demo/new_ratings.csv"
        new.to_csv(path, sep="\t", index=False)
        given = {"line_up": ["bias", "bayesian_mf"], "monitoring": SETTINGS, **params}
        run(project, params=given, pipeline_names=["monitoring"])
        return pd.read_csv(project / REPORTS / "checks.csv").set_index("check")

    return monitored


def new_ratings(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "new.tsv", sep="\t")


def test_ratings_without_drift_are_no_reason_to_retrain(project: Path, monitor: Monitor) -> None:
    checks = monitor(new_ratings(project), model="bayesian_mf")
    assert checks.index.tolist() == CHECKS
    assert "retrain" not in set(checks["verdict"])
    assert "not checked" not in set(checks["verdict"])
    windows = pd.read_csv(project / REPORTS / "windows.csv")
    assert windows["n_ratings"].sum() == len(new_ratings(project))
    assert windows["first"].is_monotonic_increasing
    stars = pd.read_csv(project / REPORTS / "stars.csv")
    assert stars[["earlier", "new"]].sum().tolist() == pytest.approx([1, 1], abs=1e-4)
    reliability = pd.read_csv(project / REPORTS / "reliability.csv")
    assert reliability["gap"].sum() == pytest.approx(0, abs=1e-4)
    for name in ("checks", "stars", "items", "windows", "reliability"):
        assert (project / REPORTS / f"{name}.json").exists()
    logged = mlflow_runs(project)[0]
    assert (logged.info.run_name, logged.info.status) == ("monitoring", "FINISHED")
    assert logged.data.tags["predictor"] == "bayesian_mf"
    assert logged.data.tags["verdict"] == checks.loc["decision", "verdict"]
    assert logged.data.metrics["rmse_value"] == pytest.approx(checks.loc["rmse", "value"], abs=1e-4)


def test_other_stars_and_unknown_ids_say_retrain_and_which(project: Path, monitor: Monitor) -> None:
    new = new_ratings(project)
    new[COLUMNS[2]] = 6 - new[COLUMNS[2]]
    strangers = new.tail(60).assign(**{COLUMNS[0]: [f"new {n}" for n in range(60)]})
    checks = monitor(pd.concat([new, strangers]), model="bias")
    assert (checks.loc[["rmse", "unknown_users", "decision"], "verdict"] == "retrain").all()
    assert (checks.loc[["coverage", "reliability"], "verdict"] == "not checked").all()
    assert checks.loc["unknown_items", "verdict"] == "ok"
    assert "rmse" in checks.loc["decision", "finding"]
    assert "60 of" in checks.loc["unknown_users", "finding"]


def test_pairs_of_the_data_set_are_left_out_and_only_these_are_refused() -> None:
    def clean(raw: pd.DataFrame) -> pd.DataFrame:
        columns = {"user": "user", "item": "item", "rating": "rating"}
        settings = IngestionSettings(
            columns=columns, duplicates="error", test_duplicates="error", k_core=5
        )
        raw.attrs["file"] = "new.csv"
        return clean_new_ratings(raw, known, pairs, settings, Scale(1, 5))

    known = pd.DataFrame({"user": ["a", "b"], "item": ["x", "x"], "rating": [1.0, 2.0]})
    pairs = pd.DataFrame({"user": ["a"], "item": ["y"], "rating": [np.nan]})
    new = pd.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "rating": ["4"] * 3})
    assert clean(new)[["user", "item"]].astype(str).to_numpy().tolist() == [["b", "y"]]
    with pytest.raises(InputError, match=r"new\.csv: every pair of user and item .* already"):
        clean(new.head(2))
    with pytest.raises(InputError, match=r"new\.csv: column 'rating': outside the scale"):
        clean(new.assign(rating="7"))


@pytest.mark.parametrize("environment", ["demo", "ml-100k", "ml-1m", "book-crossing", "ml-20m"])
def test_a_missing_file_is_told_with_what_to_write_there(environment: str) -> None:
    loader = ConfigLoader(str(ROOT / "conf"), environment, {}, **CONFIG_LOADER_ARGS)  # type: ignore[arg-type]
    entry = {**loader["catalog"]["new_ratings_raw"], "filepath": "nowhere/new_ratings.csv"}
    assert entry.pop("type") == "fivestar.datasets.TextTable"
    with pytest.raises(DatasetError, match=r"new_ratings\.csv: no such file\. Write there the"):
        TextTable(**entry).load()


@pytest.mark.parametrize(
    ("drift", "low", "expected"),
    [(0.2, 0.11, "retrain"), (0.2, 0.09, "watch"), (0.09, 0.05, "ok"), (0.2, np.nan, "watch")],
)
def test_a_check_says_retrain_only_where_the_whole_interval_is_over_the_limit(
    drift: float, low: float, expected: str
) -> None:
    assert verdict(drift, low, limit=0.1) == expected


def test_the_decision_is_that_of_the_worst_check() -> None:
    def checks(*lows: float) -> list[Check]:
        return [check(f"c{n}", 0, 0, (0.5, low, 1), 0.4, "") for n, low in enumerate(lows)]

    assert decide(checks(0.3, 0.45))[-2:] == ("retrain", "Retrain: over the limit: c1.")
    assert decide(checks(0.3)).verdict == "watch"
    assert decide([check("c", 0, 0, (0.1, 0, 1), 0.4, "")]).verdict == "ok"


def planted(rng: np.random.Generator, weights: np.ndarray) -> pd.DataFrame:
    n_users, n_items = 200, len(weights)
    rows = [
        (f"u{user}", f"i{item}")
        for user in range(n_users)
        for item in rng.choice(n_items, 20, replace=False, p=weights / weights.sum())
    ]
    table = pd.DataFrame(rows, columns=["user", "item"])
    return table.assign(rating=rng.integers(1, 6, len(table)).astype(float))


def test_items_that_are_rated_more_often_than_chance_explains_are_found() -> None:
    rng, weights = np.random.default_rng(0), np.linspace(1, 5, 100)
    train = planted(rng, weights)
    ids = Vocabulary.of([train])
    none, no_features = (
        sparse.csr_array(ids.shape, dtype=np.float32),
        Features(*(sparse.csr_array((n, 0)) for n in ids.shape)),
    )
    data = TrainingData(ids.matrix(train), none, ids, no_features, Scale(1, 5))
    items = item_table(pd.DataFrame({"item": ids.items}), data)
    settings = MonitoringSettings(**SETTINGS)
    same, other = planted(rng, weights), planted(rng, weights[::-1])
    assert compare_items(same, data, items, settings)[1].verdict == "ok"
    shares, found = compare_items(other, data, items, settings)
    assert found.verdict == "retrain"
    assert (shares["change"].head(10) > 0).all()
    assert compare_stars(same, data, settings)[1].verdict == "ok"
    fewer = same[(same["rating"] != 1) | (rng.random(len(same)) < 0.2)]
    table, check_of_stars = compare_stars(fewer, data, settings)
    assert check_of_stars.verdict == "retrain"
    assert check_of_stars.value == pytest.approx((table["new"] - table["earlier"]).abs().sum() / 2)


def test_many_different_ratings_are_put_into_bins() -> None:
    assert levels_of(np.array([1, 3, 2, 3]), Scale(1, 5)).tolist() == [1, 2, 3]
    bins = levels_of(np.linspace(0, 10, 99), Scale(0, 10))
    assert bins.tolist() == pytest.approx(np.arange(0.5, 10).tolist())


def test_too_few_resamples_for_the_confidence_are_refused() -> None:
    with pytest.raises(ValidationError, match="n_resamples are too few"):
        MonitoringSettings(**{**SETTINGS, "confidence": 0.999})
