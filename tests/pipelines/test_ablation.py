"""The pipeline `ablation`: every change tried, tracked and compared with the course's model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.runner import ThreadRunner
from scipy import sparse

from fivestar.pipelines.ablation.charts import draw_ablation
from fivestar.pipelines.ablation.nodes import try_variant
from fivestar.ratings import Features, TrainingData, Vocabulary

from ..models.behaviour import SCALE, planted
from ..project import ROOT, make_project, mlflow_runs, run

SETTINGS = yaml.safe_load((ROOT / "conf/base/parameters_ablation.yml").read_text())["ablation"]
BASE = {"family": "bias", "n_steps": 2}


def test_every_variant_is_compared_and_tracked_as_a_run_of_its_own(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    few = {
        "models": {"gradient_descent_course": {"n_steps": 40, "learning_rate": 5}},
        "ablation": {
            "variants": {"more_steps": {"n_steps": 80}, "diagonal_matrix": {"n_steps": 40}}
        },
    }
    run(project, params=few, pipeline_names=["ablation"], runner=ThreadRunner(max_workers=2))

    table = pd.read_csv(project / "data/08_reporting/demo/ablation.csv").set_index("variant")
    assert set(table.index) == set(SETTINGS["variants"])
    assert table["gain"].is_monotonic_decreasing
    assert table.loc["unchanged", "gain"] == 0
    unchanged = table.loc["unchanged", "validation_rmse"]
    np.testing.assert_allclose(table["gain"], unchanged - table["validation_rmse"], atol=1e-12)
    assert table["validation_rmse"].nunique() > 12
    assert (project / "data/08_reporting/demo/ablation.json").stat().st_size > 1000

    runs = {tracked.info.run_name: tracked for tracked in mlflow_runs(project)}
    assert set(runs) == {f"ablation-{name}" for name in SETTINGS["variants"]}
    tracked = runs["ablation-more_factors"]
    assert tracked.info.status == "FINISHED"
    assert tracked.data.params["n_factors"] == "8"
    assert tracked.data.metrics["validation_rmse"] == pytest.approx(
        table.loc["more_factors", "validation_rmse"]
    )


def some_data() -> TrainingData:
    train, validation = planted(40, 30)
    ids = (pd.Index([str(n) for n in range(size)]) for size in train.shape)
    sides = (sparse.csr_array((size, 0), dtype=np.float32) for size in train.shape)
    return TrainingData(train, validation, Vocabulary(*ids), Features(*sides), SCALE, "demo")


def test_a_variant_that_fails_is_recorded_and_does_not_raise() -> None:
    (record,) = try_variant(some_data(), BASE, {"n_steps": -1}, label="wrong")
    assert "n_steps is -1" in record["failure"]
    assert record["metrics"] == {}


def test_a_change_with_a_family_stands_alone() -> None:
    (record,) = try_variant(some_data(), BASE, {"family": "item_mean"}, label="item_mean")
    assert record["parameters"] == {"family": "item_mean"}


def test_a_bar_is_cut_at_a_loss_of_a_twentieth_of_the_scale() -> None:
    table = pd.DataFrame({"variant": [*"ab", "unchanged"], "gain": [0.1, -3.0, 0.0]})
    table = table.assign(change="{}", validation_rmse=1.0)
    chart = draw_ablation(table, some_data(), base="als").to_dict()
    rows = [row for table in chart["datasets"].values() for row in table]
    assert [(row["bar"], row["label"]) for row in rows] == [(0.1, "+0.1000"), (-0.2, "-3.0000")]
    assert chart["title"]["text"] == "What each change brings to als"
    assert chart["title"]["subtitle"].startswith("demo, split ")
