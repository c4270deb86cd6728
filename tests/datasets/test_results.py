"""What runs leave is loaded back, and shown by kedro-viz."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from fivestar.datasets import ParquetTable, Provenance, TrainedModels, VegaChart
from fivestar.models import build
from fivestar.reporting.charts import themed

from ..models.behaviour import SCALE, planted

PNG = b"\x89PNG"


def test_a_chart_is_loaded_back_and_previewed_as_a_picture(tmp_path: Path) -> None:
    table = pd.DataFrame({"model": ["a", "b"], "rmse": [0.9, 1.0]})
    bars = alt.Chart(table, width="container").mark_bar().encode(x="rmse:Q", y="model:N")
    dataset = VegaChart(filepath=str(tmp_path / "chart.json"))
    assert not dataset.exists()
    dataset.save(themed(bars, "Title <&> 'é'"))
    assert dataset.exists()
    specification = json.loads((tmp_path / "chart.json").read_text(encoding="utf-8"))
    assert specification["title"] == "Title <&> 'é'"
    assert dataset.load().to_dict() == specification
    assert base64.b64decode(dataset.preview()).startswith(PNG)


def test_a_layered_chart_of_no_rows_can_be_shown(tmp_path: Path) -> None:
    empty = alt.Chart(pd.DataFrame(columns=["x", "y"])).encode(x="x:Q", y="y:Q")
    dataset = VegaChart(filepath=str(tmp_path / "chart.json"))
    dataset.save(themed(empty.mark_line() + empty.mark_point(), "Nothing", "There is no data."))
    dataset.load()
    assert base64.b64decode(dataset.preview()).startswith(PNG)


def test_a_preview_of_a_table_holds_plain_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"item": ["1", "2"], "genres": [["Drama"], []], "year": [1995.0, np.nan]})
    dataset = ParquetTable(filepath=str(tmp_path / "items.parquet"))
    dataset.save(table)
    shown = dataset.preview(nrows=1)
    assert shown["columns"] == ["item", "genres", "year"]
    assert shown["data"] == [["1", ["Drama"], 1995.0]]
    dataset.save(table[:0])
    assert dataset.preview()["data"] == []


def test_trained_models_are_loaded_by_name_when_asked_for(tmp_path: Path) -> None:
    train, _ = planted()
    for name in ("first", "second"):
        model = build({"family": "bias"})
        model.fit(train, scale=SCALE)
        model.save(tmp_path / name)
        model.save(tmp_path / name / "fitted_on_train")
    (tmp_path / "failed").mkdir()
    for inside in (".", "fitted_on_train"):
        dataset = TrainedModels(filepath=str(tmp_path), inside=inside)
        shelf = dataset.load()
        assert list(shelf) == ["first", "second"]
        assert shelf["second"].family == "bias"
        assert dataset.exists()
    with pytest.raises(KeyError):
        shelf["failed"]
    assert not TrainedModels(filepath=str(tmp_path / "none")).exists()
    with pytest.raises(DatasetError):
        dataset.save(None)


def test_provenance_tells_revision_time_and_versions(tmp_path: Path) -> None:
    made = Provenance(project=str(tmp_path)).load()
    assert made["git_revision"] == "unknown"
    assert made["time"].endswith("UTC")
    assert "torch 2." in made["libraries"]
